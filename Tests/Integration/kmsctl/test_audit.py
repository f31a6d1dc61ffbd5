"""`kmsctl audit`: the table, the export, what it selects, and following over restarts of the KMS."""

import json
import signal
import sqlite3
import subprocess
import time

import pytest
from kms import KMS
from processes import PATIENCE, clean_environment, wait_until


@pytest.fixture(scope="module")
def own_kms(binaries, tmp_path_factory):
    """A kmsd that may be stopped, with a group and an app."""
    server = KMS(binaries, tmp_path_factory.mktemp("audited"))
    server.initialize()
    server.start()
    server.run_kmsctl("group", "create", server.group)
    server.run_kmsctl("app", "create", server.app, "--group", server.group)
    server.run_kmsctl("app", "show-key", server.app, "--output", server.api_key_file)
    yield server
    server.stop()


def lines(result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def stored(kms) -> list[tuple]:
    """Sequence and JSON of all records, read from the database itself."""
    database = sqlite3.connect(f"file:{kms.data / 'kmsd.sqlite'}?mode=ro", uri=True, timeout=PATIENCE)
    try:
        return database.execute("SELECT sequence, record FROM audit ORDER BY sequence").fetchall()
    finally:
        database.close()


def test_table(admin, kms, name):
    admin.done("key", "generate", name, "--type", "ec", "--group", kms.group)
    (entry,) = admin.done("audit", "--object", name, "--json").lines
    assert entry["object"] == name and entry["actor"] == kms.admin and entry["outcome"] == "success"
    assert entry["client_ip"] == "127.0.0.1" and 0 < entry["duration_ms"] < PATIENCE * 1000
    assert {"id", "time", "action_type", "severity", "actor_type", "group_ids", "message"} <= set(entry)
    newest = admin.done("audit", "--limit", "2", "--json").lines
    assert len(newest) == 2 and newest[-1]["id"] == entry["id"]
    table = admin.done("audit", "--limit", "5").out.splitlines()
    assert len(table) == 6
    assert table[0].split() == ["TIME", "OUTCOME", "ACTOR", "MESSAGE", "OBJECT", "CLIENT", "MS"]
    assert name in table[-1] and " success " in table[-1]
    assert len(admin.done("audit").out.splitlines()) <= 51
    # A deleted object still has its history, by kid.
    admin.done("key", "delete", name, "--yes")
    assert len(admin.done("audit", "--object", entry["object_id"], "--json").lines) == 2


def test_wrong_usage(admin):
    for arguments in (
        ("--limit", "0"), ("--since", "yesterday"), ("--severity", "LOUD"), ("--action", "DANCE"),
        ("--follow", "--until", "2030-01-01"),
    ):  # fmt: skip
        assert admin("audit", *arguments).code == 64, arguments
    assert admin("audit", "--object", "no-such-key").code == admin("audit", "--app", "no-such-app").code == 5


def test_export_holds_every_record_in_order(own_kms):
    """More than two pages of the API, and refusals among them."""
    make = ("key", "generate", "counted", "--type", "aes", "--size", "128", "--group", own_kms.group)
    own_kms.run_kmsctl(*make)
    key_file = ("--api-key-file", own_kms.api_key_file)
    assert own_kms.run_kmsctl("group", "create", "not allowed", *key_file, check=False).returncode == 1
    with sqlite3.connect(own_kms.data / "kmsd.sqlite") as database:
        (count,) = database.execute("SELECT count(*) FROM audit").fetchone()
    for _ in range(60):
        own_kms.run_kmsctl("audit", "--limit", "1", *key_file)
    exported = lines(own_kms.run_kmsctl("audit", "--json"))
    records = stored(own_kms)
    assert count + 60 <= len(records)
    assert [int(entry["id"]) for entry in exported] == [sequence for sequence, _ in records]
    for entry, (_, text) in zip(exported, records, strict=True):
        record = json.loads(text)
        for field in ("time", "action_type", "severity", "outcome", "message", "client_ip", "group_ids"):
            assert entry[field] == record[field]
        assert entry["actor_id"] == record["actor_id"] and entry["object_id"] == record["object_id"]
        assert entry["outcome"] == ("success" if record["severity"] == "INFO" else "refusal")
