"""GET /sys/v1/logs: every filter, alone and together, finds what SQL finds; pages are the whole."""

import json
from urllib.parse import urlencode

import pytest


@pytest.fixture(scope="module")
def admin(server):
    """After some events of every kind, by an app and by users, allowed and refused."""
    app = server.connect(f"Basic {server.make_app('logs')}")
    kid = app.expect(201, "POST", "/crypto/v1/keys", {"name": "logged", "obj_type": "AES", "key_size": 128}).json()["kid"]
    for _ in range(5):
        body = {"key": {"kid": kid}, "alg": "AES", "mode": "CBC", "plain": ""}
        app.expect(200, "POST", "/crypto/v1/encrypt", body)
        app.expect(403, "GET", f"/crypto/v1/keys/{kid}/export")
        app.expect(403, "POST", "/sys/v1/groups", {"name": "no"})
    app.ask("POST", "/sys/v1/session/auth")
    wrong = server.connect("Basic " + "bm9ib2R5OndyZWc=")
    wrong.expect(401, "POST", "/sys/v1/session/auth")
    for rest in (app, wrong):
        rest.close()
    return server.admin_session()


@pytest.fixture(scope="module")
def records(server, admin) -> list[tuple[int, dict]]:
    """The account's, newest first, from the database; nothing is recorded from here on."""
    (text,) = server.sql(
        "SELECT json_group_array(json_array(sequence, json(record))) FROM (SELECT * FROM audit ORDER BY sequence DESC)"
    )
    everything = [(sequence, record) for sequence, record in json.loads(text)]
    # The failed login of somebody whom nobody knows.
    (unknown,) = [record for _, record in everything if record["acct_id"] is None]
    assert unknown["message"] == "Login failed" and unknown["actor_id"] is None
    assert "login failed" in server.log.read_text()
    return [(sequence, record) for sequence, record in everything if record is not unknown]


def ids(admin, **query) -> list[int]:
    hits = admin.expect(200, "GET", "/sys/v1/logs?" + urlencode(query)).json()["hits"]
    return [int(hit["_id"]) for hit in hits]


def seconds(record: dict) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(record["time"]).timestamp())


def test_every_record_tells_the_whole_story(admin, records):
    hits = admin.expect(200, "GET", "/sys/v1/logs").json()["hits"]
    assert [(int(hit["_id"]), hit["_source"]) for hit in hits] == records
    for _, record in records:
        assert record["outcome"] == ("success" if record["severity"] == "INFO" else "refusal")
        if record["client_ip"] is not None:
            assert record["response_time"]["secs"] >= 0 and record["response_time"]["nanos"] >= 0
    refused = [record for _, record in records if "was refused GET /crypto/v1/keys/:kid/export" in record["message"]]
    assert len(refused) == 5
    for record in refused:
        assert record["actor_type"] == "App" and record["actor_id"] and record["object_id"] and record["group_ids"]
        assert record["client_ip"] == "127.0.0.1" and record["severity"] == "WARNING"


def test_filters(admin, records):
    fields = ("actor_type", "action_type", "actor_id", "object_id", "severity")
    cases = [{field: value} for field in fields for value in {r[field] for _, r in records if r[field] is not None}]
    assert len(cases) > 10
    cases += [{"actor_type": "app", "severity": "warning", "action_type": "cryptooperation"}]
    cases += [{"actor_type": "Plugin"}, {"severity": "CRITICAL"}, {"object_id": "nothing"}]
    for query in cases:
        expected = [
            sequence for sequence, record in records
            if all((record[field] or "").lower() == value.lower() for field, value in query.items())
        ]  # fmt: skip
        assert ids(admin, **query) == expected, query
    times = sorted({seconds(record) for _, record in records})
    for start, end in ((times[0], times[-1]), (times[-1], times[-1]), (times[0], times[0]), (times[-1] + 1, 2**31)):
        expected = [sequence for sequence, record in records if start <= seconds(record) <= end]
        assert ids(admin, range_from=start, range_to=end) == expected


def test_pages(admin, records):
    everything = [sequence for sequence, _ in records]
    for size in (1, 7, 1000):
        by_place, by_cursor = [], []
        while page := ids(admin, size=size, **{"from": len(by_place)}):
            by_place += page
        last = {}
        while page := ids(admin, size=size, **last):
            by_cursor += page
            last = {"previous_id": page[-1]}
        assert by_place == by_cursor == everything
    warnings = [sequence for sequence, record in records if record["severity"] == "WARNING"]
    assert ids(admin, severity="WARNING", size=3, previous_id=warnings[1]) == warnings[2:5]
    assert ids(admin, size=0) == []
    assert admin.ask("GET", "/sys/v1/logs?previous_id=x").status == 400
