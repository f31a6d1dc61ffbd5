"""The KMS goes away under traffic and comes back: NGINX needs no touch."""

import time

import pytest
from processes import wait_until
from tls_client import Traffic, both_versions
from web_server import ec_by_label, recipe, rsa_by_label

# The configured limit of one call, in seconds, and what else a handshake may take on a busy machine. A handshake may also
# wait in the queue of its worker behind others that each use up the deadline.
DEADLINE = 2.0
THREADS = 2
MARGIN = 8.0
LONGEST = DEADLINE * THREADS + MARGIN


@pytest.fixture(params=["rsa", "ec"])
def nginx(request, binaries, kms, tmp_path):
    server = recipe(binaries, kms, tmp_path, retry_timeout_millis=int(DEADLINE * 1000))
    server.configure(rsa=rsa_by_label(kms)) if request.param == "rsa" else server.configure(ec=ec_by_label(kms))
    server.start()
    yield server
    server.stop()


def wait_for(events, how_many: int, what: str):
    """Waits for `how_many` more of what `events()` lists than there are now."""
    enough = len(events()) + how_many
    wait_until(lambda: len(events()) >= enough, what)


def disturb(nginx, authority, leave, come_back):
    """Traffic before, while and after the KMS is away; the visits and the two moments, in monotonic seconds."""
    with Traffic(nginx.port, both_versions(authority.certificate), threads=THREADS) as traffic:
        wait_for(traffic.successes, 50, "traffic before")
        away = time.monotonic()
        leave()
        wait_for(traffic.failures, 4, f"failures while the KMS is away\n{nginx.error_log()}")
        come_back()
        back = time.monotonic()
        wait_for(traffic.successes, 100, f"traffic afterwards\n{nginx.error_log()}")
    return traffic, away, back


def assert_recovered(traffic, away, back):
    for failure in traffic.failures():
        assert failure.ended > away, f"failed before the KMS went away: {failure}"
        assert failure.began < back, f"failed after the KMS was back: {failure}"
    assert max(one.seconds for one in traffic.visits) < LONGEST


def test_killed_and_restarted(nginx, kms, authority):
    master = nginx.master()
    workers = nginx.workers()
    try:
        traffic, away, back = disturb(nginx, authority, kms.kill9, kms.start)
    except BaseException:
        kms.kill9()
        kms.start()
        raise
    assert_recovered(traffic, away, back)
    assert (nginx.master(), nginx.workers()) == (master, workers)
    assert str(kms.port) in nginx.error_log() and "failed to connect" in nginx.error_log().lower(), nginx.error_log()


def test_silent_and_awake_again(nginx, kms, authority):
    """A KMS that keeps its connections open and says nothing: only the deadline ends the wait."""
    try:
        traffic, away, back = disturb(nginx, authority, kms.suspend, kms.resume)
    finally:
        kms.resume()
    assert_recovered(traffic, away, back)
    assert "time" in nginx.error_log().lower(), nginx.error_log()


def test_configuration_check_with_the_kms_away(nginx, kms):
    """`nginx -t` fails in time, with words, and works once the KMS is back."""
    kms.stop()
    try:
        began = time.monotonic()
        result = nginx.command("-t", check=False)
        seconds = time.monotonic() - began
    finally:
        kms.start()
    assert result.returncode != 0
    assert seconds < LONGEST
    assert "failed to connect" in result.stderr.decode().lower(), result.stderr.decode()
    nginx.test()
