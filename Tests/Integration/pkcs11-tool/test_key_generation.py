"""Keys that pkcs11-tool has the token make: what openssl reads of them, and that they do what they were made for."""

import re

import openssl_program as openssl
import pytest
from verification import verify_digest, verify_message

MESSAGE = b"A key that was made where it stays.\n"


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_rsa(own, bits):
    pair = own.generate_pair(f"rsa:{bits}", "pair", "a1")
    text = openssl.describe(pair.public_key)
    assert f"({bits} bit)" in text and "65537 (0x10001)" in text, text
    signature = own.output("--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", "a1", "--input-file", message(own))
    verify_message(pair.public_key, "sha256", message(own), own.file("signature", signature))


@pytest.mark.parametrize(
    ("kind", "curve", "width"),
    [
        ("EC:secp224r1", "secp224r1", 28),
        ("EC:prime256v1", "prime256v1", 32),
        ("EC:secp384r1", "secp384r1", 48),
        ("EC:secp521r1", "secp521r1", 66),
        ("EC:secp256k1", "secp256k1", 32),
    ],
)
def test_elliptic_curves(own, kind, curve, width):
    pair = own.generate_pair(kind, "pair", "a2")
    assert f"ASN1 OID: {curve}" in openssl.describe(pair.public_key)
    digest = own.file("digest", openssl.digest("sha224", MESSAGE))
    sign = ["--sign", "--mechanism", "ECDSA", "--id", "a2", "--input-file", digest]
    assert len(own.output(*sign)) == 2 * width
    verify_digest(pair.public_key, digest, own.file("signature", own.output(*sign, "--signature-format", "openssl")))


def test_edwards25519(own):
    """The tool names the curve by a PrintableString in CKA_EC_PARAMS."""
    pair = own.generate_pair("EC:edwards25519", "pair", "a3")
    assert "ED25519 Public-Key" in openssl.describe(pair.public_key)
    signature = own.output("--sign", "--mechanism", "EDDSA", "--id", "a3", "--input-file", message(own))
    openssl.verify_eddsa(pair.public_key, message(own), own.file("signature", signature))


def test_curve25519(own):
    """OpenSC 0.23 can make an X25519 key and list it, no more."""
    text = own.text("--keypairgen", "--key-type", "EC:curve25519", "--label", "pair", "--id", "a4", "--usage-derive")
    assert re.search(r"^Private Key Object; EC_MONTGOMERY", text, re.MULTILINE), text
    assert re.search(r"^Public Key Object; EC_MONTGOMERY", text, re.MULTILINE), text
    assert "derive" in text and "sign" not in text, text


@pytest.mark.parametrize(("kind", "label"), [("rsa:2048", "Umlaut ä"), ("EC:prime256v1", "a/b, c=d;")])
def test_attributes(own, kind, label):
    """Made on the token, sensitive, never to leave it; label and id are the ones asked for, in another process too."""
    own.generate_pair(kind, label, "00ff10")
    text = own.listed("privkey")
    assert f"label:      {label}" in text and "ID:         00ff10" in text, text
    access = re.search(r"Access: +(.+)", text)[1].split(", ")
    assert set(access) >= {"sensitive", "always sensitive", "never extractable", "local"}, text


def test_usage_is_what_was_asked_for(own):
    own.generate_pair("rsa:2048", "signer", "01", "--usage-sign")
    own.generate_pair("rsa:2048", "opener", "02", "--usage-decrypt")
    own.generate_pair("EC:prime256v1", "partner", "03", "--usage-derive")
    assert "sign" in usage(own, "signer")
    assert "decrypt" in usage(own, "opener")
    assert "derive" in usage(own, "partner")


@pytest.mark.parametrize("size", [16, 24, 32])
def test_aes(own, size):
    own.generate_key(f"AES:{size}", "secret", "b1", "--extractable")
    value = own.output("--read-object", "--type", "secrkey", "--id", "b1")
    assert len(value) == size
    data, iv = MESSAGE, bytes(range(16))
    encrypted = own.output(
        "--encrypt", "--mechanism", "AES-CBC-PAD", "--id", "b1", "--iv", iv.hex(),
        "--input-file", own.file("clear", data),
    )  # fmt: skip
    assert encrypted == openssl.encrypt(f"aes-{8 * size}-cbc", value, data, iv)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_generic_secrets(own, size):
    own.generate_key(f"GENERIC:{size}", "secret", "b2", "--extractable", "--usage-sign")
    value = own.output("--read-object", "--type", "secrkey", "--id", "b2")
    assert len(value) == size
    mac = own.output("--sign", "--mechanism", "SHA256-HMAC", "--id", "b2", "--input-file", message(own))
    assert mac == openssl.hmac("sha256", value, MESSAGE)


def test_no_two_keys_are_equal(own):
    for id in ("01", "02"):
        own.generate_key("AES:32", "secret", id, "--extractable")
    first, second = (own.output("--read-object", "--type", "secrkey", "--id", id) for id in ("01", "02"))
    assert first != second


@pytest.mark.parametrize("kind", ["AES:17", "AES:8", "AES:33"])
def test_wrong_sizes_of_aes(own, kind):
    own.refused("--keygen", "--key-type", kind, "--label", "odd", "--id", "0d")
    assert "Secret Key Object" not in own.listed(), "a refused key must not exist"


@pytest.mark.parametrize("kind", ["rsa:256", "rsa:1000000", "EC:brainpoolP192r1"])
def test_wrong_kinds_of_pairs(own, kind):
    # Not every code of PKCS #11 3.0 has a name in OpenSC 0.23.
    own.refused("--keypairgen", "--key-type", kind, "--label", "odd", "--id", "0d", code="rv = ")
    assert "Key Object" not in own.listed(), "a refused pair must not exist"


def test_nothing_is_made_without_login(own):
    for words in (["--keypairgen", "--key-type", "EC:prime256v1"], ["--keygen", "--key-type", "AES:16", "--private"]):
        result = own("--token-label", own.token.label, *words, "--label", "nobody", check=False)
        assert result.returncode > 0 and b"CKR_USER_NOT_LOGGED_IN" in result.stderr + result.stdout
    assert "nobody" not in own.listed()


def message(own):
    return own.file("message", MESSAGE)


def usage(own, label: str) -> set[str]:
    text = own.text("--list-objects", "--type", "privkey")
    block = next(block for block in text.split("Private Key Object") if f"label:      {label}\n" in block)
    return set(re.search(r"Usage: +(.+)", block)[1].split(", "))
