"""Sessions that the KMS forgets, and keys that it revokes."""

import pytest
from faults import ROUTES, status


@pytest.fixture
def server(site):
    with site.server() as server:
        yield server


@pytest.fixture
def host(site, server, request):
    host = site.host(request.node.name, server)
    yield host
    host.close()


def forget_sessions_so_far(server):
    """Answers 401 to every token that has been used until now."""
    known = {request.authorization for request in server.requests}

    def fault(exchange):
        if exchange.request.authorization in known and exchange.request.route != ROUTES["login"]:
            return status(401)(exchange)
        answer = exchange.kms_answer()
        exchange.send(answer.status, answer.headers, answer.body)

    server.spoil(fault)


def test_all_threads_share_one_renewal(host, server):
    host.must("login")
    host.must("prepare")
    host.must("sign_in_threads")
    forget_sessions_so_far(server)
    logins = server.count(ROUTES["login"])
    for _ in range(3):
        host.must("sign_in_threads")
    assert server.count(ROUTES["login"]) - logins == 1


def test_a_revoked_key(host, server):
    """What is signed with it: CKR_USER_NOT_LOGGED_IN; who logs in with it: CKR_PIN_INCORRECT. The KMS is not asked over
    and over."""
    host.must("login")
    host.must("prepare")
    server.spoil(status(401))
    logins = server.count(ROUTES["login"])
    assert {host(operation).value for operation in ("sign", "decrypt", "find") * 3} == {"USER_NOT_LOGGED_IN"}
    assert server.count(ROUTES["login"]) - logins == 1
    host.must("logout")
    assert host("login").value == "PIN_INCORRECT"
    server.heal()
    host.must("login")
    host.must("sign")
