"""NSS: modutil adds the module, certutil and its relatives use what is on the token."""

import re

import openssl_program as openssl
import pytest
from processes import output_of, run

KINDS = {"rsa": ["-k", "rsa", "-g", "2048"], "ec": ["-k", "ec", "-q", "nistp256"]}


def test_modutil_adds_and_lists_the_module(nss):
    assert f'Module "{nss.NAME}" added to database.' in nss.added
    text = output_of(nss.modutil("-list"))
    assert str(nss.token.module) in text and "status: loaded" in text, text
    assert f"token: {nss.token.label}" in text, text
    details = output_of(nss.modutil("-list", nss.NAME))
    for line in (
        "Status: Enabled",
        "Access: NOT Write Protected",
        "Login Type: Login required",
        "User Pin: Initialized",
    ):
        assert line in details, details


def test_modutil_deletes_the_module(nss):
    nss.modutil("-delete", nss.NAME, "-force")
    assert nss.NAME not in output_of(nss.modutil("-list"))


@pytest.mark.parametrize("kind", ["rsa:2048", "EC:prime256v1"])
def test_sees_certificates_and_keys(nss, tool, authority, kind):
    """What another program put on the token; "u" is NSS's word for "the private key is there"."""
    pair = tool.generate_pair(kind, "server", "01")
    certificate = tool.certify(pair, authority)
    row = rf"^{nss.token.label}:server +u,u,u$"
    assert re.search(row, nss.text("-L"), re.MULTILINE), nss.text("-L")
    everywhere = output_of(nss.certutil("-L", "-h", "all", "-f", nss.password_file))
    assert re.search(row, everywhere, re.MULTILINE), everywhere
    keys = nss.text("-K")
    assert re.search(rf"^< 0> {kind[:2].lower()}\w* +01 +\S*.*server$", keys, re.MULTILINE), keys
    assert fingerprint(nss.certificate("server")) == fingerprint(certificate)


def test_an_empty_token(nss):
    assert f"{nss.token.label}:" not in nss.text("-L")
    assert "no keys found" in output_of(nss.on_token("-K", check=False))


@pytest.mark.parametrize("kind", KINDS)
def test_makes_a_key_and_a_self_signed_certificate(nss, tool, kind):
    """`certutil -S`: NSS generates, signs, gives both an id made from the public key, and finds them again."""
    nss.on_token(
        "-S", "-n", "made", "-s", "CN=made by NSS", "-x", "-t", "u,u,u", "-m", "4711", "-z", nss.noise, *KINDS[kind]
    )
    assert re.search(rf"^{nss.token.label}:made +u,u,u$", nss.text("-L"), re.MULTILINE), nss.text("-L")
    certificate = nss.certificate("made")
    run("openssl", "verify", "-check_ss_sig", "-CAfile", certificate, certificate)
    found = tool.objects(nss.token.pin)
    ids = {id for (kind, _), id in found.items()}
    assert len(ids) == 1 and {kind for kind, _ in found} >= {"Private", "Certificate"}, found


@pytest.mark.parametrize("kind", KINDS)
def test_requests_a_certificate(nss, kind):
    """With a new key, then with the same key again, by its id."""
    request = nss.directory / "request.pem"
    nss.on_token("-R", "-s", "CN=wanted", "-a", "-o", request, "-z", nss.noise, *KINDS[kind])
    first = verified_key(request)
    id = re.search(r"^< 0> \w+ +(\w+)", nss.text("-K"), re.MULTILINE)[1]
    nss.on_token("-R", "-s", "CN=wanted again", "-a", "-o", request, "-k", id)
    assert verified_key(request) == first


def test_adds_and_deletes_certificates(nss, authority):
    nss.on_token("-A", "-n", "ca", "-t", ",,", "-i", authority.certificate)
    assert fingerprint(nss.certificate("ca")) == fingerprint(authority.certificate)
    nss.on_token("-D", "-n", f"{nss.token.label}:ca")
    assert f"{nss.token.label}:ca" not in nss.text("-L")


def test_deletes_a_key_with_its_certificate(nss):
    nss.on_token("-S", "-n", "doomed", "-s", "CN=doomed", "-x", "-t", "u,u,u", "-z", nss.noise, *KINDS["rsa"])
    nss.on_token("-F", "-n", f"{nss.token.label}:doomed")
    assert f"{nss.token.label}:doomed" not in nss.text("-L")
    assert "no keys found" in output_of(nss.on_token("-K", check=False))


def test_a_wrong_pin(nss, tool):
    tool.generate_pair("EC:prime256v1", "hidden", "01")
    nss.password_file.write_text(f"{nss.token.label}:wrong-{nss.token.pin[:8]}\n")
    result = nss.on_token("-K", check=False)
    assert result.returncode != 0 and "hidden" not in output_of(result)
    assert "SEC_ERROR_BAD_PASSWORD" in output_of(result), output_of(result)


def test_signs_a_message(nss, tool, authority):
    """cmsutil signs for a mail program; openssl verifies the chain and the signature. (With RSA it wants a certificate
    that may encrypt, too.)
    """
    tool.certify(tool.generate_pair("EC:prime256v1", "mail", "01"), authority)
    nss.certutil("-A", "-n", "ca", "-t", "CT,C,C", "-i", authority.certificate)
    message, signed = tool.file("message", b"Signed by a key that NSS never saw.\n"), nss.directory / "signed.p7"
    nss.run(
        "cmsutil", "-S", "-N", f"{nss.token.label}:mail", "-H", "SHA256", "-f", nss.password_file,
        "-i", message, "-o", signed,
    )  # fmt: skip
    verify = ["openssl", "cms", "-verify", "-inform", "DER", "-in", signed, "-CAfile", authority.certificate]
    assert run(*verify, "-binary").stdout == message.read_bytes()


@pytest.mark.parametrize("algorithm", ["RSA", "EC"])
def test_imports_a_pkcs12_file(nss, tool, authority, algorithm):
    """pk12util brings a key pair and its certificate from a file to the token."""
    options = ["-pkeyopt", "ec_paramgen_curve:P-256"] if algorithm == "EC" else []
    private = openssl.make_key(tool.directory / "private.pem", "-algorithm", algorithm, *options)
    certificate = authority.issue(openssl.public_key(private), f"nss-{tool.directory.name}")
    bundle, password = tool.directory / "bundle.p12", tool.file("password", b"changeit")
    run(
        "openssl", "pkcs12", "-export", "-inkey", private, "-in", certificate, "-name", "brought",
        "-passout", f"file:{password}", "-out", bundle,
    )  # fmt: skip
    nss.run("pk12util", "-i", bundle, "-h", nss.token.label, "-k", nss.password_file, "-w", password)
    assert re.search(rf"^{nss.token.label}:brought +u,u,u$", nss.text("-L"), re.MULTILINE), nss.text("-L")
    request = nss.directory / "request.pem"
    id = re.search(r"^< 0> \w+ +(\w+)", nss.text("-K"), re.MULTILINE)[1]
    nss.on_token("-R", "-s", "CN=brought", "-a", "-o", request, "-k", id)
    assert verified_key(request) == openssl.public_key(private).read_bytes()


def verified_key(request) -> bytes:
    """The public key of a request whose signature holds."""
    run("openssl", "req", "-in", request, "-verify", "-noout")
    return run("openssl", "req", "-in", request, "-noout", "-pubkey").stdout


def fingerprint(certificate) -> bytes:
    return run("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").stdout
