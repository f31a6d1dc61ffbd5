"""Encryption and decryption by pkcs11-tool, against openssl with the same key.

OpenSC 0.23 knows AES in ECB and CBC for both directions, and decryption with RSA.
"""

import os

import openssl_program as openssl
import pytest

IV = bytes(range(100, 116))


@pytest.fixture(scope="module")
def rsa(shared):
    return shared.generate_pair("rsa:2048", "rsa", "02")


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("mode", ["cbc", "ecb"])
@pytest.mark.parametrize("size", [16, 1008, 4096])
def test_whole_blocks(own, mode, bits, size):
    """More than 1023 bytes make the tool encrypt in several parts."""
    key, data = os.urandom(bits // 8), os.urandom(size)
    own.import_key(f"AES:{bits // 8}", key, "01")
    iv = IV if mode == "cbc" else None
    sealed = cipher(own, "--encrypt", f"AES-{mode.upper()}", data, iv)
    assert sealed == openssl.encrypt(f"aes-{bits}-{mode}", key, data, iv, padded=False)
    assert cipher(own, "--decrypt", f"AES-{mode.upper()}", sealed, iv) == data


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000, 1023, 1024, 1025, 5000])
def test_padding(own, bits, size):
    key, data = os.urandom(bits // 8), os.urandom(size)
    own.import_key(f"AES:{bits // 8}", key, "01")
    sealed = openssl.encrypt(f"aes-{bits}-cbc", key, data, IV)
    assert cipher(own, "--encrypt", "AES-CBC-PAD", data) == sealed
    assert cipher(own, "--decrypt", "AES-CBC-PAD", sealed) == data


def test_a_generated_key(own):
    """The value never leaves the token, so the way back is the check, and openssl's on the extractable copy of one."""
    own.generate_key("AES:32", "kept", "01", "--sensitive")
    own.generate_key("AES:32", "shown", "02", "--extractable")
    data = os.urandom(100)
    sealed = cipher(own, "--encrypt", "AES-CBC-PAD", data)
    assert sealed != data and cipher(own, "--decrypt", "AES-CBC-PAD", sealed) == data
    value = own.output("--read-object", "--type", "secrkey", "--id", "02")
    assert openssl.decrypt("aes-256-cbc", value, cipher(own, "--encrypt", "AES-CBC-PAD", data, id="02"), IV) == data


def test_a_missing_iv_is_refused(own):
    """The tool hands no IV over when it is told none, or one that is too long; there is no default."""
    own.import_key("AES:16", bytes(16), "01")
    data = own.file("data", bytes(32))
    for options in ([], ["--iv", "00" * 17], ["--iv", "zz"]):
        for mechanism in ("AES-CBC", "AES-CBC-PAD"):
            own.refused(
                "--encrypt", "--mechanism", mechanism, "--id", "01", "--input-file", data, *options,
                code="CKR_MECHANISM_PARAM_INVALID",
            )  # fmt: skip


@pytest.mark.parametrize("mechanism", ["AES-CBC", "AES-ECB"])
@pytest.mark.parametrize("size", [1, 15, 17])
def test_part_of_a_block_is_refused(own, mechanism, size):
    own.import_key("AES:16", bytes(16), "01")
    for direction in ("--encrypt", "--decrypt"):
        own.refused(
            direction, "--mechanism", mechanism, "--id", "01", "--iv", IV.hex(),
            "--input-file", own.file("data", bytes(size)),
        )  # fmt: skip


def test_wrong_padding_is_refused(own):
    own.import_key("AES:16", bytes(16), "01")
    sealed = openssl.encrypt("aes-128-cbc", bytes(16), bytes(16), IV, padded=False)
    own.refused(
        "--decrypt", "--mechanism", "AES-CBC-PAD", "--id", "01", "--iv", IV.hex(),
        "--input-file", own.file("sealed", sealed),
    )  # fmt: skip


def cipher(own, direction: str, mechanism: str, data: bytes, iv: bytes | None = IV, id: str = "01") -> bytes:
    options = ["--iv", iv.hex()] if iv else []
    return own.output(direction, "--mechanism", mechanism, "--id", id, *options, "--input-file", own.file("data", data))


@pytest.mark.parametrize("size", [0, 1, 32, 245])
def test_pkcs1(shared, rsa, size):
    data = os.urandom(size)
    sealed = openssl.encrypt_to(rsa.public_key, data, "rsa_padding_mode:pkcs1")
    assert decrypt_rsa(shared, "RSA-PKCS", sealed) == data


@pytest.mark.parametrize("digest", ["sha1", "sha224", "sha256", "sha384", "sha512"])
def test_oaep(shared, rsa, digest):
    data = os.urandom(32)
    sealed = openssl.encrypt_to(rsa.public_key, data, "rsa_padding_mode:oaep", f"rsa_oaep_md:{digest}")
    assert decrypt_rsa(shared, "RSA-PKCS-OAEP", sealed, "--hash-algorithm", hash_name(digest)) == data


@pytest.mark.parametrize(("digest", "mgf"), [("sha256", "sha1"), ("sha1", "sha256"), ("sha384", "sha512")])
def test_oaep_with_two_hashes(shared, rsa, digest, mgf):
    """The label's hash and the mask's are independent in the standard. A KMS that has one for both says so."""
    data = os.urandom(32)
    options = ["rsa_padding_mode:oaep", f"rsa_oaep_md:{digest}", f"rsa_mgf1_md:{mgf}"]
    sealed = shared.file("sealed", openssl.encrypt_to(rsa.public_key, data, *options))
    words = ["--decrypt", "--mechanism", "RSA-PKCS-OAEP", "--id", "02", "--input-file", sealed]
    words += ["--hash-algorithm", hash_name(digest), "--mgf", f"MGF1-{mgf.upper()}"]
    if shared.login(*words, check=False).returncode != 0:
        shared.refused(*words, code="CKR_MECHANISM_PARAM_INVALID")
        return
    assert shared.output(*words) == data


@pytest.mark.parametrize("size", [0, 190])
def test_the_shortest_and_longest_for_oaep(shared, rsa, size):
    data = os.urandom(size)
    sealed = openssl.encrypt_to(rsa.public_key, data, "rsa_padding_mode:oaep", "rsa_oaep_md:sha256")
    assert decrypt_rsa(shared, "RSA-PKCS-OAEP", sealed, "--hash-algorithm", "SHA256") == data


def test_raw_rsa(shared, rsa):
    shared.needs("RSA-X-509", "decrypt")
    data = b"\x00" + os.urandom(255)
    sealed = openssl.encrypt_to(rsa.public_key, data, "rsa_padding_mode:none")
    assert decrypt_rsa(shared, "RSA-X-509", sealed) == data


def test_an_altered_ciphertext(shared, rsa):
    """OAEP says so. PKCS #1 v1.5 may say so or give other bytes; never the right ones."""
    sealed = bytearray(openssl.encrypt_to(rsa.public_key, b"secret", "rsa_padding_mode:oaep", "rsa_oaep_md:sha256"))
    sealed[100] ^= 1
    shared.refused(
        "--decrypt", "--mechanism", "RSA-PKCS-OAEP", "--hash-algorithm", "SHA256", "--id", "02",
        "--input-file", shared.file("sealed", bytes(sealed)),
    )  # fmt: skip


@pytest.mark.parametrize("size", [0, 255, 257])
def test_a_ciphertext_of_a_wrong_size(shared, rsa, size):
    sealed = shared.file("sealed", bytes(size))
    shared.refused("--decrypt", "--mechanism", "RSA-PKCS", "--id", "02", "--input-file", sealed)


def decrypt_rsa(shared, mechanism: str, sealed: bytes, *options) -> bytes:
    return shared.output(
        "--decrypt", "--mechanism", mechanism, "--id", "02", *options, "--input-file", shared.file("sealed", sealed)
    )


def hash_name(digest: str) -> str:
    return "SHA-1" if digest == "sha1" else digest.upper()
