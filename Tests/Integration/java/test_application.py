"""A Java program that uses the provider for all that it has."""

from pathlib import Path

import pytest

TOUR = Path(__file__).with_name("TokenTour.java")


def test_tour(java, tool):
    text = java.run_program(TOUR)
    done = [line.removeprefix("ok ") for line in text.splitlines()]
    assert {"SHA-256", "SHA256withRSA", "RSASSA-PSS", "RSA", "SHA256withECDSA", "ECDH secp384r1", "HmacSHA256"} <= {
        *done
    }
    for cipher in ("CBC/NoPadding", "CBC/PKCS5Padding", "CTR/NoPadding", "ECB/NoPadding", "GCM/NoPadding"):
        assert done.count(f"AES/{cipher}") == done.count(f"AES/{cipher} back") == 2, text
    assert "Object;" not in tool.listed(), "session objects end with their session"


def test_a_wrong_pin(java):
    java.pin_file.write_text("wrong-" + java.token.pin[:8])
    with pytest.raises(AssertionError, match="CKR_PIN_INCORRECT"):
        java.run_program(TOUR)
