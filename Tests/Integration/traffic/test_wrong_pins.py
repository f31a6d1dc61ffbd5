"""After five wrong PINs kmsd answers 429 and says how long to wait: that is waited for where the call has the time."""

import time

import cryptoki as ck
import pytest
from kms import wrong_secret

LOGIN = "POST /sys/v1/session/auth"
PATIENT, IMPATIENT = 20_000, 1_500


@pytest.fixture
def pin(site, tmp_path):
    """Of an app of its own, which kmsd slows down."""
    name = f"wrong-pins-{tmp_path.name}"
    site.kms.run_kmsctl("app", "create", name, "--group", "traffic")
    site.kms.run_kmsctl("app", "show-key", name, "--output", tmp_path / "api-key")
    yield (tmp_path / "api-key").read_text().strip()
    site.kms.run_kmsctl("app", "delete", name, "--yes")


def refused(host, pin: str, value: str):
    with pytest.raises(ck.Refused, match=value):
        host.login(pin=pin)


def test_the_wait_is_within_the_call(host, server, pin):
    one = host(is_logged_in=False, retry_timeout_millis=PATIENT)
    for _ in range(5):
        refused(one, wrong_secret(pin), "CKR_PIN_INCORRECT")
    asked = server.count(LOGIN)
    # The first wait is a second, so the right PIN gets in: late, and without an error.
    one.login(pin=pin)
    assert server.count(LOGIN) - asked == 2


def test_a_wait_that_is_too_long(host, server, pin):
    one = host(is_logged_in=False, retry_timeout_millis=IMPATIENT)
    began = time.monotonic()
    for _ in range(5):
        refused(one, wrong_secret(pin), "CKR_PIN_INCORRECT")
    # One second is waited for, two seconds are not.
    refused(one, wrong_secret(pin), "CKR_PIN_INCORRECT")
    asked = server.count(LOGIN)
    refused(one, pin, "CKR_PIN_LOCKED")
    assert server.count(LOGIN) - asked == 1
    line = one.log().splitlines()[-1]
    assert "after wrong PINs the KMS makes this app wait" in line
    assert "429 Too many failed logins" in line and "to be tried again in" in line
    # A program that gave no wrong PIN is not told that its PIN is locked.
    other = host(is_logged_in=False, retry_timeout_millis=200)
    if time.monotonic() - began < 2:
        refused(other, pin, "CKR_DEVICE_ERROR")
