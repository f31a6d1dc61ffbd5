"""What one request may cost: the memory of kmsd stays within bounds whatever is asked for, and so does its time."""

import http.client
import json
import ssl

import pytest
from processes import PATIENCE

KEYS = "/crypto/v1/keys"
MIB = 1 << 20
# The most that an object may have, and so many of them that one list is far longer than what a request may cost.
METADATA = {f"field {number}": "x" * 4096 for number in range(64)}
COUNT = 120
# In bytes. A list of all these objects is three times as long.
MOST = 10 * MIB


@pytest.fixture(scope="module")
def full(new_module_kms):
    kms = new_module_kms()
    kms.start()
    app = kms.connect(f"Basic {kms.make_app('app')}")
    body = {"obj_type": "SECRET", "value": "AAAA", "custom_metadata": METADATA}
    for number in range(COUNT):
        app.expect(201, "PUT", KEYS, {"name": f"key {number:03}", **body})
    yield kms, app
    app.close()


def growth(kms, work) -> int:
    """The most that kmsd has held during `work`, less what it held before."""
    work()
    before = kms.resident_bytes()
    kms.forget_peak()
    work()
    return kms.peak_bytes() - before


def test_a_long_list(full):
    kms, app = full
    names = [f"key {number:03}" for number in range(COUNT)]

    def listing():
        answer = app.expect(200, "GET", f"{KEYS}?sort=name")
        assert len(answer.text) > 2.9 * MOST
        objects = answer.json()
        assert [item["name"] for item in objects] == names
        assert all(item["custom_metadata"] == METADATA for item in objects)

    assert growth(kms, listing) < MOST


def test_clients_that_do_not_take_their_lists(full):
    """Each costs a part of its list, and nobody else has to wait."""
    kms, app = full
    connections = []

    def ask():
        for _ in range(20):
            context = ssl.create_default_context(cafile=kms.ca_file)
            connection = http.client.HTTPSConnection("127.0.0.1", kms.port, context=context, timeout=PATIENCE)
            connection.request("GET", KEYS, headers={"Authorization": app.authorization})
            connections.append((connection, connection.getresponse()))

    before = kms.resident_bytes()
    kms.forget_peak()
    try:
        ask()
        assert all(response.status == 200 for _, response in connections)
        app.expect(201, "PUT", KEYS, {"name": "meanwhile", "obj_type": "SECRET", "value": "AAAA"})
        app.expect(200, "GET", f"{KEYS}?limit=1")
        assert kms.peak_bytes() - before < 60 * MIB
        # The first one goes on where it was, and what was made meanwhile is in it or not.
        assert len(json.loads(connections[0][1].read())) in (COUNT, COUNT + 1)
    finally:
        for connection, _ in connections:
            connection.close()
        kid = app.expect(200, "POST", f"{KEYS}/info", {"name": "meanwhile"}).json()["kid"]
        app.expect(204, "DELETE", f"{KEYS}/{kid}")


def test_lists_in_a_batch(full):
    kms, app = full

    def item(limit: int) -> dict:
        return {"SingleItem": {"method": "GET", "operation": f"{KEYS}?limit={limit}"}}

    def batch():
        items = [item(COUNT), *[item(16)] * 20]
        answer = app.expect(200, "POST", "/batch/v1", {"Batch": {"batch_execution_type": "Unordered", "items": items}})
        first, *others = [item["SingleItem"]["Result"] for item in answer.json()["Batch"]["items"]]
        assert first == {"status": 413, "body": 'The answer is over 8 MiB; ask for fewer entries with "limit"'}
        assert [other["status"] for other in others] == [200] * 2 + [413] * 18
        assert "over 8 MiB" in others[-1]["body"]
        assert others[0]["body"][0]["custom_metadata"] == METADATA

    assert growth(kms, batch) < 80 * MIB


@pytest.mark.parametrize("value", [b"1", b"1.5", b"true", b"null", b"{}", b"[]"])
def test_many_values(full, value):
    """The slowest that there is for the decoder: it is refused, or answered within a second."""
    kms, app = full
    for count in (40_000, MIB // (len(value) + 1) - 100):
        body = b'{"SingleItem":{"method":"POST","operation":"/crypto/v1/sign","body":[%s]}}' % b",".join([value] * count)
        before = kms.cpu_seconds()
        answer = app.ask("POST", "/batch/v1", body)
        assert kms.cpu_seconds() - before < 1
        assert answer.status == 200 if count == 40_000 else (answer.status, "too many values" in answer.text) == (400, True)
