"""What new keys may be used for, and who may delete them."""

import os
import pty
import subprocess

import pytest
from processes import PATIENCE, clean_environment


def test_default_operations(admin, kms, authority, name):
    for suffix, kind in (("-rsa", "rsa"), ("-ec", "ec")):
        key = admin.done("key", "generate", name + suffix, "--type", kind, "--group", kms.group, "--json").json
        assert set(key["key_ops"]) == {"SIGN", "VERIFY"}
    arguments = ("--file", kms.rsa_private_key, "--group", kms.group, "--json")
    assert set(admin.done("key", "import", name + "-in", *arguments).json["key_ops"]) == {"SIGN", "VERIFY"}
    arguments = ("--file", kms.public_key_file("p256-key"), "--group", kms.group, "--json")
    assert admin.done("key", "import", name + "-pub", *arguments).json["key_ops"] == ["VERIFY"]
    certificate = authority.issue(kms.public_key_file("p256-key"), name)
    arguments = ("--file", certificate, "--group", kms.group, "--json")
    assert admin.done("cert", "import", name + "-cert", *arguments).json["key_ops"] == ["VERIFY"]
    assert "APPMANAGEABLE" in admin.done("cert", "import", name + "-c2", *arguments, "--manageable").json["key_ops"]


@pytest.mark.parametrize(
    ("arguments", "operations"),
    [
        (("--manageable",), {"SIGN", "VERIFY", "APPMANAGEABLE"}),
        (("--exportable",), {"SIGN", "VERIFY", "EXPORT"}),
        (("--operations", "SIGN"), {"SIGN"}),
        (("--operations", "sign, decrypt"), {"SIGN", "DECRYPT"}),
        (("--operations", "VERIFY,UNWRAPKEY", "--manageable", "--exportable"),
         {"VERIFY", "UNWRAPKEY", "EXPORT", "APPMANAGEABLE"}),
    ],
)  # fmt: skip
def test_chosen_operations(admin, kms, name, arguments, operations):
    common = ("--group", kms.group, "--json")
    key = admin.done("key", "generate", name, "--type", "rsa", *arguments, *common).json
    assert set(key["key_ops"]) == operations
    key = admin.done("key", "import", name + "-in", "--file", kms.rsa_private_key, *arguments, *common).json
    assert set(key["key_ops"]) == operations


@pytest.mark.parametrize("operations", ["", ",", "SIGN,", "FLY", "SIGN VERIFY"])
def test_operations_usage(admin, operations):
    outcome = admin("key", "generate", "x", "--type", "ec", "--operations", operations)
    assert outcome.code == 64 and "UNWRAPKEY" in outcome.err


def test_an_app_deletes_only_what_is_manageable(admin, kms, name):
    generate = ("--type", "ec", "--group", kms.group)
    admin.done("key", "generate", name, *generate)
    admin.done("key", "generate", name + "-m", *generate, "--manageable")
    as_app = {"FORTANIX_API_KEY": kms.api_key}
    assert admin("key", "delete", name, "--yes", **as_app).code == 1
    admin.done("key", "show", name)
    admin.done("key", "delete", name + "-m", "--yes", **as_app)
    # The same for what the app itself makes.
    admin.done("key", "generate", name + "-own", "--type", "ec", **as_app)
    assert admin("key", "delete", name + "-own", "--yes", **as_app).code == 1
    admin.done("key", "delete", name + "-own", "--yes")


def test_nothing_is_deleted_without_a_yes(admin, kms, name):
    admin.done("key", "generate", name, "--type", "ec", "--group", kms.group)
    for input in (b"", b"y\n"):
        outcome = admin("key", "delete", name, input=input)
        assert outcome.code == 64 and "Nothing was deleted" in outcome.err and "--yes" in outcome.err
    assert on_terminal(admin, b"n\n", "key", "delete", name) == 1
    admin.done("key", "show", name)
    assert on_terminal(admin, b"y\n", "key", "delete", name) == 0
    assert admin("key", "show", name).code == 5


def on_terminal(kmsctl, answer: bytes, *command) -> int:
    controller, terminal = pty.openpty()
    try:
        os.write(controller, answer)
        return subprocess.run(
            [str(kmsctl.binary), *command], env=clean_environment(**kmsctl.environment), stdin=terminal,
            capture_output=True, timeout=PATIENCE,
        ).returncode  # fmt: skip
    finally:
        os.close(controller)
        os.close(terminal)


def test_label_in_the_uri(admin, kms, name, tmp_path):
    """The token is that of the slot whose endpoint is used, else the first one."""
    admin.done("key", "generate", name, "--type", "ec", "--group", kms.group)

    def token(text: str) -> str:
        configuration = tmp_path / "kms-pkcs11.conf"
        configuration.write_text(text)
        configuration.chmod(0o600)
        keys = admin.done("key", "list", "--json", KMS_PKCS11_CONF=configuration).json
        shown = admin.done("key", "show", name, "--json", KMS_PKCS11_CONF=configuration).json
        assert shown in keys
        assert shown["pkcs11_uri"] in admin.done("key", "show", name, KMS_PKCS11_CONF=configuration).out
        return shown["pkcs11_uri"].removeprefix("pkcs11:token=").split(";")[0]

    other = '[[slot]]\nlabel = "Other"\napi_endpoint = "https://other.invalid"\n'
    assert token("") == "Fortanix%20Token"
    assert token('[[slot]]\nlabel = "Web 1"\n') == "Web%201"
    assert token(other) == "Other"
    assert token(f'{other}[[slot]]\nlabel = "Here"\napi_endpoint = "{kms.url}"\n') == "Here"
