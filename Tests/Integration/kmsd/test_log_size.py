"""SQLite's write-ahead log does not grow for ever, whoever reads meanwhile."""

import base64
import os
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from processes import run, wait_until
from steady_work import KEYS, Work

LIMIT = 16 << 20


def test_log_shrinks_after_a_long_reading(new_kms, rest_client):
    """While somebody reads an old snapshot nothing can be checkpointed."""
    kms = new_kms()
    kms.start()
    app = rest_client(kms, f"Basic {kms.make_app('app')}")
    log = kms.data / "kmsd.sqlite-wal"
    names = iter(range(10_000))

    def grow(size: int):
        value = base64.b64encode(os.urandom(size)).decode()
        app.expect(201, "PUT", KEYS, {"name": f"{next(names)}", "obj_type": "SECRET", "value": value})

    with closing(sqlite3.connect(f"file:{kms.data / 'kmsd.sqlite'}?mode=ro", uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sobject").fetchone()
        while log.stat().st_size < LIMIT + (4 << 20):
            grow(600_000)

    def is_small() -> bool:
        grow(100)
        return log.stat().st_size <= LIMIT

    wait_until(is_small, "a shorter log")
    app.close()
    assert kms.verify().endswith("all is well")


@pytest.mark.soak
def test_log_stays_small_under_load(new_kms, rest_client, tmp_path):
    """20 seconds of work with listings that overlap, backups and verifications."""
    kms = new_kms()
    kms.start()
    work = Work(kms, rest_client)
    log = kms.data / "kmsd.sqlite-wal"
    stop = threading.Event()
    failures = []

    def list_keys():
        rest = rest_client(kms, work.authorization)
        try:
            while not stop.is_set():
                rest.expect(200, "GET", KEYS)
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=list_keys) for _ in range(4)]
    work.start()
    for reader in readers:
        reader.start()
    most = 0
    end = time.monotonic() + 20
    while time.monotonic() < end:
        run(kms.program, "backup", "--force", "--data", kms.data, tmp_path / "backup")
        kms.verify()
        most = max(most, log.stat().st_size)
    stop.set()
    for reader in readers:
        reader.join()
    work.stop()
    assert failures == []
    written = len(work.imported) * 20_000
    print(f"log: at most {most >> 10} KiB, with {written >> 10} KiB of values imported")
    assert most <= LIMIT
    work.check()
