"""keytool: lists, makes, and deletes entries of the token, which Java takes for a key store."""

import re

import pytest
from processes import output_of, run

KINDS = {
    "rsa": ["-keyalg", "RSA", "-keysize", "2048"],
    "p256": ["-keyalg", "EC", "-groupname", "secp256r1"],
    "p384": ["-keyalg", "EC", "-groupname", "secp384r1"],
}


def test_an_empty_token(java):
    assert java.entries() == {}


@pytest.mark.parametrize("kind", ["rsa:2048", "EC:prime256v1", "EC:secp521r1"])
def test_lists_a_key_with_its_certificate(java, tool, authority, kind):
    """Java finds a private key by the id of a certificate, and names the entry by the certificate's label."""
    certificate = tool.certify(tool.generate_pair(kind, "server", "01"), authority)
    assert java.entries() == {"server": "PrivateKeyEntry"}
    assert fingerprint(java.certificate("server")) == fingerprint(certificate)


def test_lists_secret_keys_and_certificates_alone(java, tool, authority):
    """A certificate without a key counts when it is marked as trusted only, which a user may not do."""
    tool.generate_key("AES:32", "aes", "01")
    tool.login("--write-object", authority.certificate, "--type", "cert", "--label", "ca", "--id", "02")
    entries = java.entries()
    assert entries.pop("aes") == "SecretKeyEntry"
    assert set(entries) <= {"ca"}, entries


@pytest.mark.parametrize("kind", KINDS)
def test_makes_a_key_pair(java, kind):
    java.keytool("-genkeypair", "-alias", "made", *KINDS[kind], "-dname", "CN=made by Java", "-validity", "30")
    assert java.entries() == {"made": "PrivateKeyEntry"}
    certificate = java.certificate("made")
    run("openssl", "verify", "-check_ss_sig", "-CAfile", certificate, certificate)


@pytest.mark.parametrize("kind", KINDS)
def test_requests_and_installs_a_certificate(java, authority, kind):
    """The chain is written to the token, and the key stays with it."""
    java.keytool("-genkeypair", "-alias", "made", *KINDS[kind], "-dname", "CN=made", "-validity", "30")
    request, public = java.directory / "request.pem", java.directory / "public.pem"
    java.keytool("-certreq", "-alias", "made", "-file", request)
    run("openssl", "req", "-in", request, "-verify", "-noout")
    public.write_bytes(run("openssl", "req", "-in", request, "-noout", "-pubkey").stdout)
    issued = authority.issue(public, f"java-{java.directory.name}")
    chain = java.directory / "chain.pem"
    chain.write_bytes(issued.read_bytes() + authority.certificate.read_bytes())
    java.keytool("-importcert", "-noprompt", "-trustcacerts", "-alias", "made", "-file", chain)
    assert java.entries()["made"] == "PrivateKeyEntry"
    assert fingerprint(java.certificate("made")) == fingerprint(issued)
    details = java.keytool("-list", "-v", "-alias", "made").stdout.decode()
    assert "Certificate chain length: 2" in details, details


def test_makes_a_secret_key(java, tool):
    java.keytool("-genseckey", "-alias", "made", "-keyalg", "AES", "-keysize", "256")
    assert java.entries() == {"made": "SecretKeyEntry"}
    assert re.search(r"Secret Key Object; AES length 32\n  label:      made", tool.listed("secrkey"))


@pytest.mark.parametrize("kind", ["rsa", "p256"])
def test_deletes(java, tool, kind):
    for alias in ("doomed", "other"):
        java.keytool("-genkeypair", "-alias", alias, *KINDS[kind], "-dname", f"CN={alias}", "-validity", "30")
    java.keytool("-delete", "-alias", "doomed")
    assert java.entries() == {"other": "PrivateKeyEntry"}
    text = tool.listed()
    assert text.count("Private Key Object") == text.count("Certificate Object") == 1, text


def test_a_wrong_pin(java, tool):
    tool.generate_key("AES:32", "hidden", "01")
    java.pin_file.write_text("wrong-" + java.token.pin[:8])
    result = java.keytool("-list", check=False)
    assert result.returncode != 0 and "hidden" not in output_of(result), output_of(result)


def fingerprint(certificate) -> bytes:
    return run("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").stdout
