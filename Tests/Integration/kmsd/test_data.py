"""kmsd backup, restore, verify and rotate-master-key, and where the master key may be."""

import base64
import http.client
import json
import os
import shutil
import sqlite3
import ssl
import threading
from contextlib import closing
from pathlib import Path

import pytest
from processes import PATIENCE, Service, clean_environment, output_of, run, wait_until

KEYS = "/crypto/v1/keys"
DIGITS = "5a" * 32
PASSPHRASE = "a rather long passphrase"
OK, USAGE, DATA, NO_INPUT, UNAVAILABLE, CANNOT_CREATE, PERMISSION, CONFIGURATION = 0, 64, 65, 66, 69, 73, 77, 78


def kmsd(kms, command, *arguments, code=OK, data=None, **environment) -> str:
    """Runs a command on a data directory and answers its output; a refusal is one line."""
    result = run(
        kms.program, command, "--data", data or kms.data, *arguments, check=False, env=clean_environment(**environment)
    )
    assert result.returncode == code, output_of(result)
    if code not in (OK, DATA):
        assert result.stdout == b"" and result.stderr.count(b"\n") == 1, output_of(result)
    return output_of(result)


def sign(rest, name: str) -> None:
    """Signs, and has openssl verify the signature."""
    message = b"what is signed"
    body = {"key": {"name": name}, "hash_alg": "SHA256", "data": base64.b64encode(message).decode()}
    answer = rest.expect(200, "POST", "/crypto/v1/sign", body).json()
    public = rest.expect(200, "GET", f"{KEYS}/{answer['kid']}").json()["pub_key"]
    directory = rest.kms.directory
    (directory / "public.der").write_bytes(base64.b64decode(public))
    (directory / "signature").write_bytes(base64.b64decode(answer["signature"]))
    run("openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", directory / "public.der", "-signature",
        directory / "signature", input=message)  # fmt: skip


def filled(kms, rest_client):
    """A running server with an app and an EC key; a connection as the app."""
    kms.start()
    rest = rest_client(kms, f"Basic {kms.make_app('app')}")
    rest.expect(201, "POST", KEYS, {"name": "key", "obj_type": "EC", "elliptic_curve": "NistP256"})
    return rest


def test_backup_under_load(new_kms, rest_client, tmp_path):
    """A backup of a serving kmsd is a state that there was: it verifies elsewhere, and serves and signs there."""
    kms = new_kms()
    rest = filled(kms, rest_client)
    stop = threading.Event()
    imported = []

    def load(number: int):
        own = rest_client(kms, rest.authorization)
        while not stop.is_set():
            body = {"name": f"{number}-{len(imported)}", "obj_type": "SECRET", "value": "AAAA"}
            imported.append(own.expect(201, "PUT", KEYS, body).json()["name"])
            sign_body = {"key": {"name": "key"}, "hash_alg": "SHA256", "data": "AAAA"}
            own.expect(200, "POST", "/crypto/v1/sign", sign_body)
        own.close()

    workers = [threading.Thread(target=load, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    try:
        for number in range(4):
            wait_until(lambda: len(imported) > 20 * number, "imports")
            before = set(imported)
            text = kmsd(kms, "backup", tmp_path / f"backup{number}")
            assert "does not hold" in text and "master key" in text
            assert "all is well" in kmsd(kms, "verify")
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    rest.close()
    kms.kill9()
    assert {path.name for path in tmp_path.iterdir() if "backup" in path.name} == {f"backup{n}" for n in range(4)}

    backup = tmp_path / "backup3"
    assert backup.stat().st_mode & 0o777 == 0o600
    assert bytes.fromhex((kms.data / "master.key").read_text()) not in backup.read_bytes()
    key = shutil.move(kms.data / "master.key", tmp_path / "kept.key")
    shutil.rmtree(kms.data)
    text = kmsd(kms, "restore", "--master-key-file", key, backup)
    assert "all is well" in text
    assert {path.name for path in kms.data.iterdir()} >= {"kmsd.sqlite", "master.key", "ca.pem"}
    for path in kms.data.iterdir():
        assert path.stat().st_mode & 0o777 == (0o644 if path.name == "ca.pem" else 0o600), path
    assert kms.data.stat().st_mode & 0o777 == 0o700
    assert "all is well" in kmsd(kms, "verify")
    kms.start()
    rest = rest_client(kms, rest.authorization)
    sign(rest, "key")
    found = {item["name"] for item in rest.expect(200, "GET", KEYS).json()}
    assert before <= found
    kms.admin_session().close()
    rest.close()


def test_backup_and_restore_refuse(new_kms, tmp_path):
    kms, other = new_kms(), new_kms("other")
    backup = tmp_path / "backup"
    kmsd(kms, "backup", backup)
    before = backup.read_bytes()
    assert "was not changed" in kmsd(kms, "backup", backup, code=CANNOT_CREATE)
    assert backup.read_bytes() == before
    kmsd(kms, "backup", "--force", backup)
    assert "No such file" in kmsd(kms, "backup", tmp_path / "missing" / "backup", code=CANNOT_CREATE)
    kmsd(kms, "backup", tmp_path / "none", data=tmp_path / "nowhere", code=NO_INPUT)

    key = ("--master-key-file", kms.data / "master.key")
    new = tmp_path / "new"
    text = tmp_path / "text"
    text.write_text("nothing\n" * 100)
    text.chmod(0o644)
    foreign = tmp_path / "foreign"
    with closing(sqlite3.connect(foreign)) as database:
        database.execute("CREATE TABLE a (b)")
    cut = tmp_path / "cut"
    cut.write_bytes(before[: len(before) // 2])
    newer = tmp_path / "newer"
    newer.write_bytes(before)
    with closing(sqlite3.connect(newer)) as database, database:
        database.execute("INSERT INTO grdb_migrations VALUES ('999: what is to come')")
    for arguments, code, part in [
        ((*key, tmp_path / "no file"), NO_INPUT, "No such file"),
        ((*key, text), DATA, "no backup of kmsd"),
        ((*key, foreign), DATA, "another program"),
        ((*key, kms.data / "kmsd.sqlite"), DATA, "no backup"),
        ((*key, cut), DATA, "malformed"),
        ((*key, newer), CONFIGURATION, "newer kmsd"),
        ((backup,), NO_INPUT, "--master-key-file"),
        (("--master-key-file", tmp_path / "no key", backup), NO_INPUT, "no key does not exist"),
        (("--master-key-file", other.data / "master.key", backup), CONFIGURATION, "does not belong"),
        (("--master-key-file", text, backup), PERMISSION, "chmod 600"),
    ]:
        assert part in kmsd(kms, "restore", *arguments, data=new, code=code)
        assert not new.exists()
    assert "not an empty directory" in kmsd(kms, "restore", *key, backup, code=CANNOT_CREATE)
    new.mkdir(mode=0o700)
    kmsd(kms, "restore", *key, backup, data=new)
    assert [path for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_restore_refuses_what_does_not_verify(new_kms, rest_client, tmp_path):
    kms = new_kms()
    filled(kms, rest_client).close()
    kmsd(kms, "backup", tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup")) as database, database:
        database.execute("UPDATE sobject SET sealed_value = zeroblob(150)")
    text = kmsd(kms, "restore", "--master-key-file", kms.data / "master.key", tmp_path / "backup",
                data=tmp_path / "new", code=DATA)  # fmt: skip
    assert '"key": its value does not open' in text and "nothing was restored" in text
    assert not (tmp_path / "new").exists()


def test_verify_names_what_was_changed(new_kms, rest_client):
    kms = new_kms()
    rest = filled(kms, rest_client)
    sign(rest, "key")
    sign(rest, "key")
    kid = rest.expect(200, "GET", KEYS).json()[0]["kid"]
    rest.close()
    assert "all is well" in kmsd(kms, "verify")
    kms.stop()
    with closing(sqlite3.connect(kms.data / "kmsd.sqlite")) as database, database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE name LIKE 'audit_no%'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE sobject SET sealed_value = zeroblob(150)")
        database.execute("UPDATE audit SET record = replace(record, 'created', 'deleted') WHERE sequence = 1")
        database.execute("DELETE FROM audit WHERE sequence = 3")
        (last,) = database.execute("SELECT max(sequence) FROM audit").fetchone()
        database.execute("DELETE FROM audit WHERE sequence = ?", [last])
        for _, sql in triggers:
            database.execute(sql)
    lines = kmsd(kms, "verify", code=DATA).splitlines()
    assert lines[0] == f'object {kid} "key": its value does not open under the master key'
    assert lines[1].startswith("audit record 1 (20") and 'deleted")' in lines[1] and "chain" in lines[1]
    assert lines[2].startswith("audit record 3: removed; the next one is audit record 4 (20")
    assert lines[3].startswith(f"audit record {last}: removed from the end; the log now ends with audit record {last - 1} (")
    assert lines[4].startswith("verified 1 objects, 1 apps, 2 TLS keys") and lines[4].endswith(": 4 findings")
    assert len(lines) == 5


def test_verify_of_a_damaged_file(new_kms, rest_client):
    kms = new_kms()
    filled(kms, rest_client).close()
    kms.stop()
    database = kms.data / "kmsd.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sobject'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with open(database, "r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    text = kmsd(kms, "verify", code=DATA)
    assert text.startswith("database: ")
    text = kmsd(kms, "backup", kms.directory / "backup", code=DATA)
    assert "damaged" in text and not (kms.directory / "backup").exists()


def test_rotation(new_kms, rest_client, tmp_path):
    kms = new_kms()
    rest = filled(kms, rest_client)
    transient = {"obj_type": "AES", "key_size": 128, "transient": True}
    blob = rest.expect(201, "POST", KEYS, transient).json()["transient_key"]
    old = (kms.data / "master.key").read_bytes()
    assert "already running" in kmsd(kms, "rotate-master-key", code=UNAVAILABLE)
    kms.stop()
    rest.close()
    kmsd(kms, "backup", tmp_path / "backup")
    assert "keep a copy" in kmsd(kms, "rotate-master-key")
    assert (kms.data / "master.key").read_bytes() != old
    assert not (kms.data / "master.key.new").exists()
    assert "all is well" in kmsd(kms, "verify")
    kms.start()
    sign(rest, "key")
    body = {"key": {"transient_key": blob}, "alg": "AES", "mode": "ECB", "plain": base64.b64encode(bytes(16)).decode()}
    rest.expect(200, "POST", "/crypto/v1/encrypt", body)
    rest.close()
    kms.stop()
    # The old key opens what it was for, and nothing else.
    (tmp_path / "old.key").write_bytes(old)
    (tmp_path / "old.key").chmod(0o600)
    kmsd(kms, "verify", "--master-key-file", tmp_path / "old.key", code=CONFIGURATION)
    kmsd(kms, "restore", "--master-key-file", tmp_path / "old.key", tmp_path / "backup", data=tmp_path / "new")


def test_key_of_another_kind(new_kms):
    """From a file to a passphrase to another one to a variable and back to a file."""
    kms = new_kms()
    rotate = "rotate-master-key"
    kmsd(kms, rotate, "--new-master-key", "passphrase", KMSD_NEW_PASSPHRASE="too short", code=USAGE)
    kmsd(kms, rotate, "--new-master-key", "passphrase", KMSD_NEW_PASSPHRASE=PASSPHRASE)
    assert (kms.data / "master.key").read_text().startswith("scrypt$")
    assert "--passphrase-file" in kmsd(kms, "verify", code=NO_INPUT)
    kmsd(kms, "verify", KMSD_PASSPHRASE=PASSPHRASE + "?", code=PERMISSION)
    file = kms.directory / "passphrase"
    file.write_text("another long passphrase\n")
    file.chmod(0o600)
    kmsd(kms, rotate, "--new-passphrase-file", file, KMSD_PASSPHRASE=PASSPHRASE)
    kmsd(kms, "verify", "--passphrase-file", file)
    # Another passphrase alone needs no other master key.
    kmsd(kms, "change-passphrase", "--passphrase-file", file, KMSD_NEW_PASSPHRASE=PASSPHRASE)
    kmsd(kms, "verify", "--passphrase-file", file, code=PERMISSION)
    kmsd(kms, "change-passphrase", "--new-passphrase-file", file, KMSD_PASSPHRASE=PASSPHRASE)
    variable = ("--passphrase-file", file, "--new-master-key", "environment")
    assert "KMSD_NEW_MASTER_KEY is not set" in kmsd(kms, rotate, *variable, code=NO_INPUT)
    kmsd(kms, rotate, *variable, KMSD_NEW_MASTER_KEY=DIGITS)
    assert not (kms.data / "master.key").exists()
    kmsd(kms, "verify", KMSD_MASTER_KEY=DIGITS)
    kmsd(kms, "verify", KMSD_MASTER_KEY=DIGITS[::-1], code=CONFIGURATION)
    kmsd(kms, rotate, "--new-master-key", "file", KMSD_MASTER_KEY=DIGITS)
    assert "all is well" in kmsd(kms, "verify")
    assert "under no passphrase" in kmsd(kms, "change-passphrase", KMSD_NEW_PASSPHRASE=PASSPHRASE, code=USAGE)


@pytest.mark.parametrize("kind", ["environment", "passphrase"])
def test_master_key_without_a_file(binaries, tmp_path, kind):
    """The key or its passphrase comes in a variable, which the running server shows to nobody."""
    data = tmp_path / "data"
    name, value = {"environment": ("KMSD_MASTER_KEY", DIGITS), "passphrase": ("KMSD_PASSPHRASE", PASSPHRASE)}[kind]
    init = [binaries.kmsd, "init", "--data", data, "--master-key", kind]
    result = run(*init, check=False)
    assert result.returncode == NO_INPUT and name.encode() in result.stderr
    assert not data.exists()
    run(*init, env=clean_environment(**{name: value}))
    assert (data / "master.key").exists() == (kind == "passphrase")
    result = run(binaries.kmsd, "serve", "--data", data, "--listen", "127.0.0.1:0", check=False)
    assert result.returncode == NO_INPUT and result.stderr.count(b"\n") == 1

    service = Service([binaries.kmsd, "serve", "--data", data, "--listen", "127.0.0.1:0"],
                      clean_environment(**{name: value}), tmp_path / "log")  # fmt: skip
    service.start()
    try:
        wait_until(lambda: "listening on" in service.text(), "kmsd's start")
        assert value.encode() not in Path(f"/proc/{service.process.pid}/environ").read_bytes()
        run(binaries.kmsd, "verify", "--data", data, env=clean_environment(**{name: value}))
    finally:
        service.stop()
    for path in data.iterdir():
        assert value.encode() not in path.read_bytes()


def test_data_of_an_older_kmsd(binaries, tmp_path):
    """Its audit log has no head and its keys hang on the master key: serve makes up for both, once."""
    here = Path(__file__).parent
    facts = json.loads((here / "older_kmsd.json").read_text())
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with closing(sqlite3.connect(data / "kmsd.sqlite")) as database:
        database.executescript((here / "older_kmsd.sql").read_text())
    (data / "kmsd.sqlite").chmod(0o600)
    (data / "master.key").write_text(facts["master_key"] + "\n")
    (data / "master.key").chmod(0o600)
    result = run(binaries.kmsd, "verify", "--data", data, check=False)
    assert result.returncode == CONFIGURATION and b"kmsd serve" in result.stderr

    service = Service([binaries.kmsd, "serve", "--data", data, "--listen", "127.0.0.1:0"], clean_environment(),
                      tmp_path / "log")  # fmt: skip
    service.start()
    try:
        line = "listening on https://127.0.0.1:"
        wait_until(lambda: line in service.text(), "kmsd's start")
        port = int(service.text().partition(line)[2].split()[0])
        # The certificate in the old data is not what this is about, and ends some day.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=PATIENCE)
        for path, body in [
            (f"{KEYS}/{facts['kid']}/sign", {"hash_alg": "SHA256", "data": "AAAA"}),
            ("/crypto/v1/encrypt", {"key": {"transient_key": facts["transient_key"]}, "alg": "AES", "mode": "ECB",
                                    "plain": base64.b64encode(bytes(16)).decode()}),
        ]:  # fmt: skip
            connection.request("POST", path, json.dumps(body), {"Authorization": f"Basic {facts['api_key']}"})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
        connection.close()
    finally:
        service.stop()
    result = run(binaries.kmsd, "verify", "--data", data)
    assert b"verified 1 objects, 1 apps, 2 TLS keys" in result.stdout and b"all is well" in result.stdout
    run(binaries.kmsd, "rotate-master-key", "--data", data)
    run(binaries.kmsd, "verify", "--data", data)


def test_master_key_elsewhere(new_kms, tmp_path):
    """--master-key-file: the data directory is of no use without it."""
    kms = new_kms()
    key = tmp_path / "elsewhere.key"
    shutil.move(kms.data / "master.key", key)
    assert "master.key does not exist" in kmsd(kms, "verify", code=NO_INPUT)
    kmsd(kms, "verify", "--master-key-file", key)
    before = key.read_bytes()
    kmsd(kms, "rotate-master-key", "--master-key-file", key)
    assert key.read_bytes() != before and not os.path.exists(kms.data / "master.key")
    kmsd(kms, "verify", "--master-key-file", key)
    new = tmp_path / "new"
    kmsd(kms, "init", "--master-key-file", key, data=new, code=CANNOT_CREATE)
    assert not new.exists()
    kmsd(kms, "init", "--master-key-file", tmp_path / "new.key", data=new)
    assert not (new / "master.key").exists()
    kmsd(kms, "verify", "--master-key-file", tmp_path / "new.key", data=new)


def test_serve_refuses_a_changed_head(new_kms):
    """Records that continue from a forged end would cover up for what was cut off."""
    kms = new_kms()
    with closing(sqlite3.connect(kms.data / "kmsd.sqlite")) as database, database:
        database.execute("UPDATE audit_head SET count = 0, chain = x''")
    text = kmsd(kms, "serve", "--listen", "127.0.0.1:0", code=DATA)
    assert "audit log" in text and "kmsd verify" in text
    assert "its head was changed" in kmsd(kms, "verify", code=DATA)
