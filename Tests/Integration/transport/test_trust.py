"""Whom the module trusts: authorities, the system's store, pins, versions and names, each with what must not pass."""

import base64
import hashlib
import ssl
import subprocess

import pytest
from certificates import Authority
from processes import run
from tls_front import TLSFront

# openssl's words for a certificate that leads to no trusted authority.
UNTRUSTED = "certificate"


@pytest.fixture
def other_ca(tmp_path) -> Authority:
    return Authority(tmp_path / "other-authority")


def pin(certificate) -> str:
    public = run("openssl", "x509", "-in", certificate, "-pubkey", "-noout").stdout
    der = run("openssl", "pkey", "-pubin", "-outform", "der", input=public).stdout
    return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def test_authorities_of_a_file(attempt, front, authority, other_ca):
    with front() as server:
        url = f"https://localhost:{server.port}"
        assert attempt(url, ca_certs_file=str(authority.certificate))
        assert attempt(url, ca_certs_file=str(other_ca.certificate)).failed(UNTRUSTED, "set ca_certs_file")
        # The certificate of the server itself may be named.
        assert attempt(url).failed(UNTRUSTED, "set ca_certs_file")


def test_authorities_of_a_folder(attempt, front, authority, other_ca, tmp_path):
    folder = tmp_path / "ca.d"
    folder.mkdir()
    (folder / "other.pem").write_bytes(other_ca.certificate.read_bytes())
    with front() as server:
        url = f"https://localhost:{server.port}"
        assert attempt(url, ca_certs_dir=str(folder)).failed(UNTRUSTED)
        (folder / "right.crt").write_bytes(authority.certificate.read_bytes())
        assert attempt(url, ca_certs_dir=str(folder))


def test_authorities_in_the_configuration(attempt, front, authority, other_ca):
    with front() as server:
        url = f"https://localhost:{server.port}"
        assert attempt(url, ca_certs=authority.certificate.read_text())
        assert attempt(url, ca_certs=other_ca.certificate.read_text()).failed(UNTRUSTED)


def test_a_self_signed_certificate_is_its_own_authority(attempt, kms, tmp_path):
    certificate, key = tmp_path / "self.pem", tmp_path / "self.key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=self",
        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)  # fmt: skip
    with TLSFront(certificate, key, kms.port) as server:
        url = f"https://localhost:{server.port}"
        assert attempt(url).failed("self-signed")
        assert attempt(url, ca_certs_file=str(certificate))


def test_the_systems_authorities(attempt, front, authority, other_ca):
    right, wrong = str(authority.certificate), str(other_ca.certificate)
    with front() as server:
        url = f"https://localhost:{server.port}"
        assert attempt(url, {"SSL_CERT_FILE": right})
        assert attempt(url, {"SSL_CERT_FILE": wrong}).failed(UNTRUSTED)
        # A file of one's own is instead of the system's, unless both are wanted.
        assert attempt(url, {"SSL_CERT_FILE": right}, ca_certs_file=wrong).failed(UNTRUSTED)
        assert attempt(url, {"SSL_CERT_FILE": right}, ca_certs_file=wrong, ca_certs_system=True)
        assert attempt(url, {"SSL_CERT_FILE": wrong}, ca_certs_file=right, ca_certs_system=True)


def test_pins(attempt, front, authority, other_ca):
    trusted = {"ca_certs_file": str(authority.certificate)}
    with front() as server:
        url = f"https://localhost:{server.port}"
        certificate = next(authority.directory.glob("*-front.pem"), None)
        own = pin(max(authority.directory.glob("*-front.pem"), key=lambda path: path.stat().st_mtime_ns))
        foreign = pin(other_ca.certificate)
        assert certificate and attempt(url, pinned_public_keys=[own], **trusted)
        assert attempt(url, pinned_public_keys=[foreign, own.removeprefix("sha256//")], **trusted)
        assert attempt(url, pinned_public_keys=[foreign], **trusted).failed("pinned public key", "pinned_public_keys")
        # A pin takes the place of no authority.
        assert attempt(url, pinned_public_keys=[own]).failed(UNTRUSTED)


def test_the_oldest_version(attempt, front, authority):
    trusted = {"ca_certs_file": str(authority.certificate)}
    with front(maximum=ssl.TLSVersion.TLSv1_2) as server:
        url = f"https://localhost:{server.port}"
        assert attempt(url, **trusted)
        assert attempt(url, min_tls_version="1.3", **trusted).failed("min_tls_version")
    with front() as server:
        assert attempt(f"https://localhost:{server.port}", min_tls_version="1.3", **trusted)


def test_tls_1_1_is_not_spoken(attempt, identity, authority):
    own = identity("old")
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-www",
         "-cert", own.certificate, "-key", own.key],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        port = next(line for line in server.stdout if line.startswith("ACCEPT")).strip().rpartition(":")[2]
        assert attempt(f"https://localhost:{port}", ca_certs_file=str(authority.certificate)).failed("TLS 1.2")
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def test_another_name_than_the_endpoints(attempt, front, authority):
    """A private network: the KMS is reached by an address that its certificate does not know."""
    trusted = {"ca_certs_file": str(authority.certificate)}
    with front(host="kms.private.example") as server:
        assert attempt(server.url, **trusted).failed("subject name", "tls_server_name")
        server.names.clear()
        assert attempt(server.url, tls_server_name="kms.private.example", **trusted)
        assert set(server.names) == {"kms.private.example"}
        assert attempt(server.url, tls_server_name="other.example", **trusted).failed("subject name")


def test_an_expired_certificate(attempt, identity, kms, authority, tmp_path):
    own = identity("expired")
    request, expired = tmp_path / "expired.csr", tmp_path / "expired.pem"
    (tmp_path / "ext").write_text("subjectAltName=DNS:localhost\n")
    run("openssl", "req", "-new", "-key", own.key, "-subj", "/CN=localhost", "-out", request)
    run("openssl", "x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.directory / "ca.key",
        "-extfile", tmp_path / "ext", "-days", "-1", "-out", expired)  # fmt: skip
    with TLSFront(expired, own.key, kms.port) as server:
        url = f"https://localhost:{server.port}"
        assert attempt(url, ca_certs_file=str(authority.certificate)).failed("expired", "clock")
