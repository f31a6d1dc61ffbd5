"""certtool issues certificates and requests with keys that stay in the module; openssl judges them."""

import pytest
from processes import run

CA = """
cn = "Keys elsewhere"
ca
cert_signing_key
crl_signing_key
serial = 4711
expiration_days = 30
"""
SERVER = """
cn = "app.aserracorp.com"
dns_name = "app.aserracorp.com"
tls_www_server
signing_key
expiration_days = 30
"""
KINDS = ["rsa:2048", "EC:prime256v1", "EC:secp384r1"]


def self_signed(kit, kind: str, tool, *options):
    pair = tool.generate_pair(kind, "ca", "01")
    private = f"{kit.url};object=ca;type=private"
    certificate = kit.certtool("--generate-self-signed", "--load-privkey", private, *options, template=CA)
    return pair, certificate.rename(kit.directory / "ca.pem")


def public_key_of(certificate) -> bytes:
    return run("openssl", "x509", "-in", certificate, "-noout", "-pubkey").stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_self_signed_certificate(kit, tool, kind):
    pair, certificate = self_signed(kit, kind, tool)
    run("openssl", "verify", "-check_ss_sig", "-x509_strict", "-CAfile", certificate, certificate)
    assert public_key_of(certificate) == pair.public_key.read_bytes()
    text = run("openssl", "x509", "-in", certificate, "-noout", "-text").stdout.decode()
    assert "Subject: CN = Keys elsewhere" in text and "CA:TRUE" in text, text


def test_rsa_pss(kit, tool):
    _, certificate = self_signed(kit, "rsa:2048", tool, "--sign-params", "rsa-pss", "--hash", "sha384")
    run("openssl", "verify", "-check_ss_sig", "-CAfile", certificate, certificate)
    text = run("openssl", "x509", "-in", certificate, "-noout", "-text").stdout.decode()
    assert "rsassaPss" in text and "sha384" in text, text


@pytest.mark.parametrize("kind", KINDS)
def test_an_issued_certificate(kit, tool, kind):
    """The authority's key and the subject's are both on the token."""
    _, ca = self_signed(kit, kind, tool)
    pair = tool.generate_pair("EC:prime256v1", "server", "02")
    certificate = kit.certtool(
        "--generate-certificate", "--load-ca-certificate", ca,
        "--load-ca-privkey", f"{kit.url};object=ca;type=private",
        "--load-privkey", f"{kit.url};object=server;type=private", template=SERVER,
    )  # fmt: skip
    run("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca, certificate)
    assert public_key_of(certificate) == pair.public_key.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_request(kit, tool, kind):
    pair = tool.generate_pair(kind, "server", "02")
    private = f"{kit.url};object=server;type=private"
    request = kit.certtool("--generate-request", "--load-privkey", private, template=SERVER)
    run("openssl", "req", "-in", request, "-verify", "-noout")
    public = run("openssl", "req", "-in", request, "-noout", "-pubkey").stdout
    assert public == pair.public_key.read_bytes()


def test_a_revocation_list(kit, tool):
    _, ca = self_signed(kit, "EC:prime256v1", tool)
    crl = kit.certtool(
        "--generate-crl", "--load-ca-certificate", ca, "--load-ca-privkey", f"{kit.url};object=ca;type=private",
        template="crl_next_update = 10\ncrl_number = 1\n",
    )  # fmt: skip
    verdict = run("openssl", "crl", "-in", crl, "-CAfile", ca, "-noout")
    assert b"verify OK" in verdict.stderr + verdict.stdout


def test_a_signed_message(kit, tool):
    """PKCS #7."""
    _, ca = self_signed(kit, "rsa:2048", tool)
    data = tool.file("data", b"signed on behalf of somebody\n")
    signed = kit.certtool(
        "--p7-sign", "--load-privkey", f"{kit.url};object=ca;type=private",
        "--load-certificate", ca, "--infile", data, template="",
    )  # fmt: skip
    verify = ["openssl", "cms", "-verify", "-inform", "PEM", "-in", signed, "-CAfile", ca, "-purpose", "any"]
    assert run(*verify, "-binary").stdout == data.read_bytes()
