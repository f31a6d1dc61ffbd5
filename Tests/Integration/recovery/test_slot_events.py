"""C_WaitForSlotEvent: a KMS that goes is a token that is removed, and comes back."""

import subprocess
import sys
from pathlib import Path

import pytest
from processes import clean_environment

HOST = Path(__file__).parent / "slot_events.py"


@pytest.fixture
def host(binaries, module_env):
    process = subprocess.Popen(
        [sys.executable, HOST, binaries.module],
        env=clean_environment(**module_env),
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


def test_a_kms_goes_and_comes(host, kms):
    assert host.stdout.readline() == "quiet\n"
    try:
        kms.kill9()
        assert host.stdout.readline() == "1 0\n"
    finally:
        kms.start()
    assert host.stdout.readline() == "1 1\n"
    assert host.stdout.readline() == "CKR_CRYPTOKI_NOT_INITIALIZED\n"
    assert host.wait(timeout=60) == 0
