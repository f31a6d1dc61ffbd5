"""NGINX with two endpoints, which are killed, hung and restarted in turn under fresh handshakes: none fails."""

import os
import time
from contextlib import contextmanager

import pytest
from processes import wait_until
from tls_client import Traffic, both_versions
from web_server import ec_by_label, recipe, rsa_by_label

# README, «When the KMS is away»: `failover_timeout_millis` and a second, in seconds.
FAILOVER = 2.0 + 1.0
# Handshakes with a node away, and with both there again.
ENOUGH = 60
SOAK_SECONDS = float(os.environ.get("FAILOVER_SECONDS", "60"))


@pytest.fixture(scope="module")
def nodes(kms, tmp_path_factory):
    other = kms.twin(tmp_path_factory.mktemp("twin") / "kms")
    other.start()
    yield kms, other
    other.stop()


@pytest.fixture
def nginx(binaries, nodes, tmp_path):
    first, second = nodes
    server = recipe(binaries, first, tmp_path, endpoints=[first.url, second.url])
    # The variable would name one endpoint for the slot.
    del server.environment["FORTANIX_API_ENDPOINT"]
    server.configure(rsa=rsa_by_label(first), ec=ec_by_label(first))
    server.start()
    yield server
    server.stop()


@contextmanager
def killed(node):
    node.kill9()
    try:
        yield
    finally:
        node.start()


@contextmanager
def hung(node):
    node.suspend()
    try:
        yield
    finally:
        node.resume()


@contextmanager
def restarted(node):
    node.stop()
    try:
        yield
    finally:
        node.start()


def wait_for(traffic, count: int, nginx):
    enough = len(traffic.visits) + count
    wait_until(lambda: len(traffic.visits) >= enough, f"traffic\n{nginx.error_log()}")


def disturb(nginx, nodes, authority, is_over):
    """Each way to be away, for one node and then the other, until `is_over()`."""
    ways = [way for way in (killed, hung, restarted) for _ in nodes]
    with Traffic(nginx.port, both_versions(authority.certificate)) as traffic:
        wait_for(traffic, ENOUGH, nginx)
        turn = 0
        while turn < len(ways) or not is_over():
            way, node = ways[turn % len(ways)], nodes[turn % len(nodes)]
            with way(node):
                wait_for(traffic, ENOUGH, nginx)
            wait_for(traffic, ENOUGH, nginx)
            turn += 1
    return traffic


def assert_nobody_noticed(traffic, nginx):
    shown = nginx.error_log()[-3000:]
    assert [one.error for one in traffic.failures()] == [], shown
    longest = max(one.seconds for one in traffic.visits)
    print(f"{len(traffic.visits)} handshakes, the longest took {longest:.2f} s")
    assert longest < FAILOVER, shown
    assert "set aside" in nginx.error_log()


def test_no_handshake_fails_while_one_node_is_there(nginx, nodes, authority):
    assert_nobody_noticed(disturb(nginx, nodes, authority, lambda: True), nginx)


@pytest.mark.soak
def test_for_a_minute(nginx, nodes, authority):
    end = time.monotonic() + SOAK_SECONDS
    assert_nobody_noticed(disturb(nginx, nodes, authority, lambda: time.monotonic() > end), nginx)
