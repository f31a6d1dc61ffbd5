"""Requests that take their time, and clients that do not wait for the answer."""

import json
import socket
import struct
import time

import pytest
from processes import wait_until
from wire import connect, request, statuses

SIGN = "/crypto/v1/sign"
KEYS = "/crypto/v1/keys"
EC = {"obj_type": "EC", "elliptic_curve": "NistP256"}
RSA = {"obj_type": "RSA", "key_size": 3072}


@pytest.fixture
def kms(new_kms):
    server = new_kms()
    server.start()
    server.key = server.make_app("app")
    server.app = server.connect(f"Basic {server.key}")
    server.app.expect(201, "POST", KEYS, {"name": "ec", **EC})
    return server


@pytest.mark.parametrize("padding", [0, 40_000])
def test_rights_withdrawn_before_the_body_is_complete(kms, padding):
    """Whether the server looks at the credential before a long body or only after a short one."""
    admin = kms.admin_session()
    (app,) = [app["app_id"] for app in admin.expect(200, "GET", "/sys/v1/apps").json() if app["name"] == "app"]
    body = json.dumps({"key": {"name": "ec"}, "hash_alg": "SHA256", "data": "AAAA"}).encode() + b" " * padding
    whole = request("POST", SIGN, f"Basic {kms.key}", body)
    with connect(kms) as slow, connect(kms) as other:
        slow.sendall(whole[:-20])
        # On its way in time or not: what counts is when the rest comes.
        other.sendall(whole)
        assert statuses(other.recv(65_536)) == [200]
        admin.expect(200, "PATCH", f"/sys/v1/apps/{app}", {"enabled": False})
        slow.sendall(whole[-20:])
        assert statuses(slow.recv(65_536)) == [401]
    admin.close()


@pytest.mark.parametrize("abrupt", [False, True])
def test_what_took_effect_is_recorded(kms, abrupt):
    """Clients send a request and are gone: what the server has done of it is in the audit log, and nothing else is."""
    body = json.dumps({"key": {"name": "ec"}, "hash_alg": "SHA256", "data": "AAAA"}).encode()
    for number in range(24):
        new = json.dumps({"name": f"key {number}", **(EC if number % 3 else RSA)}).encode()
        for path, content in [(KEYS, new), (SIGN, body)]:
            connection = connect(kms)
            connection.sendall(request("POST", path, f"Basic {kms.key}", content))
            if abrupt:
                # At different stages of the request; what it has come to by then does not matter.
                time.sleep(number / 1000)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
    admin = kms.admin_session()
    wait_until(lambda: figures(admin, "kmsd_requests_in_flight ") == 1, "the end of all other requests")
    signatures = figures(admin, 'kmsd_crypto_operations_total{operation="sign"')
    (recorded,) = kms.sql("SELECT count(*) FROM audit WHERE record LIKE '% signed with %'")
    assert recorded == signatures
    assert abrupt or signatures > 0
    admin.close()
    kms.app.close()
    # Finishes what is under way.
    kms.stop()
    (objects,) = kms.sql("SELECT group_concat(kid) FROM (SELECT kid FROM sobject ORDER BY kid)")
    (made,) = kms.sql(
        "SELECT group_concat(object_id) FROM "
        "(SELECT object_id FROM audit WHERE record LIKE '% generated %' ORDER BY object_id)"
    )
    assert made == objects
    kms.verify()


def figures(admin, name: str) -> int:
    """The sum of the figures of /metrics whose lines begin so."""
    lines = admin.expect(200, "GET", "/metrics").text.splitlines()
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith(name))
