"""What pkcs11-tool asks wrongly: the standard's error, and a token that is as it was."""

import pytest
from processes import output_of


def test_a_wrong_pin(own):
    result = own("--token-label", own.token.label, "--login", "--pin", "wrong-" + own.token.pin[:8], "-O", check=False)
    assert result.returncode > 0 and "CKR_PIN_INCORRECT" in output_of(result)
    own.login("--list-objects")


def test_a_pin_that_is_too_long(own):
    result = own("--token-label", own.token.label, "--login", "--pin", "0" * 5000, "-O", check=False)
    text = output_of(result)
    assert result.returncode > 0 and ("CKR_PIN_INCORRECT" in text or "CKR_PIN_LEN_RANGE" in text), text


def test_the_administration_of_a_remote_token(own):
    """A KMS is not formatted, and its credentials are not changed, by a program that may only use keys."""
    own.generate_pair("EC:prime256v1", "survivor", "01")
    label = ["--token-label", own.token.label]
    for words in (
        [*label, "--init-token", "--so-pin", "12345678", "--label", "wiped"],
        [*label, "--login", "--login-type", "so", "--so-pin", "12345678", "--init-pin", "--pin", "12345678"],
        [*label, "--login", "--pin", own.token.pin, "--change-pin", "--new-pin", "12345678"],
    ):
        result = own(*words, check=False)
        assert result.returncode > 0 and "CKR_" in output_of(result), output_of(result)
    assert "survivor" in own.listed("privkey")


@pytest.mark.parametrize("words", [["--slot", "4711"], ["--slot-index", "99"], ["--token-label", "Nobody's"]])
def test_a_slot_that_is_not_there(own, words):
    result = own(*words, "--list-mechanisms", check=False)
    assert result.returncode > 0, output_of(result)


def test_a_key_that_is_not_there(own):
    data = own.file("data", b"abc")
    text = own.refused("--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", "99", "--input-file", data, code="")
    assert "Private key not found" in text


@pytest.mark.parametrize("words", [["--keypairgen", "--key-type", "rsa:2048"], ["--keygen", "--key-type", "AES:16"]])
def test_a_mechanism_that_does_not_generate(own, words):
    own.refused(*words, "--mechanism", "SHA256", "--label", "never", "--id", "01", code="CKR_MECHANISM_INVALID")
    assert "never" not in own.listed()


@pytest.mark.parametrize("mechanism", ["RSA-PKCS", "AES-CBC"])
def test_a_mechanism_that_does_not_hash(own, mechanism):
    data = own.file("data", b"abc")
    own.refused("--hash", "--mechanism", mechanism, "--input-file", data, code="CKR_MECHANISM_INVALID")


def test_a_key_of_another_type(own):
    """AES with a generic secret, ECDSA with RSA, RSA with a curve."""
    data = own.file("data", bytes(16))
    own.import_key("", bytes(16), "01")
    own.refused(
        "--encrypt", "--mechanism", "AES-ECB", "--id", "01", "--input-file", data, code="CKR_KEY_TYPE_INCONSISTENT"
    )
    own.generate_pair("rsa:2048", "rsa", "02")
    own.refused("--sign", "--mechanism", "ECDSA", "--id", "02", "--input-file", data, code="CKR_KEY_TYPE_INCONSISTENT")
    own.generate_pair("EC:prime256v1", "ec", "03")
    own.refused(
        "--sign", "--mechanism", "RSA-PKCS", "--id", "03", "--input-file", data, code="CKR_KEY_TYPE_INCONSISTENT"
    )
