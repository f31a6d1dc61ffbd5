"""pkcs11-tool: what a person tries first."""

import hashlib
import re

import pytest
from kms import GENERATED, P256_KEY, RSA_KEY
from pkcs11_tool import PKCS11Tool
from processes import output_of
from verification import verify_digest, verify_message

RSA_KEYS = [RSA_KEY, "rsa3072-key", "rsa4096-key"]
EC_KEYS = [P256_KEY, "p384-key", "p521-key"]
MESSAGE = b"To be signed by a key that never leaves the KMS.\n" * 3

# The ASN.1 DigestInfo before a SHA-256 value (RFC 8017, section 9.2, note 1).
SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


@pytest.fixture
def tool(binaries, module_env) -> PKCS11Tool:
    return PKCS11Tool(binaries.module, module_env)


def test_shows_the_library(tool):
    text = output_of(tool("-I"))
    assert re.search(r"Cryptoki version +[23]\.\d+", text), text


def test_lists_slots_and_tokens_without_the_network(tool, kms):
    """Nothing that names slots and tokens may depend on a KMS that answers."""
    tool.env["FORTANIX_API_ENDPOINT"] = "https://127.0.0.1:1"
    slots, tokens = output_of(tool("-L")), output_of(tool("-T"))
    for text in (slots, tokens):
        assert re.search(r"token label +: \S", text), text
        assert "login required" in text, text


def test_pin_limit_admits_api_keys(tool, kms):
    limits = re.search(r"pin min/max +: +(\d+)/(\d+)", output_of(tool("-L")))
    assert int(limits[1]) <= len(kms.api_key) == 164
    assert int(limits[2]) >= 1024, "JSON web tokens are longer than API keys"


def test_lists_mechanisms(tool):
    text = output_of(tool("-M"))
    for mechanism in ("RSA-PKCS", "SHA256-RSA-PKCS", "RSA-PKCS-PSS", "SHA384-RSA-PKCS-PSS", "ECDSA", "ECDSA-SHA256"):
        row = re.search(rf"^ +{mechanism}, keySize=\{{(\d+),(\d+)\}}, (.*)$", text, re.MULTILINE)
        assert row and "sign" in row[3].split(", "), text
        assert int(row[2]) >= (521 if "ECDSA" in mechanism else 4096), text


def test_lists_objects(tool, kms):
    found = tool.objects(kms.api_key)
    for name in [RSA_KEY, *GENERATED]:
        assert found[("Private", name)] == found[("Public", name)], found
    for name in (RSA_KEY, P256_KEY):
        certificate = name.removesuffix("-key") + "-cert"
        assert found[("Certificate", certificate)] == found[("Private", name)], found


def test_private_keys_are_hidden_before_login(tool):
    assert "Private Key" not in output_of(tool("-O", check=False))


@pytest.mark.parametrize("key", RSA_KEYS)
@pytest.mark.parametrize(
    ("mechanism", "digest", "padding"),
    [("SHA256-RSA-PKCS", "sha256", "pkcs1"), ("SHA384-RSA-PKCS-PSS", "sha384", "pss")],
)
def test_signs_messages_with_rsa(tool, kms, tmp_path, key, mechanism, digest, padding):
    signature = tool.sign(mechanism, key, kms.api_key, MESSAGE, tmp_path)
    options = ["rsa_padding_mode:pss", "rsa_pss_saltlen:digest"] if padding == "pss" else []
    verify_message(kms.public_key_file(key), digest, tmp_path / "data", signature, *options)


@pytest.mark.parametrize("key", RSA_KEYS)
def test_signs_a_digest_info_with_rsa(tool, kms, tmp_path, key):
    value = hashlib.sha256(MESSAGE).digest()
    signature = tool.sign("RSA-PKCS", key, kms.api_key, SHA256_DIGEST_INFO + value, tmp_path)
    (tmp_path / "digest").write_bytes(value)
    verify_digest(kms.public_key_file(key), tmp_path / "digest", signature, "digest:sha256")


@pytest.mark.parametrize("key", RSA_KEYS)
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_signs_a_digest_with_pss(tool, kms, tmp_path, key, digest):
    value = hashlib.new(digest, MESSAGE).digest()
    signature = tool.sign(
        "RSA-PKCS-PSS", key, kms.api_key, value, tmp_path,
        "--hash-algorithm", digest.upper(), "--mgf", f"MGF1-{digest.upper()}",
    )  # fmt: skip
    verify_digest(
        kms.public_key_file(key), tmp_path / "data", signature,
        f"digest:{digest}", "rsa_padding_mode:pss", "rsa_pss_saltlen:digest",
    )  # fmt: skip


@pytest.mark.parametrize("key", EC_KEYS)
def test_signs_a_digest_with_ecdsa(tool, kms, tmp_path, key):
    value = hashlib.sha256(MESSAGE).digest()
    signature = tool.sign("ECDSA", key, kms.api_key, value, tmp_path, "--signature-format", "openssl")
    verify_digest(kms.public_key_file(key), tmp_path / "data", signature)


@pytest.mark.parametrize("key", EC_KEYS)
def test_signs_messages_with_ecdsa(tool, kms, tmp_path, key):
    signature = tool.sign("ECDSA-SHA256", key, kms.api_key, MESSAGE, tmp_path, "--signature-format", "openssl")
    verify_message(kms.public_key_file(key), "sha256", tmp_path / "data", signature)


@pytest.mark.parametrize(("key", "size"), [(P256_KEY, 64), ("p384-key", 96), ("p521-key", 132)])
def test_raw_ecdsa_signatures_have_the_standard_length(tool, kms, tmp_path, key, size):
    """r and s at the curve's full width each, however small they happen to be."""
    value = hashlib.sha256(MESSAGE).digest()
    assert len(tool.sign("ECDSA", key, kms.api_key, value, tmp_path).read_bytes()) == size


def test_refuses_to_sign_with_an_unknown_key(tool, kms, tmp_path):
    (tmp_path / "data").write_bytes(b"x" * 32)
    result = tool(
        "--login", "--pin", kms.api_key, "--sign", "--mechanism", "ECDSA", "--id", "00ff00ff",
        "--input-file", tmp_path / "data", "--output-file", tmp_path / "signature", check=False,
    )  # fmt: skip
    assert result.returncode != 0
    assert "Private key not found" in output_of(result)
