"""Mistakes at the command line: the exit code, and a sentence with the remedy."""

import pytest
from kms import KMS


@pytest.mark.parametrize(
    "command",
    [("key", "delete", "no-such"), ("app", "delete", "no-such"), ("user", "delete", "no-such"), ("plugin", "delete", "no-such")],
)
def test_nobody_to_ask_is_wrong_usage(admin, command):
    """Before anything is looked up."""
    outcome = admin(*command)
    assert outcome.code == 64 and "--yes" in outcome.err and "Nothing was deleted" in outcome.err
    assert "--yes" in admin(*command, "--json").error["message"]
    assert admin(*command, "--yes").code == 5


@pytest.mark.parametrize(
    "command",
    [
        ("group", "create"), ("app", "create", "--group", "g"), ("key", "generate", "--type", "ec"),
        ("key", "import", "--file", "f"), ("cert", "import", "--file", "f"), ("user", "create"),
    ],
)  # fmt: skip
def test_names_are_not_empty(kmsctl, command):
    for name in ("", "  "):
        outcome = kmsctl(*command, name)
        assert outcome.code == 64 and "empty or blank" in outcome.err


def test_taken_names(admin, kms, name):
    for command in (
        ("group", "create", kms.group),
        ("app", "create", kms.app, "--group", kms.group),
        ("key", "generate", "p256-key", "--type", "ec", "--group", kms.group),
    ):
        outcome = admin(*command)
        assert outcome.code == 1 and "already exists" in outcome.err and "Choose another name" in outcome.err


def test_deleted_things_are_named(admin, kms, name):
    made = admin.done("key", "generate", name, "--type", "ec", "--group", kms.group, "--json").json
    deleted = admin.done("key", "delete", name, "--yes", "--json").json
    assert deleted == {"kid": made["kid"], "name": name, "deleted": True}
    app = admin.done("app", "create", name, "--group", kms.group, "--json").json["app_id"]
    assert admin.done("app", "delete", name, "--yes").out == f"Deleted app {name} ({app}).\n"


def test_places_to_write(admin, kms, tmp_path):
    outcome = admin("app", "show-key", kms.app, "--output", tmp_path / "no" / "key")
    assert outcome.code == 2 and "Make the folder" in outcome.err


def test_a_throttled_login_says_so_in_its_own_words(binaries, kmsctl, tmp_path):
    """No lines of the PKCS#11 module, unless they are asked for."""
    server = KMS(binaries, tmp_path / "kms")
    server.initialize()
    server.start()
    try:
        wrong = tmp_path / "wrong"
        wrong.write_text("a wrong password\n")
        wrong.chmod(0o600)
        login = ("login", "--user", "else@localhost", "--password-file", wrong, "--timeout", "1")
        there = {"KMSCTL_ENDPOINT": server.url, "KMSCTL_CA_FILE": str(server.ca_file)}
        outcomes = [kmsctl(*login, **there) for _ in range(12)]
        throttled = [outcome for outcome in outcomes if "429" in outcome.err]
        assert throttled and all("Try again later" in outcome.err for outcome in throttled)
        assert not any("kms-pkcs11[" in outcome.all for outcome in outcomes)
    finally:
        server.stop()
