"""Hashes, random bytes and the list of mechanisms."""

import re

import openssl_program as openssl
import pytest
from processes import output_of

MECHANISMS = {
    "sha1": "SHA-1",
    **{name: name.upper() for name in ("sha224", "sha256", "sha384", "sha512")},
    **{name: name.upper() for name in ("sha3-224", "sha3-256", "sha3-384", "sha3-512")},
}


@pytest.mark.parametrize("size", [0, 1, 64, 1000])
@pytest.mark.parametrize("digest", MECHANISMS)
def test_hashes(shared, digest, size):
    """64 bytes at a time, which is one update for the tool."""
    data = bytes(index % 251 for index in range(size))
    value = shared.output("--hash", "--mechanism", MECHANISMS[digest], "--input-file", shared.file("data", data))
    assert value == openssl.digest(digest, data)


def test_hashes_need_no_login(shared):
    data = shared.file("data", b"abc")
    result = shared("--token-label", shared.token.label, "--hash", "--mechanism", "SHA256", "--input-file", data)
    assert result.stdout == openssl.digest("sha256", b"abc")


@pytest.mark.parametrize("size", [1, 32, 1000, 100_000])
def test_random_bytes(shared, size):
    first, second = (shared.output("--generate-random", size) for _ in range(2))
    assert len(first) == len(second) == size
    assert size == 1 or first != second
    assert size < 1000 or all(first.count(byte) < size / 10 for byte in range(256))


def test_every_operation_is_listed_with_its_mechanisms(shared):
    text = output_of(shared("--token-label", shared.token.label, "--list-mechanisms"))
    rows = dict(re.findall(r"^  (\S+?), (.+)$", text, re.MULTILINE))
    for names, capabilities in {
        ("RSA-PKCS-KEY-PAIR-GEN", "ECDSA-KEY-PAIR-GEN", "EC-EDWARDS-KEY-PAIR-GEN"): {"generate_key_pair"},
        ("AES-KEY-GEN", "GENERIC-SECRET-KEY-GEN"): {"generate"},
        ("RSA-PKCS", "RSA-PKCS-OAEP", "AES-CBC", "AES-CBC-PAD", "AES-CTR", "AES-GCM", "AES-ECB"): {
            "encrypt",
            "decrypt",
        },
        ("RSA-PKCS", "RSA-PKCS-PSS", "SHA256-RSA-PKCS", "ECDSA", "ECDSA-SHA384", "EDDSA"): {"sign", "verify"},
        ("SHA256-HMAC", "SHA512-HMAC", "AES-CMAC"): {"sign", "verify"},
        ("SHA-1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256"): {"digest"},
        ("AES-KEY-WRAP", "RSA-PKCS-OAEP"): {"wrap", "unwrap"},
        ("ECDH1-DERIVE",): {"derive"},
    }.items():
        for name in names:
            assert name in rows, f"{name} is not listed:\n{text}"
            assert capabilities <= set(rows[name].split(", ")), f"{name}: {rows[name]}"


def test_sizes_are_in_the_unit_of_the_mechanism(shared):
    """Bits for RSA and curves, bytes for AES."""
    text = output_of(shared("--token-label", shared.token.label, "--list-mechanisms"))
    sizes = {name: (int(least), int(most)) for name, least, most in re.findall(r"(\S+), keySize=\{(\d+),(\d+)\}", text)}
    assert sizes["AES-KEY-GEN"] == (16, 32) == sizes["AES-CBC"]
    assert sizes["RSA-PKCS-KEY-PAIR-GEN"][0] <= 2048 and sizes["RSA-PKCS-KEY-PAIR-GEN"][1] >= 4096
    assert sizes["ECDSA-KEY-PAIR-GEN"][1] == 521 and sizes["ECDSA-KEY-PAIR-GEN"][0] <= 256


def test_versions_are_offered(shared):
    """C_GetInterfaceList: the standard's interface in 3.0 and in 2.40."""
    text = output_of(shared("--list-interfaces", "--show-info"))
    assert "PKCS 11" in text and re.search(r"version: 3\.\d", text) and re.search(r"version: 2\.40", text), text
