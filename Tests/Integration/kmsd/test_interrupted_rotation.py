"""kmsd rotate-master-key, killed at every single call that writes: the directory opens, and a second try succeeds."""

import base64
import os
import random
import shutil
import signal
import time

import pytest
from processes import Service, clean_environment, output_of, run
from small_disk import FaultyDisk
from steady_work import KEYS

# Every how manieth call `make test` tries. The rest, and all that chance adds, is for `make soak`.
STRIDE = 4


@pytest.fixture
def filled(new_kms, rest_client, tmp_path):
    """A data directory with sealed objects of every kind; stopped."""
    kms = new_kms()
    kms.start()
    authorization = f"Basic {kms.make_app('app')}"
    app = rest_client(kms, authorization)
    for number in range(3):
        value = base64.b64encode(os.urandom(5000)).decode()
        app.expect(201, "PUT", KEYS, {"name": f"secret {number}", "obj_type": "SECRET", "value": value})
    body = {"name": "signer", "obj_type": "EC", "elliptic_curve": "NistP256"}
    app.expect(201, "POST", KEYS, body)
    app.close()
    assert kms.stop() == 0
    kms.authorization = authorization
    return kms


def rotate(kms, check: bool = True, **environment):
    command = [kms.program, "rotate-master-key", "--data", kms.data]
    return run(*command, env=clean_environment(**environment), check=check)


def is_usable(kms, rest_client) -> str:
    """Serves, lets the app in, exports and signs; answers the master key that it does so with."""
    assert kms.verify().endswith("all is well")
    kms.start(any_port=True)
    app = rest_client(kms, kms.authorization)
    keys = {key["name"]: key["kid"] for key in app.expect(200, "GET", KEYS).json()}
    assert set(keys) == {"signer", "secret 0", "secret 1", "secret 2"}
    app.expect(200, "GET", f"{KEYS}/{keys['secret 0']}/export")
    app.expect(200, "POST", f"{KEYS}/{keys['signer']}/sign", {"hash_alg": "SHA256", "data": "AAAA"})
    app.close()
    assert kms.stop() == 0
    return (kms.data / "master.key").read_text()


def test_rotation(filled, rest_client):
    kms = filled
    old = (kms.data / "master.key").read_bytes()
    rotate(kms)
    assert is_usable(kms, rest_client).encode() != old
    (kms.data / "master.key").write_bytes(old)
    result = run(kms.program, "serve", "--data", kms.data, "--listen", "127.0.0.1:0", check=False)
    assert result.returncode != 0 and "master key" in output_of(result)


def test_killed_at_each_call(filled, rest_client, tmp_path):
    kill_at_calls(filled, rest_client, tmp_path, STRIDE)


@pytest.mark.soak
def test_killed_at_every_call(filled, rest_client, tmp_path):
    kill_at_calls(filled, rest_client, tmp_path, 1)


def kill_at_calls(kms, rest_client, tmp_path, stride: int):
    disk = FaultyDisk(tmp_path, kms.data)
    original = tmp_path / "original"
    shutil.copytree(kms.data, original)
    old = (original / "master.key").read_text()
    seen, number = set(), 1 + random.randrange(stride)
    while True:
        shutil.rmtree(kms.data)
        shutil.copytree(original, kms.data)
        result = rotate(kms, False, **disk.environment, FAULTY_DISK_KILL=str(number))
        if result.returncode != -signal.SIGKILL:
            assert result.returncode == 0, output_of(result)
            break
        seen.add(is_usable(kms, rest_client) == old)
        rotate(kms)
        assert kms.verify().endswith("all is well")
        number += stride
    assert seen == {True, False}, f"{number} calls, and not both keys were seen"
    print(f"killed before {number - 1} calls, every {stride}")


@pytest.mark.soak
def test_killed_at_random_moments(filled, rest_client):
    kms = filled
    began = time.monotonic()
    rotate(kms)
    usual = time.monotonic() - began
    for _ in range(60):
        command = [kms.program, "rotate-master-key", "--data", kms.data]
        service = Service(command, clean_environment(), kms.log)
        service.start()
        time.sleep(random.uniform(0, 1.3 * usual))
        service.stop(signal.SIGKILL)
        is_usable(kms, rest_client)
    rotate(kms)
    is_usable(kms, rest_client)
