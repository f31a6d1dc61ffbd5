"""Every way of signing and verifying that pkcs11-tool knows; openssl makes or checks the other half."""

import openssl_program as openssl
import pytest
from verification import verify_digest, verify_message

MESSAGES = {"empty": b"", "short": b"abc", "long": bytes(range(256)) * 13}
HASHES = ["sha1", "sha224", "sha256", "sha384", "sha512"]
SHA3_HASHES = ["sha3-224", "sha3-256", "sha3-384", "sha3-512"]
# The ASN.1 DigestInfo before a hash value (RFC 8017, section 9.2, note 1).
DIGEST_INFO = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha224": bytes.fromhex("302d300d06096086480165030402040500041c"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
PSS = ["rsa_padding_mode:pss", "rsa_pss_saltlen:digest"]


@pytest.fixture(scope="module")
def rsa(shared):
    return shared.generate_pair("rsa:2048", "rsa", "01")


@pytest.fixture(scope="module")
def curves(shared):
    kinds = {"P-256": "EC:prime256v1", "P-384": "EC:secp384r1", "P-521": "EC:secp521r1", "Ed25519": "EC:edwards25519"}
    return {name: shared.generate_pair(kind, name, f"1{number}") for number, (name, kind) in enumerate(kinds.items())}


@pytest.fixture(scope="module")
def secret(shared) -> bytes:
    value = bytes(range(64))
    shared.import_key("", value, "20", "--usage-sign")
    return value


def signs_and_verifies(shared, pair, mechanism: str, data: bytes, check, *options):
    """The token signs, `check(data, signature)` agrees, the token verifies, and not what was altered."""
    data_file = shared.file("data", data)
    signature = shared.output("--sign", "--mechanism", mechanism, "--id", pair.id, "--input-file", data_file, *options)
    check(data_file, shared.file("signature", signature))
    verify = ["--verify", "--mechanism", mechanism, "--id", pair.id, *options]
    verify += ["--signature-file", shared.directory / "signature"]
    assert "Signature is valid" in shared.text(*verify, "--input-file", data_file)
    other = shared.file("other", bytes([data[0] ^ 1]) + data[1:] if data else b"x")
    assert "Signature is valid" not in shared.text_of_failure(*verify, "--input-file", other)
    shared.file("signature", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert "Signature is valid" not in shared.text_of_failure(*verify, "--input-file", data_file)


@pytest.mark.parametrize("size", MESSAGES)
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_pkcs1_of_messages(shared, rsa, digest, size):
    signs_and_verifies(
        shared, rsa, f"{digest.upper()}-RSA-PKCS", MESSAGES[size],
        lambda data, signature: verify_message(rsa.public_key, digest, data, signature),
    )  # fmt: skip


@pytest.mark.parametrize("digest", ["sha1", "sha224", "sha384", *SHA3_HASHES])
def test_pkcs1_with_other_hashes(shared, rsa, digest):
    if digest in SHA3_HASHES:
        shared.needs(f"{digest.upper()}-RSA-PKCS", "sign")
    signs_and_verifies(
        shared, rsa, f"{digest.upper()}-RSA-PKCS", MESSAGES["long"],
        lambda data, signature: verify_message(rsa.public_key, digest, data, signature),
    )  # fmt: skip


@pytest.mark.parametrize("digest", [*HASHES, *SHA3_HASHES])
def test_pss_of_messages(shared, rsa, digest):
    if digest in SHA3_HASHES:
        shared.needs(f"{digest.upper()}-RSA-PKCS-PSS", "sign")
    signs_and_verifies(
        shared, rsa, f"{digest.upper()}-RSA-PKCS-PSS", MESSAGES["long"],
        lambda data, signature: verify_message(rsa.public_key, digest, data, signature, *PSS),
    )  # fmt: skip


@pytest.mark.parametrize("salt", [0, 20, 222])
def test_pss_with_other_salts(shared, rsa, salt):
    """From no salt to the longest that fits. A KMS that knows one length only refuses, and never signs with another."""
    data = shared.file("data", b"abc")
    sign = ["--sign", "--mechanism", "SHA256-RSA-PKCS-PSS", "--id", rsa.id, "--salt-len", salt, "--input-file", data]
    result = shared.login(*sign, check=False)
    if result.returncode != 0:
        assert "CKR_MECHANISM_PARAM_INVALID" in shared.refused(*sign)
        return
    signature = shared.file("signature", shared.output(*sign))
    verify_message(rsa.public_key, "sha256", data, signature, "rsa_padding_mode:pss", f"rsa_pss_saltlen:{salt}")


@pytest.mark.parametrize("salt", [0, 20, 222])
def test_pss_of_others_with_other_salts(shared, salt):
    """The salt is the caller's to know: a signature with another length than the stated one is not valid."""
    private = openssl.make_key(shared.directory / "private.pem", "-algorithm", "RSA")
    public = shared.file("public.der", openssl.to_der(openssl.public_key(private), "-pubin"))
    shared.login("--write-object", public, "--type", "pubkey", "--id", f"06{salt:02x}", "--usage-sign")
    data = shared.file("data", b"abc")
    options = ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{salt}"]
    verify = ["--verify", "--mechanism", "SHA256-RSA-PKCS-PSS", "--id", f"06{salt:02x}", "--input-file", data]
    verify += ["--signature-file", shared.file("signature", openssl.sign(private, data, *options))]
    assert "Signature is valid" in shared.text(*verify, "--salt-len", salt)
    assert "Signature is valid" not in shared.text_of_failure(*verify, "--salt-len", 32)


def test_a_salt_that_does_not_fit_is_refused(shared, rsa):
    shared.refused(
        "--sign", "--mechanism", "SHA256-RSA-PKCS-PSS", "--id", rsa.id, "--salt-len", 223,
        "--input-file", shared.file("data", b"abc"),
    )  # fmt: skip


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_pss_of_digests(shared, rsa, digest):
    signs_and_verifies(
        shared, rsa, "RSA-PKCS-PSS", openssl.digest(digest, b"message"),
        lambda data, signature: verify_digest(rsa.public_key, data, signature, f"digest:{digest}", *PSS),
        "--hash-algorithm", "SHA-1" if digest == "sha1" else digest.upper(),
    )  # fmt: skip


@pytest.mark.parametrize("digest", HASHES)
def test_pkcs1_of_digest_infos(shared, rsa, digest):
    def check(data, signature):
        verify_digest(rsa.public_key, shared.file("digest", value), signature, f"digest:{digest}")

    value = openssl.digest(digest, b"message")
    signs_and_verifies(shared, rsa, "RSA-PKCS", DIGEST_INFO[digest] + value, check)


@pytest.mark.parametrize("size", [0, 1, 36, 245])
def test_pkcs1_of_bytes(shared, rsa, size):
    """CKM_RSA_PKCS pads what it gets, up to 11 bytes less than the modulus. A KMS that signs digests only refuses the
    rest, and never signs anything else.
    """
    data = shared.file("data", b"\x5a" * size)
    sign = ["--sign", "--mechanism", "RSA-PKCS", "--id", rsa.id, "--input-file", data]
    if shared.login(*sign, check=False).returncode != 0:
        assert "CKR_DATA_INVALID" in (text := shared.refused(*sign)) or "CKR_DATA_LEN_RANGE" in text, text
        return
    signature = shared.file("signature", shared.output(*sign))
    assert openssl.recover(rsa.public_key, signature, "rsa_padding_mode:pkcs1") == data.read_bytes()


def test_pkcs1_of_too_many_bytes(shared, rsa):
    data = shared.file("data", bytes(246))
    shared.refused("--sign", "--mechanism", "RSA-PKCS", "--id", rsa.id, "--input-file", data)


def test_raw_rsa(shared, rsa):
    shared.needs("RSA-X-509", "sign")
    data = b"\x00" + b"\x5a" * 255
    signature = shared.output(
        "--sign", "--mechanism", "RSA-X-509", "--id", rsa.id, "--input-file", shared.file("d", data)
    )
    assert openssl.recover(rsa.public_key, shared.file("signature", signature), "rsa_padding_mode:none") == data


@pytest.mark.parametrize("digest", [*HASHES, *SHA3_HASHES])
def test_ecdsa_of_messages(shared, curves, digest):
    if digest in SHA3_HASHES:
        shared.needs(f"ECDSA-{digest.upper()}", "sign")
    pair = curves["P-256"]
    signs_and_verifies(
        shared, pair, f"ECDSA-{digest.upper()}", MESSAGES["long"],
        lambda data, signature: verify_message(pair.public_key, digest, data, signature),
        "--signature-format", "openssl",
    )  # fmt: skip


@pytest.mark.parametrize("size", [1, 20, 32, 48, 64])
@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521"])
def test_ecdsa_of_digests(shared, curves, curve, size):
    """Digests longer than the curve's order are cut, shorter ones are taken as they are."""
    pair = curves[curve]
    signs_and_verifies(
        shared, pair, "ECDSA", b"\xa5" * size,
        lambda data, signature: verify_digest(pair.public_key, data, signature),
        "--signature-format", "openssl",
    )  # fmt: skip


@pytest.mark.parametrize("size", [1, 64, 1000])
def test_eddsa(shared, curves, size):
    """In one part; PKCS #11 knows no other EdDSA."""
    pair = curves["Ed25519"]
    signs_and_verifies(
        shared, pair, "EDDSA", b"\x5a" * size,
        lambda data, signature: openssl.verify_eddsa(pair.public_key, data, signature),
    )  # fmt: skip


@pytest.mark.parametrize("size", MESSAGES)
@pytest.mark.parametrize("digest", [*HASHES, *SHA3_HASHES])
def test_hmac(shared, secret, digest, size):
    mechanism = "SHA-1-HMAC" if digest == "sha1" else f"{digest.upper()}-HMAC"
    if digest in SHA3_HASHES:
        shared.needs(mechanism, "sign")
    data = shared.file("data", MESSAGES[size])
    mac = shared.output("--sign", "--mechanism", mechanism, "--id", "20", "--input-file", data)
    assert mac == openssl.hmac(digest, secret, MESSAGES[size])
    verify = ["--verify", "--mechanism", mechanism, "--id", "20", "--input-file", data, "--signature-file"]
    assert "Signature is valid" in shared.text(*verify, shared.file("mac", mac))
    assert "Invalid signature" in shared.text(*verify, shared.file("mac", mac[:-1] + bytes([mac[-1] ^ 1])))


@pytest.mark.parametrize("mechanism", ["ECDSA-SHA256", "EDDSA"])
def test_a_mechanism_that_does_not_fit_the_key(shared, rsa, mechanism):
    shared.refused(
        "--sign", "--mechanism", mechanism, "--id", rsa.id, "--input-file", shared.file("data", b"abc"),
        code="CKR_KEY_TYPE_INCONSISTENT",
    )  # fmt: skip


def test_a_signature_of_a_wrong_length(shared, rsa):
    data = shared.file("data", b"abc")
    text = shared.text_of_failure(
        "--verify", "--mechanism", "SHA256-RSA-PKCS", "--id", rsa.id, "--input-file", data,
        "--signature-file", shared.file("signature", bytes(255)),
    )  # fmt: skip
    assert "CKR_SIGNATURE_LEN_RANGE" in text or "Invalid signature" in text, text


@pytest.mark.parametrize("number", ["0x80000001", "0x00001234"])
def test_an_unknshared_mechanism(shared, rsa, number):
    shared.refused(
        "--sign", "--mechanism", number, "--id", rsa.id, "--input-file", shared.file("data", b"abc"),
        code="CKR_MECHANISM_INVALID",
    )  # fmt: skip
