"""Logging in: where secrets come from, what is kept, and who gets to see the token."""

import base64
import json
import os
import pty
import stat
import subprocess
import time
from pathlib import Path

from processes import PATIENCE, clean_environment, free_port


def mode(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def session_file(kmsctl) -> Path:
    return Path(kmsctl.environment["KMSCTL_SESSION"])


def with_another_secret(api_key: str) -> str:
    """A well-formed API key of the same app that the KMS does not know."""
    app, _ = base64.b64decode(api_key).split(b":", 1)
    return base64.b64encode(app + b":" + b"A" * 86).decode()


def test_login_and_logout(kmsctl, kms):
    outcome = kmsctl.done("login", "--user", kms.admin, "--password-file", kms.password_file)
    assert kms.admin in outcome.out and kms.url in outcome.out
    assert mode(session_file(kmsctl)) == 0o600
    assert mode(session_file(kmsctl).parent) == 0o700
    token = json.loads(session_file(kmsctl).read_text())["access_token"]
    assert token not in outcome.all
    kmsctl.done("group", "list")
    kmsctl.done("logout")
    assert not session_file(kmsctl).exists()
    assert kmsctl("group", "list").code == 4
    # The token itself is dead, not only forgotten.
    session_file(kmsctl).write_text(json.dumps({
        "endpoint": kms.url, "user": kms.admin, "acct_id": "x", "access_token": token,
    }))  # fmt: skip
    session_file(kmsctl).chmod(0o600)
    outcome = kmsctl("group", "list", "--json")
    assert outcome.code == 4 and "kmsctl login" in outcome.error["remedy"]
    assert kmsctl("logout").code == 0


def test_login_json(kmsctl, kms):
    outcome = kmsctl.done("login", "--user", kms.admin, "--password-file", kms.password_file, "--json")
    assert set(outcome.json) == {"endpoint", "user", "acct_id", "expires_in", "session_file"}
    assert outcome.json["session_file"] == str(session_file(kmsctl))
    outcome = kmsctl.done("logout", "--json")
    assert outcome.json == {"endpoint": kms.url, "user": kms.admin, "ended": True}


def test_session_under_home(kmsctl, kms, tmp_path):
    kmsctl.done("login", "--user", kms.admin, "--password-file", kms.password_file, KMSCTL_SESSION=None)
    path = tmp_path / ".config/kmsctl/session.json"
    assert mode(path) == 0o600 and mode(path.parent) == 0o700


def test_session_mode_despite_umask(kmsctl, kms):
    old = os.umask(0)
    try:
        kmsctl.done("login", "--user", kms.admin, "--password-file", kms.password_file)
    finally:
        os.umask(old)
    assert mode(session_file(kmsctl)) == 0o600


def test_password_sources(kmsctl, kms):
    password = kms.password_file.read_text().strip()
    kmsctl.done("login", "--user", kms.admin, KMSCTL_PASSWORD=password)
    kmsctl.done("login", "--user", kms.admin, "--password-file", "-", input=password.encode() + b"\n")
    outcome = kmsctl("login", "--user", kms.admin)
    assert outcome.code == 2 and "--password-file" in outcome.err


def test_password_prompt_does_not_echo(kmsctl, kms):
    password = kms.password_file.read_text().strip()
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [str(kmsctl.binary), "login", "--user", kms.admin],
        env=clean_environment(**kmsctl.environment),
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    deadline = time.monotonic() + PATIENCE
    while b"Password of" not in seen and time.monotonic() < deadline:
        seen += os.read(controller, 1000)
    # A mistake at first: Ctrl-U begins again, backspace takes one character back.
    os.write(controller, b"wrong\x15" + password.encode() + b"x\x7f\n")
    try:
        while time.monotonic() < deadline and (chunk := os.read(controller, 1000)):
            seen += chunk
    except OSError:
        # The terminal's other end is closed.
        pass
    assert process.wait(PATIENCE) == 0
    assert b"Logged in" in seen and password.encode() not in seen
    os.close(controller)


def test_wrong_password(kmsctl, kms, canary):
    outcome = kmsctl("login", "--user", kms.admin, KMSCTL_PASSWORD=canary)
    assert outcome.code == 4 and "user and password" in outcome.err and canary not in outcome.all
    outcome = kmsctl("login", "--user", "nobody@localhost", "--json", KMSCTL_PASSWORD=canary)
    assert outcome.code == 4 and outcome.error["code"] == "unauthenticated" and canary not in outcome.all
    assert not session_file(kmsctl).exists()


def test_password_file_mistakes(kmsctl, kms, tmp_path):
    outcome = kmsctl("login", "--user", kms.admin, "--password-file", tmp_path / "missing")
    assert outcome.code == 2 and "No such file" in outcome.err
    empty = tmp_path / "empty"
    empty.write_text("\n")
    assert kmsctl("login", "--user", kms.admin, "--password-file", empty).code == 2
    readable = tmp_path / "readable"
    readable.write_text(kms.password_file.read_text())
    readable.chmod(0o644)
    outcome = kmsctl.done("login", "--user", kms.admin, "--password-file", readable)
    assert "chmod 600" in outcome.err


def test_user_with_a_colon_is_refused(kmsctl):
    assert kmsctl("login", "--user", "a:b", KMSCTL_PASSWORD="x").code == 64


def test_account_by_name(kmsctl, kms):
    arguments = ("login", "--user", kms.admin, "--password-file", kms.password_file, "--account")
    kmsctl.done(*arguments, "Test")
    outcome = kmsctl(*arguments, "Other")
    assert outcome.code == 5 and "Other" in outcome.err


def test_token_goes_nowhere_else(admin):
    outcome = admin("group", "list", KMSCTL_ENDPOINT=f"https://127.0.0.1:{free_port()}")
    assert outcome.code == 4 and "the login is for" in outcome.err


def test_login_remembers_address_and_authority(admin):
    admin.done("group", "list", KMSCTL_ENDPOINT=None, KMSCTL_CA_FILE=None)


def test_authority_of_the_login_goes_before_the_configuration(kmsctl, kms, authority, tmp_path):
    """The configuration may be about another KMS."""
    configuration = tmp_path / "kms-pkcs11.conf"
    configuration.write_text(f'ca_certs_file = "{authority.certificate}"\n')
    copy = tmp_path / "ca-of-the-login.pem"
    copy.write_bytes(kms.ca_file.read_bytes())
    plain = {"KMSCTL_ENDPOINT": None, "KMSCTL_CA_FILE": None, "KMS_PKCS11_CONF": configuration}
    login = ("login", "--user", kms.admin, "--password-file", kms.password_file)
    kmsctl.done(*login, "--endpoint", kms.url, "--ca-file", copy, **plain)
    kmsctl.done("group", "list", **plain)
    kmsctl.done("group", "list", **plain | {"KMSCTL_ENDPOINT": kms.url})
    kmsctl.done(*login, **plain)
    # Another KMS is not trusted because of it.
    outcome = kmsctl("key", "list", "--endpoint", kms.url.replace("127.0.0.1", "localhost"), "--api-key-file",
                     kms.api_key_file, **plain)  # fmt: skip
    assert outcome.code == 3 and "--ca-file" in outcome.err
    # Gone, it does not stand in the way of what else there is.
    copy.unlink()
    configuration.write_text(f'ca_certs_file = "{kms.ca_file}"\n')
    outcome = kmsctl.done("group", "list", **plain)
    assert str(copy) in outcome.err
    kmsctl.done("logout", **plain)


def test_broken_session_file(admin, kms):
    login = ("login", "--user", kms.admin, "--password-file", kms.password_file)
    for content in ("{", "", "[]", "\0"):
        session_file(admin).write_text(content)
        outcome = admin("group", "list")
        assert outcome.code == 2 and f"{session_file(admin)} is not a login" in outcome.err
        # An app needs no login.
        admin.done("key", "list", "--api-key-file", kms.api_key_file)
        outcome = admin.done("logout")
        assert str(session_file(admin)) in outcome.err and not session_file(admin).exists()
        assert admin("logout").code == 4
        session_file(admin).write_text(content)
        assert str(session_file(admin)) in admin.done(*login).err
        admin.done("group", "list")
    session_file(admin).write_text("{")
    outcome = admin.done("logout", "--json")
    assert outcome.json == {"ended": False, "removed": str(session_file(admin))}


def test_session_file_that_others_may_read(admin):
    for mode, is_noted in ((0o600, False), (0o644, True), (0o640, True)):
        session_file(admin).chmod(mode)
        outcome = admin.done("group", "list")
        assert ("chmod 600" in outcome.err) == is_noted


def test_app_without_a_home(kmsctl, kms):
    kmsctl.done("key", "list", "--api-key-file", kms.api_key_file, HOME=None, KMSCTL_SESSION=None)


def test_as_an_app(kmsctl, kms, tmp_path):
    names = {key["name"] for key in kmsctl.done("key", "list", "--json", FORTANIX_API_KEY=kms.api_key).json}
    assert "p256-key" in names
    kmsctl.done("key", "list", "--api-key-file", kms.api_key_file)
    kmsctl.done("key", "list", FORTANIX_API_KEY=f"file:{kms.api_key_file}")
    outcome = kmsctl("app", "create", "x", "--group", "web", "--api-key-file", kms.api_key_file)
    assert outcome.code in (1, 5) and kms.api_key not in outcome.all
    wrong = tmp_path / "wrong"
    wrong.write_text(with_another_secret(kms.api_key) + "\n")
    wrong.chmod(0o600)
    outcome = kmsctl("key", "list", "--api-key-file", wrong)
    assert outcome.code == 4 and kms.api_key[:40] not in outcome.all
