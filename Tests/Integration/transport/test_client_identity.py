"""A client certificate and its key: PEM, PKCS #8 or traditional, read once."""

import sys
from pathlib import Path

import pytest
from processes import clean_environment, run

HOST = Path(__file__).parent / "vanished_files.py"


@pytest.fixture
def server(front, authority):
    """Wants a client certificate of the tests' authority."""
    with front(client_ca=authority.certificate) as server:
        yield server


@pytest.fixture
def trusted(authority) -> dict[str, str]:
    return {"ca_certs_file": str(authority.certificate)}


@pytest.mark.parametrize("form", ["PKCS #8", "traditional", "both in one file"])
def test_forms_of_the_key(attempt, server, trusted, identity, tmp_path, form):
    client = identity("client", "client")
    key = tmp_path / "key.pem"
    if form == "traditional":
        run("openssl", "rsa", "-in", client.key, "-traditional", "-out", key)
        assert "BEGIN RSA PRIVATE KEY" in key.read_text()
    else:
        key.write_bytes(client.key.read_bytes())
    if form == "both in one file":
        key.write_bytes(key.read_bytes() + client.certificate.read_bytes())
    key.chmod(0o600)
    certificate = key if form == "both in one file" else client.certificate
    url = f"https://localhost:{server.port}"
    assert attempt(url, cert_file=str(certificate), key_file=str(key), **trusted)
    assert {subject["subject"][0][0] for subject in server.subjects} == {("commonName", "client")}


def test_none_and_a_wrong_one_are_refused(attempt, server, trusted, tmp_path):
    url = f"https://localhost:{server.port}"
    assert attempt(url, **trusted).failed("client certificate", "cert_file")
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
        "-keyout", key, "-out", certificate)  # fmt: skip
    assert attempt(url, cert_file=str(certificate), key_file=str(key), **trusted).failed("client certificate")


def test_files_are_read_once(binaries, kms, server, authority, identity, tmp_path):
    """Certificates and key are gone after C_Initialize: parent, child and new connections do without."""
    client = identity("client", "client")
    files = [tmp_path / name for name in ("ca.pem", "client.pem", "client.key", "kms-pkcs11.conf")]
    for path, source in zip(files, (authority.certificate, client.certificate, client.key)):
        path.write_bytes(source.read_bytes())
        path.chmod(0o600)
    files[3].write_text(
        f'api_endpoint = "https://localhost:{server.port}"\nca_certs_file = "ca.pem"\ncert_file = "client.pem"\n'
        'key_file = "client.key"\nretry_timeout_millis = 20000\n'
    )
    files[3].chmod(0o600)
    environment = clean_environment(KMS_PKCS11_CONF=str(files[3]), PYTHONDONTWRITEBYTECODE="1")
    result = run(sys.executable, HOST, binaries.module, kms.api_key, *files, env=environment)
    assert result.stdout.decode().split() == ["parent", "child", "child", "parent"]
    # Each of them opened a connection of its own.
    assert server.connections >= 3
