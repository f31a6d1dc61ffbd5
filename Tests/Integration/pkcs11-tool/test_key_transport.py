"""Keys that leave the token wrapped, come back, or are agreed upon; openssl is the other side."""

import os

import openssl_program as openssl
import pytest

IV = bytes(range(16))
# OpenSC 0.23 has no names for them.
KEY_WRAP, KEY_WRAP_KWP = "0x2109", "0x210B"
# The initial values of RFC 3394 and RFC 5649.
KW = ("id-aes{}-wrap", bytes.fromhex("a6" * 8))
KWP = ("id-aes{}-wrap-pad", bytes.fromhex("a65959a6"))


@pytest.fixture
def wrapping(own) -> bytes:
    """The value of the AES key 01, which may wrap and unwrap."""
    key = os.urandom(32)
    own.import_key("AES:32", key, "01", "--usage-wrap")
    return key


@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize(
    ("mechanism", "form"),
    [("AES-KEY-WRAP", KW), (KEY_WRAP, KW), (KEY_WRAP_KWP, KWP)],
)
def test_aes_wraps_aes(own, wrapping, mechanism, form, size):
    key = os.urandom(size)
    own.import_key(f"AES:{size}", key, "02", "--extractable")
    wrapped = wrap(own, mechanism)
    assert openssl.decrypt(form[0].format(256), wrapping, wrapped, form[1]) == key
    unwraps(own, mechanism, wrapped, f"AES:{size}", key)


@pytest.mark.parametrize("size", [20, 33])
def test_aes_wraps_secrets_of_any_length(own, wrapping, size):
    """RFC 5649 pads; RFC 3394 takes multiples of 8 bytes only."""
    key = os.urandom(size)
    own.import_key("", key, "02", "--extractable")
    wrapped = wrap(own, KEY_WRAP_KWP)
    assert openssl.decrypt(KWP[0].format(256), wrapping, wrapped, KWP[1]) == key
    own.refused("--wrap", "--mechanism", KEY_WRAP, "--id", "01", "--application-id", "02")


def test_cbc_with_padding_wraps(own, wrapping):
    own.needs("AES-CBC-PAD", "wrap")
    key = os.urandom(32)
    own.import_key("AES:32", key, "02", "--extractable")
    wrapped = wrap(own, "AES-CBC-PAD", "--iv", IV.hex())
    assert openssl.decrypt("aes-256-cbc", wrapping, wrapped, IV) == key
    unwraps(own, "AES-CBC-PAD", wrapped, "AES:32", key, "--iv", IV.hex())


def test_rsa_wraps(own):
    """With the token's public key, so that openssl could not have made it; and openssl's own is taken as well."""
    own.needs("RSA-PKCS", "wrap")
    pair = own.generate_pair("rsa:2048", "carrier", "01", "--usage-wrap")
    key = os.urandom(32)
    own.import_key("AES:32", key, "02", "--extractable")
    unwraps(own, "RSA-PKCS", wrap(own, "RSA-PKCS"), "AES:32", key)
    other = os.urandom(32)
    sealed = openssl.encrypt_to(pair.public_key, other, "rsa_padding_mode:pkcs1")
    unwraps(own, "RSA-PKCS", sealed, "AES:32", other, id="04")


def test_rsa_wraps_for_somebody_else(own):
    """The public key of a recipient, whose private key is not on the token."""
    own.needs("RSA-PKCS", "wrap")
    recipient = openssl.make_key(own.directory / "recipient.pem", "-algorithm", "RSA")
    public = own.file("public.der", openssl.to_der(openssl.public_key(recipient), "-pubin"))
    own.login("--write-object", public, "--type", "pubkey", "--label", "recipient", "--id", "01")
    key = os.urandom(16)
    own.import_key("AES:16", key, "02", "--extractable")
    assert openssl.decrypt_with(recipient, wrap(own, "RSA-PKCS"), "rsa_padding_mode:pkcs1") == key


def test_an_unextractable_key_is_not_wrapped(own, wrapping):
    own.import_key("AES:32", bytes(32), "02")
    own.refused(
        "--wrap", "--mechanism", "AES-KEY-WRAP", "--id", "01", "--application-id", "02", code="CKR_KEY_UNEXTRACTABLE"
    )


@pytest.mark.parametrize("alteration", ["flipped", "cut", "empty"])
def test_what_was_not_wrapped_is_not_unwrapped(own, wrapping, alteration):
    wrapped = openssl.encrypt(KW[0].format(256), wrapping, bytes(32), KW[1])
    broken = {"flipped": bytes([wrapped[0] ^ 1]) + wrapped[1:], "cut": wrapped[:-1], "empty": b""}[alteration]
    own.refused(
        "--unwrap", "--mechanism", "AES-KEY-WRAP", "--id", "01", "--key-type", "AES:", "--application-id", "03",
        "--application-label", "broken", "--input-file", own.file("wrapped", broken),
    )  # fmt: skip
    assert "broken" not in own.listed("secrkey"), "a refused key must not exist"


@pytest.mark.parametrize(
    ("kind", "curve"), [("EC:prime256v1", "P-256"), ("EC:secp384r1", "P-384"), ("EC:secp521r1", "P-521")]
)
@pytest.mark.parametrize("encoding", ["--derive", "--derive-pass-der"])
def test_key_agreement(own, kind, curve, encoding):
    """The peer's point comes as it is, or in an OCTET STRING; both are in use."""
    pair = own.generate_pair(kind, "ours", "05")
    theirs = openssl.make_key(own.directory / "their.pem", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")
    secret = own.output(
        encoding, "--mechanism", "ECDH1-DERIVE", "--id", "05", "--input-file", openssl.public_key(theirs, "DER")
    )
    assert secret == openssl.agree(theirs, pair.public_key)
    assert "Secret Key" not in own.listed(), "a session object ends with its session"


def test_no_agreement_across_curves(own):
    own.generate_pair("EC:prime256v1", "ours", "05")
    theirs = openssl.make_key(own.directory / "their.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
    own.refused(
        "--derive", "--mechanism", "ECDH1-DERIVE", "--id", "05", "--input-file", openssl.public_key(theirs, "DER")
    )


def wrap(own, mechanism: str, *options) -> bytes:
    """Key 02, wrapped by key 01."""
    return own.output("--wrap", "--mechanism", mechanism, "--id", "01", "--application-id", "02", *options)


def unwraps(own, mechanism: str, wrapped: bytes, kind: str, value: bytes, *options, id: str = "03"):
    """Key 01 unwraps to a key that has the value, and that works."""
    own.login(
        "--unwrap", "--mechanism", mechanism, "--id", "01", "--input-file", own.file("wrapped", wrapped), *options,
        "--key-type", kind.split(":")[0] + ":", "--application-id", id, "--application-label", f"unwrapped-{id}",
        "--extractable",
    )  # fmt: skip
    assert f"unwrapped-{id}" in own.listed("secrkey")
    assert own.output("--read-object", "--type", "secrkey", "--id", id) == value
    sealed = own.output(
        "--encrypt", "--mechanism", "AES-CBC-PAD", "--id", id, "--iv", IV.hex(), "--input-file", own.file("d", b"abc")
    )
    assert sealed == openssl.encrypt(f"aes-{8 * len(value)}-cbc", value, b"abc", IV)
