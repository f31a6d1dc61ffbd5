"""Several slots: tokens of their own with their own KMS, credential and trust, and a list that does not change."""

import secrets
import sys
from pathlib import Path

import pytest
from kms import running_kms, toml
from processes import clean_environment, run

HOST = Path(__file__).parent / "slots.py"


@pytest.fixture(scope="module")
def second_kms(binaries, tmp_path_factory):
    """Another KMS, with a certificate authority of its own."""
    with running_kms(binaries, tmp_path_factory.mktemp("second") / "kms") as server:
        yield server


def app(kms, directory: Path, *, key: str) -> str:
    """A new app with one key, in a group of its own; returns where its API key is."""
    name = f"slot-{secrets.token_hex(8)}"
    file = directory / name
    kms.run_kmsctl("group", "create", name)
    kms.run_kmsctl("app", "create", name, "--group", name)
    kms.run_kmsctl("app", "show-key", name, "--output", file)
    kms.run_kmsctl("key", "generate", key, "--type", "ec", "--curve", "P-256", "--group", name)
    return f"file:{file}"


@pytest.fixture
def report(binaries, kms, second_kms, configuration, tmp_path):
    """What slots.py says of two apps of one KMS, one of another, the same with the wrong authority, and an empty slot."""
    slots = [
        {"label": "one", "api_endpoint": kms.url, "ca_certs_file": str(kms.ca_file),
         "api_key": app(kms, tmp_path, key=f"first-{tmp_path.name}")},
        {"label": "two", "endpoints": [kms.url], "ca_certs_file": str(kms.ca_file),
         "api_key": app(kms, tmp_path, key=f"second-{tmp_path.name}")},
        {"label": "three", "api_endpoint": second_kms.url, "ca_certs_file": str(second_kms.ca_file),
         "api_key": app(second_kms, tmp_path, key=f"third-{tmp_path.name}")},
    ]  # fmt: skip
    slots.append({"label": "untrusted", "api_endpoint": second_kms.url, "ca_certs_file": str(kms.ca_file),
                  "api_key": slots[2]["api_key"]})  # fmt: skip
    slots.append({"label": "nowhere"})
    configuration.write_text("retry_timeout_millis = 20000\n" + "".join("[[slot]]\n" + toml(slot) for slot in slots))
    env = clean_environment(KMS_PKCS11_CONF=str(configuration), PYTHONDONTWRITEBYTECODE="1")
    result = run(sys.executable, HOST, binaries.module, env=env)
    return dict(line.split(": ", 1) for line in result.stdout.decode().splitlines())


def test_slots(report, tmp_path):
    name = tmp_path.name
    assert report["slots"] == "1 2 3 4 5" and report["with token"] == "1 2 3 4"
    assert report["labels"] == "one two three untrusted"
    # Each has its own serial number, also where the KMS is the same.
    assert len(set(report["serials"].split())) == 4
    # Own credentials: each sees its app's key; own trust: the fourth slot has the third one's credential, and cannot.
    assert report["one"] == f"first-{name}" and report["two"] == f"second-{name}" and report["three"] == f"third-{name}"
    assert report["untrusted"] == "CKR_DEVICE_ERROR"
    assert report["nowhere"] == "CKR_TOKEN_NOT_PRESENT"
    # A login is one slot's alone.
    assert report["logged in"] == "one"
    assert report["private key of two without login"] == "0" and report["private key of one"] == "1"
    # A handle of one slot is none of another's.
    assert report["foreign handle"] == "CKR_KEY_HANDLE_INVALID"
    # The list is the same later, and in a child.
    assert report["later"] == report["child"] == "1 2 3 4 5"
