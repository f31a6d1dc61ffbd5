"""Objects that pkcs11-tool writes, reads, renames and deletes."""

import re

import openssl_program as openssl
import pytest
from processes import run
from verification import verify_message

MESSAGE = b"Came from outside, stays inside.\n"
IMPORTED = {
    "rsa2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "p224": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "secp256k1": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
}


def import_private(own, kind: str, id: str):
    """A private key from a file, and its public key object; returns the file with the public key."""
    private = openssl.make_key(own.directory / f"{kind}.pem", *IMPORTED[kind])
    der = own.file("private.der", openssl.to_der(private))
    own.login("--write-object", der, "--type", "privkey", "--label", kind, "--id", id, "--usage-sign")
    return openssl.public_key(private)


@pytest.mark.parametrize("kind", IMPORTED)
def test_private_keys(own, kind):
    public = import_private(own, kind, "c1")
    data = own.file("data", MESSAGE)
    mechanism = "SHA256-RSA-PKCS" if kind.startswith("rsa") else "ECDSA"
    if mechanism == "ECDSA":
        data = own.file("digest", openssl.digest("sha224", MESSAGE))
    signature = own.output(
        "--sign", "--mechanism", mechanism, "--id", "c1", "--input-file", data, "--signature-format", "openssl"
    )
    own.file("signature", signature)
    if mechanism == "ECDSA":
        run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-in", data, "-sigfile", "signature",
            cwd=own.directory)  # fmt: skip
    else:
        verify_message(public, "sha256", data, own.directory / "signature")
    text = own.listed("privkey")
    assert f"label:      {kind}" in text and "ID:         c1" in text, text
    access = re.search(r"Access: +(.+)", text)[1].split(", ")
    assert "sensitive" in access and not {"local", "always sensitive", "never extractable"} & set(access), text


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p521"])
def test_public_keys(own, kind):
    """Able to verify what openssl signed, and read as they were written."""
    private = openssl.make_key(own.directory / "private.pem", *IMPORTED[kind])
    public = own.file("public.der", openssl.to_der(openssl.public_key(private), "-pubin"))
    own.login("--write-object", public, "--type", "pubkey", "--label", "peer", "--id", "c2", "--usage-sign")
    assert openssl.to_der(own.public_key("c2"), "-pubin") == public.read_bytes()
    data = own.file("data", MESSAGE)
    if kind == "rsa2048":
        signature, mechanism = openssl.sign(private, data, "-sha256"), "SHA256-RSA-PKCS"
    else:
        data = own.file("data", openssl.digest("sha256", MESSAGE))
        signature = run("openssl", "pkeyutl", "-sign", "-inkey", private, "-in", data).stdout
        mechanism = "ECDSA"
    text = own.text(
        "--verify", "--mechanism", mechanism, "--id", "c2", "--input-file", data, "--signature-format", "openssl",
        "--signature-file", own.file("signature", signature),
    )  # fmt: skip
    assert "Signature is valid" in text, text


def test_certificates(own, authority):
    own.login("--write-object", authority.certificate, "--type", "cert", "--label", "ca", "--id", "c3")
    der = run("openssl", "x509", "-in", authority.certificate, "-outform", "DER").stdout
    assert own.output("--read-object", "--type", "cert", "--id", "c3") == der
    assert own.output("--read-object", "--type", "cert", "--label", "ca") == der
    text = own.listed("cert")
    assert "DN: CN=Test CA" in text and "ID:         c3" in text, text
    serial = run("openssl", "x509", "-in", authority.certificate, "-noout", "-serial").stdout.decode().strip()
    assert re.search(r"serial: +(\w+)", text)[1] == serial.removeprefix("serial="), text


def test_certificate_and_key_are_found_by_one_id(own, authority):
    own.certify(own.generate_pair("EC:prime256v1", "server", "c4"), authority)
    found = own.objects(own.token.pin)
    assert found == {(kind, "server"): "c4" for kind in ("Private", "Public", "Certificate")}


@pytest.mark.parametrize("contents", [b"x", b"\x00\xff" * 500, "Grüße".encode()])
def test_data_objects(own, contents):
    own.login(
        "--write-object", own.file("contents", contents), "--type", "data", "--label", "note",
        "--application-label", "tests", "--application-id", "1.3.6.1.4.1.55555.1",
    )  # fmt: skip
    read = ["--read-object", "--type", "data"]
    assert own.output(*read, "--label", "note") == contents
    assert own.output(*read, "--application-label", "tests") == contents
    assert own.output(*read, "--application-id", "1.3.6.1.4.1.55555.1") == contents
    text = own.listed("data")
    assert "label:          'note'" in text and "application:    'tests'" in text, text
    assert "app_id:         1.3.6.1.4.1.55555.1" in text, text


@pytest.mark.parametrize("size", [16, 24, 32])
def test_secret_keys(own, size):
    value = bytes(range(size))
    own.import_key(f"AES:{size}", value, "c5", "--extractable")
    assert own.output("--read-object", "--type", "secrkey", "--id", "c5") == value


def test_private_data_is_hidden_before_login(own):
    own.login("--write-object", own.file("d", b"secret"), "--type", "data", "--label", "hidden", "--private")
    assert "hidden" in own.listed("data")
    before = own("--token-label", own.token.label, "--list-objects", check=False)
    assert b"hidden" not in before.stdout + before.stderr


@pytest.mark.parametrize("kind", ["privkey", "pubkey", "secrkey", "cert"])
def test_ids_change(own, authority, kind):
    pair = own.generate_pair("EC:prime256v1", "moved", "d1")
    own.certify(pair, authority)
    own.generate_key("AES:16", "moved", "d1")
    own.login("--set-id", "d2e3f4", "--type", kind, "--id", "d1")
    text = own.listed(kind)
    assert "ID:         d2e3f4" in text and "ID:         d1\n" not in text, text


def test_a_key_signs_under_its_new_id(own):
    pair = own.generate_pair("rsa:2048", "moved", "d1")
    own.login("--set-id", "d2", "--type", "privkey", "--id", "d1")
    data = own.file("data", MESSAGE)
    signature = own.output("--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", "d2", "--input-file", data)
    verify_message(pair.public_key, "sha256", data, own.file("signature", signature))


@pytest.mark.parametrize("kind", ["privkey", "secrkey", "cert", "data"])
def test_deletion(own, authority, kind):
    """What is deleted is gone, the rest is not, and it cannot be deleted twice."""
    own.certify(own.generate_pair("EC:prime256v1", "doomed", "e1"), authority)
    own.generate_key("AES:16", "doomed", "e1")
    own.login("--write-object", own.file("d", b"x"), "--type", "data", "--label", "doomed")
    own.generate_pair("EC:prime256v1", "other", "e2")
    delete = ["--delete-object", "--type", kind, "--label", "doomed"]
    own.login(*delete)
    assert "doomed" not in own.listed(kind)
    assert "object not found" in own.refused(*delete, code="")
    text = own.listed()
    assert text.count("Private Key Object") == (1 if kind == "privkey" else 2), text
    assert text.count("Certificate Object") == (0 if kind == "cert" else 1), text


def test_deleting_both_halves_of_a_pair(own):
    """Whether or not the public key goes with the private one, nothing may be left in the end."""
    own.generate_pair("rsa:2048", "doomed", "e1")
    own.login("--delete-object", "--type", "privkey", "--id", "e1")
    if "Public Key Object" in own.listed():
        own.login("--delete-object", "--type", "pubkey", "--id", "e1")
    assert "Key Object" not in own.listed()


def test_deleting_a_public_key_spares_the_private_one(own):
    pair = own.generate_pair("rsa:2048", "half", "e1")
    own.login("--delete-object", "--type", "pubkey", "--id", "e1", check=False)
    data = own.file("data", MESSAGE)
    signature = own.output("--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", "e1", "--input-file", data)
    verify_message(pair.public_key, "sha256", data, own.file("signature", signature))


@pytest.mark.parametrize("options", [["--sensitive", "--extractable"], ["--sensitive"], []])
def test_secret_values_are_not_read(own, options):
    """Neither sensitive keys nor those that may not be extracted. The tool warns, and writes nothing."""
    own.generate_key("AES:32", "kept", "f1", *options)
    path = own.directory / "value"
    read = ["--read-object", "--type", "secrkey", "--id", "f1", "--output-file", path]
    assert "CKR_ATTRIBUTE_SENSITIVE" in own.text_of_failure(*read)
    assert not path.exists() or path.read_bytes() == b""


def test_nonsense_is_no_certificate(own):
    nonsense = own.file("nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    own.refused("--write-object", nonsense, "--type", "cert", "--label", "bad", code="")
    assert "bad" not in own.listed()


@pytest.mark.parametrize("size", [0, 15, 33])
def test_aes_keys_of_a_wrong_size_are_refused(own, size):
    own.refused(
        "--write-object", own.file("secret", bytes(size)), "--type", "secrkey", "--key-type", "AES:", "--label", "bad"
    )
    assert "Secret Key Object" not in own.listed()


def test_a_public_key_goes_with_the_private_key_that_brought_it(own):
    import_private(own, "p256", "c7")
    assert "ID:         c7" in own.listed("pubkey")
    own.login("--delete-object", "--type", "privkey", "--id", "c7")
    assert "ID:         c7" not in own.listed("pubkey")


def test_a_public_key_that_is_written_too_stays_alone(own):
    """Written after the private key, it is no second object, and it outlives the private one."""
    public = own.file("public.der", openssl.to_der(import_private(own, "p384", "c8"), "-pubin"))
    own.login("--write-object", public, "--type", "pubkey", "--label", "p384", "--id", "c8")
    assert own.listed("pubkey").count("ID:         c8") == 1
    own.login("--delete-object", "--type", "privkey", "--id", "c8")
    assert own.listed("pubkey").count("ID:         c8") == 1
    own.login("--delete-object", "--type", "pubkey", "--id", "c8")
    assert "ID:         c8" not in own.listed("pubkey")
