"""What a key's maker forbids, and what every use of it asks for."""

import openssl_program as openssl
import pytest
from processes import output_of
from verification import verify_message


def test_allowed_mechanisms(own):
    pair = own.generate_pair("rsa:2048", "narrow", "01", "--allowed-mechanisms", "SHA256-RSA-PKCS,SHA384-RSA-PKCS")
    data = own.file("data", b"abc")
    sign = ["--sign", "--id", "01", "--input-file", data]
    signature = own.file("signature", own.output(*sign, "--mechanism", "SHA256-RSA-PKCS"))
    verify_message(pair.public_key, "sha256", data, signature)
    own.refused(*sign, "--mechanism", "SHA512-RSA-PKCS", code="CKR_MECHANISM_INVALID")
    assert "Allowed mechanisms: SHA256-RSA-PKCS,SHA384-RSA-PKCS" in own.listed("privkey")


@pytest.mark.parametrize("kind", ["rsa:2048", "EC:prime256v1"])
def test_a_pin_for_every_signature(own, kind):
    """The tool logs in again (CKU_CONTEXT_SPECIFIC) between C_SignInit and C_Sign."""
    pair = own.generate_pair(kind, "careful", "01", "--always-auth")
    assert "always authenticate" in own.listed("privkey")
    data = own.file("data", b"abc")
    mechanism = "SHA256-RSA-PKCS" if kind.startswith("rsa") else "ECDSA-SHA256"
    words = ["--sign", "--id", "01", "--mechanism", mechanism, "--signature-format", "openssl", "--input-file", data]
    verify_message(pair.public_key, "sha256", data, own.file("signature", own.output(*words)))


def test_a_certificate_that_may_not_be_destroyed(own, authority):
    own.login("--write-object", authority.certificate, "--type", "cert", "--label", "root", "--undestroyable")
    own.refused("--delete-object", "--type", "cert", "--label", "root", code="")
    assert "root" in own.listed("cert")


def test_private_secret_keys_are_hidden_before_login(own):
    own.generate_key("AES:32", "hidden", "01", "--private")
    before = own("--token-label", own.token.label, "--list-objects", check=False)
    assert "hidden" not in output_of(before)
    assert "hidden" in own.listed("secrkey")


def test_sensitive_for_ever(own):
    """What was generated as sensitive and unextractable says so; an imported key cannot know."""
    own.generate_key("AES:32", "made", "01", "--sensitive")
    own.import_key("AES:16", openssl.digest("sha256", b"known")[:16], "02", "--sensitive")
    blocks = {
        block.split("label:      ")[1].split("\n")[0]: block for block in own.listed("secrkey").split("Secret Key")[1:]
    }
    assert "sensitive, always sensitive, never extractable, local" in blocks["made"], blocks
    assert "always sensitive" not in blocks["key-02"] and "local" not in blocks["key-02"], blocks
