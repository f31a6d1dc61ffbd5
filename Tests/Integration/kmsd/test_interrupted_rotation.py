"""kmsd rotate-master-key, killed at every single call that writes: the directory opens, and a second try succeeds."""

import base64
import os
import random
import secrets
import shutil
import signal
import time

import pytest
from processes import Service, clean_environment, output_of, run
from small_disk import FaultyDisk
from steady_work import KEYS

# Every how manieth call `make test` tries. The rest, and all that chance adds, is for `make soak`.
STRIDE = 6


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


def rotate(kms, *arguments, check: bool = True, **environment):
    command = [kms.program, "rotate-master-key", "--data", kms.data, *arguments]
    return run(*command, env=clean_environment(**kms.environment, **environment), check=check)


def is_usable(kms, rest_client):
    """Serves, lets the app in, exports and signs."""
    assert kms.verify().endswith("all is well")
    kms.start(any_port=True)
    app = rest_client(kms, kms.authorization)
    keys = {key["name"]: key["kid"] for key in app.expect(200, "GET", KEYS).json()}
    assert set(keys) == {"signer", "secret 0", "secret 1", "secret 2"}
    app.expect(200, "GET", f"{KEYS}/{keys['secret 0']}/export")
    app.expect(200, "POST", f"{KEYS}/{keys['signer']}/sign", {"hash_alg": "SHA256", "data": "AAAA"})
    app.close()
    assert kms.stop() == 0


def master_key(kms) -> str | None:
    """What is in the file, if there is one."""
    file = kms.data / "master.key"
    return file.read_text() if file.exists() else None


def find_the_key(kms, new: str):
    """As the operator does after an interrupted rotation to a variable: kmsd says whether the directory is its."""
    kms.environment = {"KMSD_MASTER_KEY": new}
    result = run(kms.program, "verify", "--data", kms.data, env=clean_environment(**kms.environment), check=False)
    if result.returncode == 78:
        assert "unset KMSD_MASTER_KEY" in output_of(result)
        kms.environment = {}
    else:
        # The old one, which the rotation had no time to remove.
        (kms.data / "master.key").unlink(missing_ok=True)


def test_rotation(filled, rest_client):
    kms = filled
    old = master_key(kms)
    rotate(kms)
    is_usable(kms, rest_client)
    assert master_key(kms) != old
    (kms.data / "master.key").write_text(old)
    result = run(kms.program, "serve", "--data", kms.data, "--listen", "127.0.0.1:0", check=False)
    assert result.returncode == 78
    (line,) = output_of(result).splitlines()
    assert "master key" in line and "does not belong to this data directory" in line


@pytest.mark.parametrize("kind", ["file", "environment"])
def test_killed_at_some_calls(filled, rest_client, tmp_path, kind):
    kill_at_calls(filled, rest_client, tmp_path, kind, STRIDE)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["file", "environment"])
def test_killed_at_every_call(filled, rest_client, tmp_path, kind):
    kill_at_calls(filled, rest_client, tmp_path, kind, 1)


def kill_at_calls(kms, rest_client, tmp_path, kind: str, stride: int):
    """To a key in a file, or from one to one in the environment."""
    disk = FaultyDisk(tmp_path, kms.data)
    original = tmp_path / "original"
    shutil.copytree(kms.data, original)
    old = master_key(kms)
    new = secrets.token_hex(32)
    change = ["--new-master-key", kind]
    kept, number = set(), 1 + random.randrange(stride)
    while True:
        shutil.rmtree(kms.data)
        shutil.copytree(original, kms.data)
        faults = disk.environment | {"FAULTY_DISK_KILL": str(number)}
        result = rotate(kms, *change, check=False, **faults, KMSD_NEW_MASTER_KEY=new)
        if result.returncode != -signal.SIGKILL:
            assert result.returncode == 0, output_of(result)
            break
        kept.add(master_key(kms) == old)
        if kind == "environment":
            find_the_key(kms, new)
        is_usable(kms, rest_client)
        # Once more, to yet another key in a file.
        rotate(kms, "--new-master-key", "file")
        kms.environment = {}
        assert kms.verify().endswith("all is well")
        number += stride
    assert True in kept and number > 3 * stride
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
