"""`kmsctl audit`: the table, the export, what it selects, and following over restarts of the KMS."""

import json
import shutil
import signal
import sqlite3
import ssl
import subprocess
import time
import urllib.request

import pytest
from kms import KMS
from processes import PATIENCE, clean_environment, wait_until, wait_until_settled


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
    wait_until_settled(kms.data)
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


def ask(kms, path: str, body):
    """A request of the app, over REST."""
    request = urllib.request.Request(
        kms.url + path, json.dumps(body).encode(), {"Authorization": f"Basic {kms.api_key}"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=PATIENCE, context=ssl.create_default_context(cafile=kms.ca_file)) as r:
        return json.load(r)


def use(kms, kid: str, times: int):
    """Records of encryption, some of them of refusals."""
    item = {"kid": kid, "request": {"alg": "AES", "mode": "CBC", "plain": ""}}
    answers = ask(kms, "/crypto/v1/keys/batch/encrypt", [item] * times)
    assert {answer["status"] for answer in answers} == {200}


@pytest.fixture(scope="module")
def key(own_kms) -> dict:
    return ask(own_kms, "/crypto/v1/keys", {"name": "a key", "obj_type": "AES", "key_size": 128})


def test_export_holds_every_record_in_order(own_kms, key):
    """More than two pages of the API, and refusals among them."""
    app = ("--api-key-file", own_kms.api_key_file)
    assert own_kms.run_kmsctl("group", "create", "not allowed", *app, check=False).returncode == 1
    for _ in range(2):
        use(own_kms, key["kid"], 1000)
    exported = lines(own_kms.run_kmsctl("audit", "--json"))
    records = stored(own_kms)
    assert len(records) > 2000
    assert [int(entry["id"]) for entry in exported] == [sequence for sequence, _ in records]
    for entry, (_, text) in zip(exported, records, strict=True):
        record = json.loads(text)
        for field in ("time", "action_type", "severity", "outcome", "message", "client_ip", "group_ids"):
            assert entry.get(field) == record[field]
        assert entry.get("actor_id") == record["actor_id"] and entry.get("object_id") == record["object_id"]
        assert entry["outcome"] == ("success" if record["severity"] == "INFO" else "refusal")
    newest = lines(own_kms.run_kmsctl("audit", "--json", "--limit", "1500"))
    assert newest == exported[-1500:]
    # An app sees the records of its groups, and only with the permission AUDIT, which --group alone includes.
    seen = lines(own_kms.run_kmsctl("audit", "--json", *app))
    assert {entry["message"] for entry in seen} < {entry["message"] for entry in exported}


def test_selection(own_kms, key):
    app = ("--api-key-file", own_kms.api_key_file)
    assert own_kms.run_kmsctl("group", "create", "not allowed", *app, check=False).returncode == 1
    use(own_kms, key["kid"], 3)
    everything = lines(own_kms.run_kmsctl("audit", "--json"))
    middle = everything[-2]["time"]
    app_id = next(entry["actor_id"] for entry in everything if entry.get("actor") == own_kms.app)
    choices = {
        ("--object", "a key"): lambda entry: entry.get("object_id") == key["kid"],
        ("--object", key["kid"]): lambda entry: entry.get("object_id") == key["kid"],
        ("--app", own_kms.app): lambda entry: entry.get("actor_id") == app_id,
        ("--app", app_id): lambda entry: entry.get("actor_id") == app_id,
        ("--severity", "warning"): lambda entry: entry["severity"] == "WARNING",
        ("--action", "administrative"): lambda entry: entry["action_type"] == "ADMINISTRATIVE",
        ("--since", middle): lambda entry: entry["time"] >= middle,
        ("--until", middle): lambda entry: entry["time"] <= middle,
        ("--since", "7d"): lambda entry: True,
        ("--until", "2020-01-01"): lambda entry: False,
        ("--severity", "INFO", "--action", "CRYPTOOPERATION", "--app", own_kms.app, "--object", "a key"): (
            lambda entry: entry["severity"] == "INFO" and entry["action_type"] == "CRYPTOOPERATION"
            and entry.get("actor_id") == app_id and entry.get("object_id") == key["kid"]
        ),
    }  # fmt: skip
    for options, is_wanted in choices.items():
        wanted = [entry for entry in everything if is_wanted(entry)]
        assert lines(own_kms.run_kmsctl("audit", "--json", *options)) == wanted, options
        assert bool(wanted) == (options != ("--until", "2020-01-01")), options


class Follower:
    """`kmsctl audit --follow --json` in the background."""

    def __init__(self, kms, directory, *arguments, **environment):
        self.output, self.errors = directory / "followed", directory / "follower's errors"
        with open(self.output, "wb") as out, open(self.errors, "wb") as err:
            self.process = subprocess.Popen(
                [str(kms.binaries.kmsctl), "audit", "--follow", *map(str, arguments)],
                env=clean_environment(KMSCTL_ENDPOINT=kms.url, KMSCTL_CA_FILE=str(kms.ca_file), **environment),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )  # fmt: skip

    def ids(self) -> list[int]:
        return [int(json.loads(line)["id"]) for line in self.output.read_text().splitlines(keepends=True) if "\n" in line]

    def waits_for(self, sequence: int):
        def seen():
            assert self.process.poll() is None, self.errors.read_text()
            return sequence in self.ids()

        wait_until(seen, f"record {sequence} in the output")

    def interrupt(self) -> float:
        """How long it takes to end, in seconds; it must end well."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(PATIENCE) == 0, self.errors.read_text()
        return time.monotonic() - start

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def follow(own_kms, tmp_path):
    started = []

    def start(*arguments, **environment) -> Follower:
        started.append(Follower(own_kms, tmp_path, *arguments, **environment))
        return started[-1]

    yield start
    for follower in started:
        follower.end()


def newest(kms) -> int:
    """The newest record about an object: an app does not see logins."""
    return max(sequence for sequence, record in stored(kms) if json.loads(record)["object_id"])


def test_following_survives_restarts(own_kms, key, follow):
    """Each record once and in order, from the first on, whatever happens to the server and to the app's session."""
    follower = follow("--json", "--api-key-file", own_kms.api_key_file)
    for stop in (own_kms.stop, own_kms.kill9):
        use(own_kms, key["kid"], 250)
        follower.waits_for(newest(own_kms))
        stop()
        own_kms.start()
    use(own_kms, key["kid"], 3)
    follower.waits_for(newest(own_kms))
    assert follower.interrupt() < PATIENCE / 4
    mine = lines(own_kms.run_kmsctl("audit", "--json", "--api-key-file", own_kms.api_key_file))
    followed = follower.ids()
    assert followed == [int(entry["id"]) for entry in mine][: len(followed)]
    notes = follower.errors.read_text()
    assert notes.count("trying again") >= 2 and notes.count("following again") == 2


def test_following_as_a_user_waits_for_the_next_login(own_kms, key, follow):
    session = own_kms.directory / "session.json"
    follower = follow("--json", "--object", "a key", "--limit", "1", KMSCTL_SESSION=str(session))
    use(own_kms, key["kid"], 1)
    follower.waits_for(newest(own_kms))
    own_kms.stop()
    # `start` logs the administrator in again.
    own_kms.start()
    use(own_kms, key["kid"], 2)
    follower.waits_for(newest(own_kms))
    ids = follower.ids()
    assert ids == sorted(set(ids))
    follower.interrupt()


def test_following_for_people(own_kms, key, follow):
    follower = follow("--limit", "2", "--api-key-file", own_kms.api_key_file)
    wait_until(lambda: follower.output.read_text().count("\n") == 2, "the entries that are there")
    use(own_kms, key["kid"], 1)
    wait_until(lambda: follower.output.read_text().count("\n") == 3, "a new entry")
    line = follower.output.read_text().splitlines()[-1]
    assert "  success  " in line and 'encrypted with "a key"' in line and "  127.0.0.1  " in line
    follower.interrupt()


def test_following_ends_when_the_app_is_gone(own_kms, follow):
    own_kms.run_kmsctl("app", "create", "short-lived", "--group", own_kms.group)
    file = own_kms.directory / "short-lived"
    own_kms.run_kmsctl("app", "show-key", "short-lived", "--output", file)
    follower = follow("--limit", "1", "--api-key-file", file)
    wait_until(lambda: follower.output.read_text(), "the first entry")
    own_kms.run_kmsctl("app", "delete", "short-lived", "--yes")
    assert follower.process.wait(PATIENCE) == 4
    assert "not accept" in follower.errors.read_text() or "HTTP 401" in follower.errors.read_text()


def test_following_over_a_restore_repeats_nothing(own_kms, key, follow):
    """An older data directory has a shorter log; what comes then has numbers that were there before."""
    own_kms.stop()
    backup = own_kms.directory / "backup"
    shutil.copytree(own_kms.data, backup)
    own_kms.start()
    use(own_kms, key["kid"], 20)
    follower = follow("--json", "--limit", "3", "--api-key-file", own_kms.api_key_file)
    follower.waits_for(newest(own_kms))
    before = follower.ids()
    own_kms.stop()
    shutil.rmtree(own_kms.data)
    backup.rename(own_kms.data)
    own_kms.start()
    wait_until(lambda: "following again" in follower.errors.read_text(), "a new session of the follower")
    use(own_kms, key["kid"], 1)
    follower.waits_for(newest(own_kms))
    added = follower.ids()[len(before) :]
    assert newest(own_kms) < before[-1] and added == sorted(set(added)) and added[-1] == newest(own_kms)
    follower.interrupt()
