"""A disk that is full, write-protected or broken: clear refusals, nothing acknowledged is lost, no restart needed."""

import base64
import errno
import socket
import sqlite3
import ssl
from contextlib import closing

import pytest
from processes import PATIENCE, output_of, run, wait_until
from small_disk import FaultyDisk, small_disk  # noqa: F401 (a fixture)
from steady_work import KEYS, Work

FULL = (507, "The disk that holds the data directory is full; nothing was stored")
# SQLite calls a page that the disk does not give out damaged.
UNREADABLE = (503, "The database is damaged or its disk fails; run kmsd verify, and restore a backup if need be")
BROKEN = (503, "The data directory cannot be read or written (I/O error)")


def count_in_log(kms, words: str) -> int:
    return kms.log.read_text().count(words)


def health(rest) -> tuple[int, str]:
    answer = rest.ask("GET", "/sys/v1/health")
    return answer.status, answer.text


def on_disk(new_kms, small_disk, tmp_path):  # noqa: F811
    kms = new_kms(small_disk.directory.name + "/kms")
    kms.log = tmp_path / "kmsd.log"
    return kms


def test_full_disk(new_kms, small_disk, tmp_path, rest_client):  # noqa: F811
    kms = on_disk(new_kms, small_disk, tmp_path)
    kms.start()
    work = Work(kms, rest_client)
    work.start()
    try:
        wait_until(lambda: work.imported and work.groups and work.signed and work.metadata, "the load")
        small_disk.fill()
        wait_until(lambda: all(len(refused) > 20 for refused in work.refusals.values()), "refusals of all kinds")
        assert health(work.app) == (503, FULL[1])
        # What needs no writing goes on.
        assert work.app.expect(200, "GET", f"{KEYS}/{work.kid}").json()["kid"] == work.kid
        small_disk.free()
        wait_until(lambda: health(work.app)[0] == 204, "health")
        before = (len(work.imported), len(work.groups), work.signed, work.metadata)
        wait_until(
            lambda: all(
                new > old if isinstance(old, int) else new != old
                for new, old in zip((len(work.imported), len(work.groups), work.signed, work.metadata), before)
            ),
            "success of all kinds",
        )
    finally:
        work.stop()
    assert {refusal for refused in work.refusals.values() for refusal in refused} == {FULL}
    assert count_in_log(kms, "storage fails") == 1
    assert count_in_log(kms, "storage works again") == 1
    work.check()
    work.restart()
    work.check()


def test_refused_changes_do_not_show(new_kms, small_disk, tmp_path, rest_client):  # noqa: F811
    """What was refused on a full disk is not done in memory either, before and after a kill on the full disk."""
    kms = on_disk(new_kms, small_disk, tmp_path)
    kms.start()
    work = Work(kms, rest_client)
    work.sign(work.app, 1)
    app = base64.b64decode(work.authorization.split()[1]).decode().partition(":")[0]
    path = f"{KEYS}/{work.kid}"
    small_disk.fill()
    number = 0
    while not work.refusals["import"]:
        number += 1
        answer = work.import_secret(work.app, number)
        if answer.status != 201:
            work.refusals["import"].append(answer)
    for rest, method, where, body in [
        (work.app, "POST", f"{path}/revoke", {"code": "KeyCompromise"}),
        (work.app, "DELETE", path, None),
        (work.app, "PATCH", path, {"enabled": False}),
        (work.admin, "POST", f"/sys/v1/apps/{app}/reset_secret", None),
        (work.admin, "DELETE", f"/sys/v1/apps/{app}", None),
    ]:
        answer = rest.ask(method, where, body)
        assert (answer.status, answer.text) == FULL, f"{method} {where}"
    assert work.app.expect(200, "GET", path).json()["state"] == "Active"
    assert work.app.expect(200, "GET", path).json()["enabled"] is True
    # Neither does a restart need room, nor does it bring back what was refused.
    kms.kill9()
    kms.start(any_port=True)
    work.app.close()
    assert work.app.expect(200, "GET", path).json()["state"] == "Active"
    assert work.sign(work.app, 1).status == 507
    small_disk.free()
    wait_until(lambda: work.sign(work.app, 1).status == 200, "a signature")
    work.admin = kms.admin_session()
    work.check()
    work.app.expect(204, "POST", f"{path}/revoke", {"code": "Superseded"})
    work.app.expect(403, "POST", f"{path}/sign", {"hash_alg": "SHA256", "data": "AAAA"})


@pytest.mark.parametrize("is_full", [True, False], ids=["full", "read-only"])
def test_start_on_such_a_disk(new_kms, small_disk, tmp_path, is_full):  # noqa: F811
    """One sentence, and nothing is touched: with the disk in order again, all is there."""
    kms = on_disk(new_kms, small_disk, tmp_path)
    kms.start()
    kms.make_app("app")
    assert kms.stop() == 0
    # Takes the write-ahead log in and removes it, as somebody who looked at the database may have done.
    with closing(sqlite3.connect(kms.data / "kmsd.sqlite")) as db:
        db.execute("SELECT count(*) FROM app").fetchone()
    if is_full:
        small_disk.fill()
    else:
        small_disk.make_read_only(True)
    result = run(kms.program, "serve", "--data", kms.data, "--listen", "127.0.0.1:0", check=False)
    assert result.returncode in (74, 77)
    (line,) = output_of(result).splitlines()
    words = ["full", "No space left on device"] if is_full else ["Read-only file system"]
    assert any(word in line for word in words), line
    assert "backup" not in line
    if is_full:
        small_disk.free()
    else:
        small_disk.make_read_only(False)
    kms.start(any_port=True)
    assert [app["name"] for app in kms.admin_session().expect(200, "GET", "/sys/v1/apps").json()] == ["app"]


@pytest.mark.parametrize(
    "call, number, answer",
    [("pwrite", errno.EIO, BROKEN), ("pwrite", errno.EROFS, BROKEN), ("pwrite", errno.ENOSPC, FULL),
     ("fsync", errno.EIO, BROKEN)],
)  # fmt: skip
def test_broken_disk(new_kms, tmp_path, rest_client, call, number, answer):
    kms = new_kms()
    disk = FaultyDisk(tmp_path, kms.data)
    kms.environment = disk.environment
    kms.start()
    work = Work(kms, rest_client)
    work.start()
    try:
        wait_until(lambda: work.imported and work.groups and work.signed and work.metadata, "the load")
        disk.fail(call, number)
        # The record of a signature is flushed after its answer, unless --flush-audit is given.
        affected = ["import", "change", "group"] + (["sign"] if call == "pwrite" else [])
        wait_until(lambda: all(len(work.refusals[name]) > 20 for name in affected), "refusals")
        assert health(work.app) == (503, answer[1])
        assert work.app.expect(200, "GET", f"{KEYS}/{work.kid}").json()["kid"] == work.kid
        disk.repair()
        wait_until(lambda: health(work.app)[0] == 204, "health")
        signed, groups = work.signed, len(work.groups)
        wait_until(lambda: work.signed > signed and len(work.groups) > groups, "signatures and changes")
    finally:
        work.stop()
    assert {refusal for refused in work.refusals.values() for refusal in refused} == {answer}
    assert count_in_log(kms, "storage fails") == 1
    assert count_in_log(kms, "storage works again") == 1
    work.check()
    work.restart()
    work.check()


@pytest.mark.parametrize("is_repaired", [False, True], ids=["broken", "repaired"])
def test_flushed_audit_log(new_kms, tmp_path, rest_client, is_repaired):
    """With --flush-audit an answer means that its record is on the disk: a power cut leaves it. While the disk does not
    flush, nothing is signed."""
    kms = new_kms()
    disk = FaultyDisk(tmp_path, kms.data, keeps_flushed=True)
    kms.environment = disk.environment
    kms.arguments = ["--flush-audit"]
    kms.start()
    work = Work(kms, rest_client)
    work.start()
    try:
        wait_until(lambda: work.imported and work.groups and work.signed > 20 and work.metadata, "the load")
        disk.fail("fsync", errno.EIO)
        wait_until(lambda: all(len(refused) > 20 for refused in work.refusals.values()), "refusals of all kinds")
        assert health(work.app) == (503, BROKEN[1])
        if is_repaired:
            disk.repair()
            wait_until(lambda: health(work.app)[0] == 204, "health")
            signed, groups = work.signed, len(work.groups)
            wait_until(lambda: work.signed > signed + 20 and len(work.groups) > groups, "signatures and changes")
    finally:
        work.stop()
    assert {refusal for refused in work.refusals.values() for refusal in refused} == {BROKEN}
    kms.kill9()
    disk.repair()
    disk.cut_power()
    work.restart()
    # The first that was refused; after it none is begun.
    work.check(refused_records=1)


def test_unreadable_disk(new_kms, tmp_path, rest_client):
    """What is not in memory is refused; the log says so once, and not with each request."""
    kms = new_kms()
    disk = FaultyDisk(tmp_path, kms.data)
    kms.environment = disk.environment
    kms.start()
    app = rest_client(kms, f"Basic {kms.make_app('app')}")
    # More than SQLite keeps in memory.
    values = {}
    for number in range(12):
        value = base64.b64encode(number.to_bytes(1) * 600_000).decode()
        body = {"name": f"{number}", "obj_type": "SECRET", "value": value}
        values[app.expect(201, "PUT", KEYS, body).json()["kid"]] = value
    disk.fail("pread", errno.EIO)
    answers = [app.ask("GET", f"{KEYS}/{kid}/export") for _ in range(3) for kid in values]
    refusals = [(answer.status, answer.text) for answer in answers if answer.status != 200]
    assert len(refusals) > 20 and set(refusals) == {UNREADABLE}
    assert count_in_log(kms, "storage fails") == 1
    assert kms.log.read_text().count("error kmsd") == 1
    disk.repair()
    for kid, value in values.items():
        assert app.expect(200, "GET", f"{KEYS}/{kid}/export").json()["value"] == value
    assert health(app)[0] == 204
    app.close()
    assert kms.verify().endswith("all is well")


def test_disk_that_fails_in_the_middle_of_a_list(new_kms, tmp_path, rest_client):
    """The list has begun with status 200, so it is cut off, which the client notices; and the log says why."""
    kms = new_kms()
    disk = FaultyDisk(tmp_path, kms.data)
    kms.environment = disk.environment
    kms.start()
    app = rest_client(kms, f"Basic {kms.make_app('app')}")
    metadata = {f"field {number}": "x" * 4096 for number in range(64)}
    # Far more than the network takes in while nobody reads.
    for number in range(60):
        body = {"name": f"{number}", "obj_type": "SECRET", "value": "AAAA", "custom_metadata": metadata}
        app.expect(201, "PUT", KEYS, body)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        plain.settimeout(PATIENCE)
        plain.connect(("127.0.0.1", kms.port))
        context = ssl.create_default_context(cafile=kms.ca_file)
        with context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=True) as connection:
            connection.sendall(f"GET {KEYS} HTTP/1.1\r\nHost: kms\r\nAuthorization: {app.authorization}\r\n\r\n".encode())
            received = connection.recv(65_536)
            assert received.startswith(b"HTTP/1.1 200 OK")
            disk.fail("pread", errno.EIO)
            while part := connection.recv(1 << 20):
                received += part
    assert b"chunked" in received and not received.endswith(b"0\r\n\r\n")
    assert len(received) < 60 * 64 * 4096
    assert count_in_log(kms, "storage fails") == 1
    disk.repair()
    assert len(app.expect(200, "GET", KEYS).json()) == 60
    app.close()
