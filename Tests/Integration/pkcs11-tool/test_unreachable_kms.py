"""A KMS that is away gives a named error in time, and never a hang."""

import socket
import threading
import time

import pytest
from kms import write_configuration
from pkcs11_tool import PKCS11Tool
from processes import clean_environment, free_port, output_of

# The configured limit of one call, and what a busy machine may add to it, in seconds.
DEADLINE = 2.0
MARGIN = 8.0


@pytest.fixture
def black_hole():
    """Accepts connections, reads, and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def accept():
        while True:
            try:
                accepted.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for connection in accepted:
        connection.close()


def login_to(port: int, kms, binaries, tmp_path):
    configuration = write_configuration(
        tmp_path / "kms-pkcs11.conf", kms.ca_file, retry_timeout_millis=int(DEADLINE * 1000)
    )
    env = clean_environment(FORTANIX_API_ENDPOINT=f"https://127.0.0.1:{port}", KMS_PKCS11_CONF=str(configuration))
    began = time.monotonic()
    result = PKCS11Tool(binaries.module, env)("-O", "--login", "--pin", kms.api_key, check=False)
    seconds = time.monotonic() - began
    assert result.returncode != 0
    return seconds, output_of(result)


def test_nobody_listens(kms, binaries, tmp_path):
    port = free_port()
    seconds, text = login_to(port, kms, binaries, tmp_path)
    assert seconds < DEADLINE + MARGIN
    assert "CKR_" in text and "CKR_PIN_INCORRECT" not in text, text
    assert str(port) in text and "failed to connect" in text.lower(), text


def test_somebody_listens_and_stays_silent(kms, binaries, tmp_path, black_hole):
    seconds, text = login_to(black_hole, kms, binaries, tmp_path)
    assert DEADLINE / 2 < seconds < DEADLINE + MARGIN
    assert "CKR_" in text and "CKR_PIN_INCORRECT" not in text, text
    assert str(black_hole) in text and "time" in text.lower(), text


def test_the_certificate_is_not_trusted(kms, binaries, tmp_path, authority):
    """Another authority's certificate in ca_certs_file: no connection, and the words say which check failed."""
    configuration = write_configuration(tmp_path / "kms-pkcs11.conf", authority.certificate)
    env = clean_environment(FORTANIX_API_ENDPOINT=kms.url, KMS_PKCS11_CONF=str(configuration))
    result = PKCS11Tool(binaries.module, env)("-O", "--login", "--pin", kms.api_key, check=False)
    assert result.returncode != 0
    text = output_of(result)
    assert "CKR_" in text and "CKR_PIN_INCORRECT" not in text, text
    assert "certificate" in text.lower(), text
