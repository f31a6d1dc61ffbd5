"""The log file is moved away while programs that forked are at work; the counters follow them."""

import re
import sys
from pathlib import Path

from kms import toml
from processes import clean_environment, run

HOST = Path(__file__).parent / "forked_calls.py"


def test_rotation_and_fork(binaries, kms, tmp_path):
    log, counters = tmp_path / "module.log", tmp_path / "counters"
    counters.mkdir()
    configuration = tmp_path / "kms-pkcs11.conf"
    top = {"api_endpoint": kms.url, "ca_certs_file": str(kms.ca_file), "api_key": f"file:{kms.api_key_file}"}
    configuration.write_text(
        toml(top) + "[log]\n" + toml({"level": "debug", "file": str(log), "counters_dir": str(counters)}))
    configuration.chmod(0o600)
    env = clean_environment(KMS_PKCS11_CONF=str(configuration), PYTHONDONTWRITEBYTECODE="1")
    result = run(sys.executable, HOST, binaries.module, log, env=env)
    parent, child = result.stdout.decode().split()
    # Lines from before the move are in the old file, later ones, of both processes, in the new one.
    old, new = (tmp_path / "module.log.old").read_text(), log.read_text()
    assert f"[{parent}] debug: C_Initialize" in old and f"[{child}]" not in old
    assert f"[{parent}] debug: C_FindObjectsInit" in new and f"[{child}] debug: C_FindObjectsInit" in new
    assert all(re.match(r"\d{4}-\d\d-\d\dT\S+Z kms-pkcs11\[\d+\] debug: C_", line) for line in new.splitlines())
    # A descriptor that the host closed and used otherwise is not written to.
    assert (tmp_path / "module.log.other").read_text() == "the host's\n"
    # Each process counts for itself.
    numbers = {}
    for process in (parent, child):
        text = (counters / f"kms-pkcs11-{process}.prom").read_text()
        numbers[process] = {
            name: int(value) for name, value in re.findall(r"^kms_pkcs11_(\w+)_total\{.*\} (\d+)$", text, re.MULTILINE)
        }
        assert f'{{slot="1",label="Fortanix Token",pid="{process}"}}' in text
    assert numbers[parent]["logins"] == 1 and numbers[parent]["refused_logins"] == 0
    assert numbers[parent]["requests"] >= 2 and numbers[parent]["connects"] == 1 and numbers[parent]["failures"] == 0
    assert numbers[child]["connects"] == 1 and numbers[child]["requests"] >= 1
    assert len(list(counters.iterdir())) == 2
