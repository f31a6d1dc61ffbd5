"""Nothing secret is printed, with every log at its most verbose, by commands that work and by commands that fail."""

import json
from pathlib import Path


def test_nothing_secret_is_printed(kmsctl, kms, tmp_path, name):
    kmsctl.environment["KMS_PKCS11_LOG"] = "debug"
    password = kms.password_file.read_text().strip()
    kmsctl("login", "--user", kms.admin, KMSCTL_PASSWORD=password)
    token = json.loads(Path(kmsctl.environment["KMSCTL_SESSION"]).read_text())["access_token"]
    configuration = tmp_path / "kms-pkcs11.conf"
    configuration.write_text(f'ca_certs_file = "{kms.ca_file}"\napi_key = "{kms.api_key}"\n')
    key_file = kms.rsa_private_key
    commands = [
        ("group", "list"), ("app", "list"), ("app", "show-key", kms.app, "--output", tmp_path / "key"), ("key", "list"),
        ("key", "import", name, "--file", key_file, "--group", kms.group), ("key", "show", name), ("key", "delete", name, "--yes"),
        ("key", "generate", name, "--type", "ec", "--group", kms.group), ("audit", "--limit", "20"),
        ("doctor", "--key", name), ("key", "show", "no-such-key"), ("key", "list", "--endpoint", "https://127.0.0.1:1"),
        ("key", "list", "--ca-file", kms.ca_file.parent / "missing"), ("logout",),
    ]  # fmt: skip
    for command in commands:
        kmsctl(*command, KMS_PKCS11_CONF=configuration)
        kmsctl(*command, "--json", KMS_PKCS11_CONF=configuration)
        kmsctl(*command, KMS_PKCS11_CONF=configuration, FORTANIX_API_KEY=kms.api_key)
    printed = "".join(outcome.all for outcome in kmsctl.outcomes)
    secrets = [password, token, kms.api_key, *key_file.read_text().splitlines()[1:-1]]
    for secret in secrets:
        assert secret not in printed
