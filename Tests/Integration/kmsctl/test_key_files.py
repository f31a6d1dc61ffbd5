"""The forms in which people have keys, and what is said about those that cannot be used."""

import base64
import json

import pytest
from processes import run

PASSPHRASE = "correct horse"


def openssl(*arguments, input=None) -> bytes:
    return run("openssl", *arguments, input=input).stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """One RSA and one EC key, each in every form."""
    folder = tmp_path_factory.mktemp("keys")
    rsa = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    ec = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
    secret = ("-passout", f"pass:{PASSPHRASE}")
    parameters = openssl("ecparam", "-name", "secp384r1")
    forms = {
        "rsa-pkcs8.pem": rsa,
        "rsa-pkcs1.pem": openssl("rsa", "-traditional", input=rsa),
        "rsa-pkcs8.der": openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", input=rsa),
        "rsa-pkcs1.der": openssl("rsa", "-traditional", "-outform", "DER", input=rsa),
        "rsa-encrypted.pem": openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", *secret, input=rsa),
        "rsa-encrypted-pkcs1.pem": openssl("rsa", "-traditional", "-aes128", *secret, input=rsa),
        "rsa-public.pem": openssl("pkey", "-pubout", input=rsa),
        "rsa-public.der": openssl("pkey", "-pubout", "-outform", "DER", input=rsa),
        "ec-pkcs8.pem": ec,
        "ec-sec1.pem": openssl("ec", input=ec),
        "ec-sec1.der": openssl("ec", "-outform", "DER", input=ec),
        "ec-parameters.pem": parameters + openssl("ec", input=ec),
        "ec-text.pem": b"Bag Attributes\n  friendlyName: x\n" + ec + b"trailing text\n",
        "ec-crlf.pem": ec.replace(b"\n", b"\r\n"),
        "ec-public.pem": openssl("pkey", "-pubout", input=ec),
    }
    for name, content in forms.items():
        (folder / name).write_bytes(content)
    (folder / "passphrase").write_text(PASSPHRASE + "\n")
    (folder / "passphrase").chmod(0o600)
    public = {kind: openssl("pkey", "-pubout", "-outform", "DER", input=key) for kind, key in [("rsa", rsa), ("ec", ec)]}
    return folder, public


@pytest.mark.parametrize(
    "form",
    [
        "rsa-pkcs8.pem", "rsa-pkcs1.pem", "rsa-pkcs8.der", "rsa-pkcs1.der", "rsa-encrypted.pem",
        "rsa-encrypted-pkcs1.pem", "rsa-public.pem", "rsa-public.der", "ec-pkcs8.pem", "ec-sec1.pem", "ec-sec1.der",
        "ec-parameters.pem", "ec-text.pem", "ec-crlf.pem", "ec-public.pem",
    ],
)  # fmt: skip
def test_forms(admin, kms, keys, name, form):
    folder, public = keys
    arguments = ["--passphrase-file", folder / "passphrase"] if "encrypted" in form else []
    key = admin.done("key", "import", name, "--file", folder / form, *arguments, "--group", kms.group, "--json").json
    kind = form.split("-")[0]
    assert key["obj_type"] == kind.upper() and base64.b64decode(key["pub_key"]) == public[kind]
    assert key["public_only"] == ("public" in form) and key["origin"] == "External"
    assert ("SIGN" in key["key_ops"]) == ("public" not in form) and "EXPORT" not in key["key_ops"]


def test_standard_input(admin, kms, keys, name):
    folder, _ = keys
    content = (folder / "ec-sec1.pem").read_bytes()
    admin.done("key", "import", name, "--file", "-", "--group", kms.group, input=content)


def test_exportable_only_when_asked_for(admin, kms, keys, name):
    folder, _ = keys
    key = admin.done(
        "key", "import", name, "--file", folder / "ec-sec1.pem", "--exportable", "--group", kms.group, "--json"
    ).json  # fmt: skip
    assert "EXPORT" in key["key_ops"] and key["never_exportable"] is False


def test_passphrase_mistakes(admin, kms, keys, canary, tmp_path):
    folder, _ = keys
    wrong = tmp_path / "wrong"
    wrong.write_text(canary)
    wrong.chmod(0o600)
    for form in ("rsa-encrypted.pem", "rsa-encrypted-pkcs1.pem"):
        outcome = admin("key", "import", "x", "--file", folder / form, "--group", kms.group)
        assert outcome.code == 2 and "--passphrase-file" in outcome.err
        outcome = admin("key", "import", "x", "--file", folder / form, "--passphrase-file", wrong)
        assert outcome.code == 2 and "passphrase" in outcome.err and canary not in outcome.all


def test_what_is_no_key(admin, authority, tmp_path):
    def refused(content: bytes | None, *words: str):
        path = tmp_path / "input"
        if content is not None:
            path.write_bytes(content)
        outcome = admin("key", "import", "x", "--file", path, "--json")
        assert outcome.code == 2 and outcome.error["code"] == "input"
        text = json.dumps(outcome.error)
        assert all(word in text for word in words), text

    refused(None, "No such file")
    refused(b"", "input")
    refused(b"hello\n", "PEM or DER")
    refused(b"\x00\xff" * 500, "PEM or DER")
    refused(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key")
    refused(b"-----BEGIN PRIVATE KEY-----\nMIIE", "PEM or DER")
    refused(authority.certificate.read_bytes(), "holds a certificate", "cert import")
    refused(openssl("x509", "-in", authority.certificate, "-outform", "DER"), "cert import")
    refused(openssl("ecparam", "-name", "prime256v1"), "EC PARAMETERS")
    refused(openssl("dsaparam", "-genkey", "-noout", "1024"), "neither an RSA nor an EC")
    refused(b"x" * 3_000_000, "larger than")
    assert admin("key", "import", "x", "--file", tmp_path).code == 2
