"""Looks at a kmsd that was killed and started again: what it shows, what its tables hold, what its audit log tells."""

import base64
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from kill_clients import KEYS, public_half, secret_of

# Each finds rows that only half of a change can have left; there must be none.
HALVES = {
    "metadata that the index lacks": """
        SELECT sobject.kid, entry.key FROM sobject, json_each(attributes, '$.custom_metadata') AS entry
        WHERE NOT EXISTS (SELECT 1 FROM sobject_metadata AS indexed
            WHERE indexed.kid = sobject.kid AND indexed.key = entry.key AND indexed.value = entry.value)""",
    "metadata of the index that no object has": """
        SELECT indexed.kid, indexed.key FROM sobject_metadata AS indexed
        WHERE NOT EXISTS (SELECT 1 FROM sobject, json_each(attributes, '$.custom_metadata') AS entry
            WHERE sobject.kid = indexed.kid AND entry.key = indexed.key AND entry.value = indexed.value)""",
    "columns that are not those of the attributes": """
        SELECT kid FROM sobject WHERE name IS NOT json_extract(attributes, '$.name')
            OR group_id IS NOT json_extract(attributes, '$.group_id')
            OR obj_type IS NOT json_extract(attributes, '$.obj_type')""",
    "material that is there and should not be, or the other way round": """
        SELECT kid FROM sobject
        WHERE (sealed_value IS NULL) IS NOT (json_extract(attributes, '$.state') IS 'Destroyed')""",
    "grants without their app": "SELECT app_id FROM app_group WHERE app_id NOT IN (SELECT app_id FROM app)",
    "apps without any grant": "SELECT app_id FROM app WHERE app_id NOT IN (SELECT app_id FROM app_group)",
}
# What the load does, in the words of the audit log. The checks leave records, too.
TOLD = re.compile(
    r"signed with +\(.*\)|\b(?:imported|generated|updated|activated|revoked|destroyed|deleted|copied|rotated|created"
    r"|replaced)\b"
)


def listing(app, admin) -> dict[str, list[dict]]:
    """All objects, groups and apps as the API shows them."""
    objects = app.expect(200, "GET", f"{KEYS}?show_destroyed=true").json()
    groups = admin.expect(200, "GET", "/sys/v1/groups").json()
    apps = admin.expect(200, "GET", "/sys/v1/apps?group_permissions=true").json()
    return {
        "object": [shown_object(found) for found in objects],
        "group": [found | {"id": found["group_id"]} for found in groups],
        "app": [shown_app(found, admin) for found in apps],
    }


def shown_object(found: dict) -> dict:
    links = found.get("links") or {}
    return found | {
        "id": found["kid"],
        "key_ops": sorted(found["key_ops"]),
        "custom_metadata": found.get("custom_metadata") or {},
        "copies": len(links.get("copiedTo") or []),
    }


def shown_app(found: dict, admin) -> dict:
    groups = {group: sorted(names) for group, names in found["groups"].items()}
    return found | {"id": found["app_id"], "groups": groups, "secret": secret_of(admin, found["app_id"])}


def check_material(clients, app, login):
    """Every object that has material gives it out, and it is the one that belongs to it; every API key logs in."""
    for client in clients:
        for thing in client.alive("object"):
            if thing.state["state"] == "Destroyed":
                assert app.ask("GET", f"{KEYS}/{thing.id}/export").status >= 400
                continue
            value = app.expect(200, "GET", f"{KEYS}/{thing.id}/export").json()["value"]
            if thing.secret is not None:
                assert value == thing.secret, thing
            if thing.state["obj_type"] == "EC":
                key = serialization.load_der_private_key(base64.b64decode(value), None)
                assert public_half(key) == thing.state["pub_key"], thing
        for thing in client.alive("app"):
            login(thing.id, thing.state["secret"])


class Tables:
    """The database file beside the running kmsd, read only."""

    def __init__(self, data: Path):
        self.file = data / "kmsd.sqlite"
        self._sequence = 0
        # Words of the audit log by the id that they are about.
        self.trails: dict[str, list[str]] = {}

    def check(self):
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as db:
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
            for what, statement in HALVES.items():
                assert db.execute(statement).fetchall() == [], what
            self._read_audit(db)

    def _read_audit(self, db):
        """Goes on where the last check ended."""
        statement = "SELECT sequence, object_id, record FROM audit WHERE sequence > ? ORDER BY sequence"
        for sequence, subject, record in db.execute(statement, (self._sequence,)):
            assert sequence == self._sequence + 1, f"record {self._sequence + 1} is missing"
            self._sequence = sequence
            told = TOLD.search(re.sub(r'"[^"]*"', "", json.loads(record)["message"]))
            if subject is not None and told:
                self.trails.setdefault(subject, []).append(" ".join(told[0].split()))
