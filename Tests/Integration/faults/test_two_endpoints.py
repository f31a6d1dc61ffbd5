"""The first of two endpoints fails: the second does the work, where that is safe, and nobody waits longer than for one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from faults import FAULTS, OPERATIONS, ROUTES, Fault

# retry_timeout_millis and failover_timeout_millis, in seconds.
DEADLINE, FAILOVER = 3.0, 0.5
LIMIT = DEADLINE * 1.1
CONCERNED = {name: fault for name, fault in FAULTS.items() if fault.with_another is not None}


def preferred(host, servers):
    """The endpoint that the host asks first now."""
    before = [len(server.requests) for server in servers]
    host.must("sign")
    return next(one for one, count in zip(servers, before) if len(one.requests) > count)


def meet(site, name: str, fault: Fault) -> dict[str, tuple[str, float]]:
    """Return value and seconds of each operation, whose preferred endpoint has the fault."""
    results = {}
    with site.nobodys_server() as elsewhere, site.server() as first, site.server() as second:
        first.elsewhere = second.elsewhere = elsewhere
        host = site.host(
            f"two {name}", first, second, retry_timeout_millis=int(DEADLINE * 1000),
            failover_timeout_millis=int(FAILOVER * 1000),
        )  # fmt: skip
        try:
            host.must("login")
            host.must("prepare")
            for operation in OPERATIONS:
                faulty = preferred(host, (first, second))
                if operation == "login":
                    host("logout")
                if fault.is_connection:
                    fault.spoil(faulty)
                else:
                    faulty.spoil(fault.spoil, ROUTES[operation])
                answer = host(operation)
                results[operation] = answer.value, answer.seconds
                faulty.heal()
                if operation == "generate" and answer.value == "OK":
                    host("clean")
        finally:
            first.heal()
            second.heal()
            host.close()
    return results


@pytest.fixture(scope="module")
def meetings(site):
    """All at once: they mostly wait."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield {name: pool.submit(meet, site, name, fault) for name, fault in CONCERNED.items()}


@pytest.mark.parametrize("name", CONCERNED)
def test_the_other_endpoint_does_it(meetings, name):
    for operation, (value, seconds) in meetings[name].result().items():
        assert value == CONCERNED[name].expected_with_another(operation), operation
        assert seconds <= LIMIT, f"{operation} took {seconds:.2f} s"
