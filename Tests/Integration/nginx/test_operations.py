"""What operators do to a running NGINX: a new key and `reload`, a replaced API key and `reload`."""

import time

import pytest
from kms import RSA_KEY
from processes import wait_until
from tls_client import both_versions, handshakes
from web_server import ec_by_label, recipe, rsa_by_label

# The module believes a listing of all keys for two seconds (README, "Limits"); a lower bound, so sleeping is sound.
LISTING_SECONDS = 2.5


@pytest.fixture
def second_app(kms, tmp_path):
    """An app whose API key a test may replace, and the file that NGINX reads it from."""
    name, pin_file = "replaced.aserracorp.com", tmp_path / "api-key"
    kms.run_kmsctl("app", "create", name, "--group", kms.group)
    kms.run_kmsctl("app", "show-key", name, "--output", pin_file)
    yield name, pin_file
    kms.run_kmsctl("app", "delete", name, "--yes")


def errors(visits):
    return [one.error for one in visits if one.error]


def test_reload_finds_a_key_that_was_made_meanwhile(binaries, kms, authority, tmp_path):
    server = recipe(binaries, kms, tmp_path)
    server.configure(rsa=rsa_by_label(kms))
    server.start()
    try:
        time.sleep(LISTING_SECONDS)
        kms.run_kmsctl("key", "generate", "made-later", "--type", "ec", "--curve", "P-256", "--group", kms.group)
        certificate = authority.issue(kms.public_key_file("made-later"), "made-later")
        server.configure(ec=("engine:pkcs11:label_made-later", certificate))
        server.test()
        server.reload()
        wait_until(lambda: len(server.workers()) == 2, f"the old workers' end\n{server.error_log()}")
        assert errors(handshakes(20, server.port, both_versions(authority.certificate))) == []
        assert "not found" not in server.error_log()
    finally:
        server.stop()
        kms.run_kmsctl("key", "delete", "made-later", "--yes")


def test_reload_takes_a_replaced_api_key(binaries, kms, authority, tmp_path, second_app):
    name, pin_file = second_app
    server = recipe(binaries, kms, tmp_path, pin=f"file:{pin_file}")
    server.configure(rsa=rsa_by_label(kms))
    server.start()
    try:
        assert errors(handshakes(20, server.port, both_versions(authority.certificate))) == []
        kms.run_kmsctl("app", "reset-key", name, "--output", pin_file)
        # The workers cannot read the file: they go on with the old key, and the log says that the KMS refuses it.
        assert len(errors(handshakes(8, server.port, both_versions(authority.certificate)))) == 8
        assert "401" in server.error_log()
        time.sleep(LISTING_SECONDS)
        server.reload()
        wait_until(lambda: len(server.workers()) == 2, f"the old workers' end\n{server.error_log()}")
        assert errors(handshakes(20, server.port, both_versions(authority.certificate))) == []
    finally:
        server.stop()


def test_a_hanging_kms_costs_its_deadline_once(binaries, kms, authority, tmp_path):
    """libp11 signs ECDSA twice when the first signature fails; the second try must not wait as long again."""
    deadline = 4.0
    server = recipe(binaries, kms, tmp_path, retry_timeout_millis=int(deadline * 1000))
    server.configure(ec=ec_by_label(kms))
    server.start()
    try:
        assert errors(handshakes(4, server.port, both_versions(authority.certificate))) == []
        kms.suspend()
        visits = handshakes(2, server.port, both_versions(authority.certificate), threads=1)
        assert len(errors(visits)) == 2
        assert max(one.seconds for one in visits) < 2 * deadline
    finally:
        kms.resume()
        server.stop()
