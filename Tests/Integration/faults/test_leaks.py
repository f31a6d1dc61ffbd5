"""A thousand faults leave nothing behind in the host: no connection, no memory."""

import pytest
from faults import FAULTS, ROUTES
from processes import wait_until

# Those that end a request at once.
QUICK = [
    "expired certificate", "401", "404", "500", "429 for an hour", "half the JSON", "the page of a portal", "no HTTP",
    "closes idle connections", "a signature by another key",
]  # fmt: skip
ROUND = 50
# In kB; a kilobyte that each fault left would be twice that.
GROWTH = 1_000


@pytest.fixture
def server(site):
    with site.server() as server:
        yield server


def test_nothing_is_left(site, server):
    host = site.host("leaks", server)
    try:
        host.must("login")
        host.must("prepare")
        # What is filled once is filled by then.
        meet_all(host, server)
        before = host("state")
        for _ in range(4):
            meet_all(host, server)
        host.must("sign")
        after = host("state")
        wait_until(lambda: len(server.connections) <= 1, "the end of connections")
    finally:
        server.heal()
        host.close()
    assert after.sockets <= before.sockets
    assert after.memory - before.memory < GROWTH, (before.memory, after.memory)


def meet_all(host, server):
    for name in QUICK:
        fault = FAULTS[name]
        if fault.is_connection:
            fault.spoil(server)
        else:
            server.spoil(fault.spoil, ROUTES["sign"])
        for _ in range(ROUND):
            assert host("sign").value == fault.expected("sign"), f"{name}\n{host.log()}"
        server.heal()
        host.must("sign")
