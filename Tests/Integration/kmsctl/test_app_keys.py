"""API keys: replacing one, ending one, and what counts as one."""

import base64
import stat

import pytest


@pytest.fixture
def app(admin, kms, name):
    """The name of an app of this test's own."""
    admin.done("app", "create", name, "--group", kms.group)
    yield name
    admin("app", "delete", name, "--yes")


def key_file(path, content: str):
    path.write_text(content)
    path.chmod(0o600)
    return path


def test_reset_key(admin, app, tmp_path):
    old = key_file(tmp_path / "old", admin.done("app", "show-key", app).out)
    admin.done("key", "list", "--api-key-file", old)
    new = tmp_path / "new"
    outcome = admin.done("app", "reset-key", app, "--output", new)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600 and len(new.read_text()) == 165
    assert new.read_text() != old.read_text() and new.read_text().strip() not in outcome.all
    admin.done("key", "list", "--api-key-file", new)
    assert admin("key", "list", "--api-key-file", old).code == 4
    shown = admin.done("app", "reset-key", app, "--json").json
    assert shown["name"] == app and shown["api_key"] == admin.done("app", "show-key", app).out.strip()
    assert admin("app", "reset-key", "no-such-app").code == 5


def test_key_is_not_replaced_when_the_new_one_cannot_be_written(admin, app, tmp_path):
    before = admin.done("app", "show-key", app).out
    for place in (tmp_path, tmp_path / "no" / "folder"):
        assert admin("app", "reset-key", app, "--output", place).code == 2
    assert admin.done("app", "show-key", app).out == before


def test_delete(admin, app, tmp_path):
    key = key_file(tmp_path / "key", admin.done("app", "show-key", app).out)
    outcome = admin("app", "delete", app)
    assert outcome.code == 64 and "--yes" in outcome.err
    admin.done("key", "list", "--api-key-file", key)
    deleted = admin.done("app", "delete", app, "--yes", "--json").json
    assert deleted["name"] == app and deleted["deleted"]
    assert admin("app", "show-key", app).code == 5
    assert admin("key", "list", "--api-key-file", key).code == 4


def test_forms_of_the_file(kmsctl, kms, tmp_path, monkeypatch):
    key = kms.api_key
    forms = [key, key + "\n", key + "\r\n\r\n \n\n", f'api_key = "{key}"\n',
             f'# a comment\nca_certs_file = "{kms.ca_file}"\napi_key = "file:{kms.api_key_file}"\n',
             base64.urlsafe_b64encode(base64.b64decode(key)).decode().rstrip("=")]  # fmt: skip
    for form in forms:
        path = key_file(tmp_path / "key", form)
        kmsctl.done("key", "list", "--api-key-file", path)
        kmsctl.done("doctor", "--key", "p256-key", "--api-key-file", path)
    monkeypatch.chdir(tmp_path)
    kmsctl.done("key", "list", "--api-key-file", "key")
    kmsctl.done("key", "list", "--api-key-file", f"/{tmp_path}/key")
    kmsctl.done("key", "list", "--api-key-file", "-", input=key.encode())


def test_what_is_no_api_key_is_not_sent(kmsctl, kms, tmp_path, canary):
    """Nobody listens at the address: with anything but exit code 2 kmsctl would have tried to send it."""
    private = kms.rsa_private_key.read_text()
    cut = kms.api_key[:32]
    for content in ("", "\n", canary, private, cut, base64.b64encode(f"admin:{canary}".encode()).decode(),
                    f'api_key = "{canary}"', 'other = "x"', "two words"):  # fmt: skip
        path = key_file(tmp_path / "key", content)
        outcome = kmsctl("key", "list", "--api-key-file", path, "--endpoint", "https://127.0.0.1:1")
        assert outcome.code == 2 and str(path) in outcome.err, outcome.all
        assert canary not in outcome.all and cut not in outcome.all
        outcome = kmsctl("doctor", "--api-key-file", path, "--endpoint", "https://127.0.0.1:1")
        assert outcome.code == 2 and canary not in outcome.all
    outcome = kmsctl("key", "list", "--endpoint", "https://127.0.0.1:1", FORTANIX_API_KEY=canary)
    assert outcome.code == 2 and "FORTANIX_API_KEY" in outcome.err and canary not in outcome.all
