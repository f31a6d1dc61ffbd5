"""The tests that pkcs11-tool brings along. Most of them exit with 0 whatever they found, so their words are read."""

import re

import pytest

CURVES = ["EC:prime256v1", "EC:secp384r1", "EC:secp521r1"]


def assert_clean(text: str):
    """No error and no warning of a failed function; "ERR" is how the tool begins a finding."""
    assert not re.search(r"\bERR\b|[Ee]rror:|failed|rv = CKR", text), text


def test_test(own):
    """`--test` without --allow-sw: what the KMS does counts as done by hardware."""
    own.generate_pair("rsa:2048", "first", "01")
    own.generate_pair("EC:prime256v1", "elliptic", "02")
    own.generate_pair("rsa:3072", "second", "03")
    text = own.text("--test")
    assert_clean(text)
    assert "No errors" in text.splitlines(), text
    assert "all 4 digest functions seem to work" in text
    assert "all 4 signature functions seem to work" in text
    for mechanism in ("RSA-PKCS", "SHA1-RSA-PKCS", "SHA256-RSA-PKCS"):
        assert re.search(rf"^    {mechanism}: OK$", text, re.MULTILINE), text
    assert "not implemented" not in text and "No private key" not in text, text
    # Decryption: RSA-PKCS, and OAEP with a label and without.
    assert text.count("RSA-PKCS-OAEP: mgf not set, defaulting to MGF1-SHA256\nOK") == 4, text


def test_test_without_keys(own):
    text = own.text("--test")
    assert_clean(text)
    assert "No errors" in text.splitlines(), text


@pytest.mark.parametrize("curve", CURVES)
def test_test_ec(own, curve):
    text = own.text("--session-rw", "--test-ec", "--key-type", curve, "--id", "01", "--label", "tested")
    assert_clean(text)
    assert "warning" not in text, text
    assert "==> OK" in text.splitlines(), text
    assert "Key Object" not in own.listed(), "the test deletes its keys"


def test_mozilla_like_generation(own, authority):
    """`--moz-cert`: generate, sign, change id and label, delete, load the module anew, write a certificate."""
    text = own.text(
        "--session-rw", "--moz-cert", authority.certificate, "--key-type", "rsa:2048", "--id", "01", "--label", "moz"
    )
    assert_clean(text)
    assert "==> OK, successful! Should work with Mozilla" in text, text
    assert "Object" not in own.listed(), "the test deletes its objects"


def test_test_fork(own):
    """The child must get CKR_OK from C_Initialize."""
    own.generate_pair("EC:prime256v1", "key", "01")
    text = own.text("--test-fork", "--list-objects")
    assert_clean(text)
    assert "Calling C_Initialize in forked child process" in text
    assert "Private Key Object" in text, "the parent goes on as before"


def test_test_threads(own):
    """Threads that initialise, ask for slots and read tokens beside the main program, which lists objects."""
    threads = [word for _ in range(4) for word in ("--test-threads", "ILGISLT0")]
    text = own.text("--use-locking", *threads, "--list-mechanisms", "--list-objects")
    assert "Unknown test" not in text and "CKR_GENERAL_ERROR" not in text, text
    answers = re.findall(r"Test thread \d (C_\w+) +returned (\S+)", text)
    assert {code for _, code in answers} <= {"CKR_OK", "CKR_CRYPTOKI_ALREADY_INITIALIZED"}, text
    assert {name for name, code in answers if code == "CKR_OK"} >= {"C_GetInfo", "C_GetSlotList"}, text
    assert len(answers) == 16, text
    assert re.search(r"^Supported mechanisms:$", text, re.MULTILINE), text
