"""kmsctl user and kmsctl app update."""

import pytest


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text("a long enough password\n")
    path.chmod(0o600)
    return path


def test_life_of_a_user(kms, password_file, tmp_path):
    made = kms.json(
        "user", "create", "Member@example.org", "--group", f"{kms.group}=auditor", "--password-file", password_file
    )
    assert made["role"] == "member" and made["enabled"]
    listed = {user["user_email"]: user for user in kms.json("user", "list")}
    assert listed["member@example.org"]["groups"][0]["roles"] == ["auditor"]
    assert listed["member@example.org"]["groups"][0]["name"] == kms.group
    assert kms.admin in kms.run_kmsctl("user", "list").stdout.decode()

    session = {"KMSCTL_SESSION": str(tmp_path / "session.json")}
    login = ("login", "--user", "member@example.org", "--password-file", password_file)
    kms.run_kmsctl(*login, **session)
    assert kms.run_kmsctl("key", "list", **session).returncode == 0
    refused = kms.run_kmsctl("key", "generate", "theirs", "--type", "ec", check=False, **session)
    assert refused.returncode == 1 and b"administrator" in refused.stderr

    kms.run_kmsctl("user", "update", "member@example.org", "--group", f"{kms.group}=administrator")
    kms.run_kmsctl("key", "generate", "theirs", "--type", "ec", **session)
    kms.run_kmsctl("key", "delete", "theirs", "--yes", **session)
    kms.run_kmsctl("user", "update", made["user_id"], "--disable-login")
    assert kms.run_kmsctl("key", "list", check=False, **session).returncode == 4
    assert kms.run_kmsctl(*login, check=False, **session).returncode == 4
    kms.run_kmsctl("user", "delete", "member@example.org", "--yes")
    assert kms.run_kmsctl("user", "delete", "member@example.org", "--yes", check=False).returncode == 5


def test_last_administrator(kms):
    result = kms.run_kmsctl("user", "update", kms.admin, "--role", "auditor", check=False)
    assert result.returncode == 1 and b"needs an administrator" in result.stderr


def test_update_of_an_app(kms, tmp_path):
    kms.run_kmsctl("app", "create", "changing", "--group", kms.group)
    key = tmp_path / "api-key"
    kms.run_kmsctl("app", "show-key", "changing", "--output", key)
    generate = ("key", "generate", "of-app", "--type", "ec", "--manageable", "--api-key-file", key)
    kms.run_kmsctl("app", "update", "changing", "--group", f"{kms.group}=SIGN,VERIFY")
    assert kms.run_kmsctl(*generate, check=False).returncode == 1
    kms.run_kmsctl("app", "update", "changing", "--group", kms.group)
    kms.run_kmsctl(*generate)
    kms.run_kmsctl("key", "delete", "of-app", "--yes")
    kms.run_kmsctl("app", "update", "changing", "--address", "192.0.2.0/24", "--address", "::1")
    assert kms.run_kmsctl("key", "list", "--api-key-file", key, check=False).returncode == 1
    kms.run_kmsctl("app", "update", "changing", "--address", "any")
    kms.run_kmsctl("key", "list", "--api-key-file", key)
    kms.run_kmsctl("app", "update", "changing", "--disable-login")
    assert kms.run_kmsctl("key", "list", "--api-key-file", key, check=False).returncode == 4
    bad = kms.run_kmsctl("app", "update", "changing", "--address", "10.0.0.1/8", check=False)
    assert bad.returncode == 1 and b"10.0.0.1/8" in bad.stderr
    assert kms.run_kmsctl("app", "update", "changing", check=False).returncode == 64
    kms.run_kmsctl("app", "delete", "changing", "--yes")
