"""`kmsctl cert import`: what it says of files that are certificates, and of those that are not."""

import base64

import pytest
from processes import run


@pytest.fixture
def certificate(kms, authority, name):
    return authority.issue(kms.public_key_file("p256-key"), name)


@pytest.fixture
def bring(admin, kms, name, tmp_path):
    """Imports such a file."""

    def bring(content: bytes, *more):
        file = tmp_path / "file.pem"
        file.write_bytes(content)
        return admin("cert", "import", name, "--file", file, "--group", kms.group, *more)

    return bring


def test_success_and_the_same_again(bring, certificate, name):
    outcome = bring(certificate.read_bytes())
    assert outcome.code == 0 and outcome.err == "" and name in outcome.out and "CERTIFICATE" in outcome.out
    outcome = bring(certificate.read_bytes(), "--json")
    assert outcome.code == 1 and "already exists" in outcome.error["message"]
    assert "Choose another name" in outcome.error["remedy"]


def test_chain_file(bring, admin, certificate, authority, name):
    """The first is imported, and what to do with the others is said."""
    outcome = bring(certificate.read_bytes() + b"\nSubject: the CA\n" + authority.certificate.read_bytes())
    assert outcome.code == 0 and "1 more certificate; only the first was imported" in outcome.err
    assert "--chain NAME" in outcome.err
    der = run("openssl", "x509", "-in", certificate, "-outform", "DER").stdout
    assert base64.b64decode(admin.done("key", "show", name, "--json").json["certificate"]) == der


def test_key_and_certificate_in_one_file(bring, admin, kms, certificate, name):
    """The certificate is imported, and the key is neither sent nor shown."""
    key = kms.rsa_private_key.read_bytes()
    outcome = bring(key + certificate.read_bytes())
    assert outcome.code == 0 and key.splitlines()[1].decode() not in outcome.all
    assert admin.done("key", "show", name, "--json").json["obj_type"] == "CERTIFICATE"


def refused(outcome, *words):
    assert outcome.code == 2 and outcome.error["code"] == "input"
    said = outcome.error["message"] + " " + outcome.error["remedy"]
    assert all(word in said for word in (*words, "file.pem")), said


def test_no_certificate(bring, kms):
    refused(bring(b"nothing of the kind\n", "--json"), "Give an X.509 certificate as PEM or DER")
    refused(bring(b"", "--json"), "Give an X.509 certificate")
    refused(bring(kms.rsa_private_key.read_bytes(), "--json"), "no certificate, only", "PRIVATE KEY", "kmsctl key import")
    block = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    refused(bring(block, "--json"), "Give an X.509 certificate")


@pytest.mark.parametrize("where", ["first", "second"])
@pytest.mark.parametrize("damage", ["no end", "no begin", "half", "garbage"])
def test_damaged_file(bring, admin, certificate, authority, name, damage, where):
    """Nothing is imported, also when the first certificate is whole."""
    good, bad = (certificate, authority.certificate) if where == "second" else (authority.certificate, certificate)
    lines = bad.read_text().strip().splitlines()
    damaged = {
        "no end": lines[:-1], "no begin": lines[1:], "half": lines[: len(lines) // 2],
        "garbage": [*lines[:3], "!!!", *lines[3:]],
    }[damage]  # fmt: skip
    damaged = ("\n".join(damaged) + "\n").encode()
    outcome = bring(good.read_bytes() + damaged if where == "second" else damaged + good.read_bytes(), "--json")
    refused(outcome, "PEM block")
    assert admin("key", "show", name).code == 5
