"""kmsd verify reads a million audit records in memory that does not grow with them."""

import hmac
import json
import os
import sqlite3
import subprocess
from contextlib import closing

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from processes import clean_environment

COUNT = 1_000_000
# In KiB; with one record it is about 35,000.
MEMORY = 60_000


def append(kms):
    """Records as kmsd would write them, computed by another implementation of the chain."""
    master_key = bytes.fromhex((kms.data / "master.key").read_text())
    sealing_key = HKDF(hashes.SHA256(), 32, None, b"kms-pkcs11 kmsd seal 1").derive(master_key)
    with closing(sqlite3.connect(kms.data / "kmsd.sqlite")) as database, database:
        (box,) = database.execute("SELECT value FROM setting WHERE name = 'audit-key'").fetchone()
        key = AESGCM(sealing_key).decrypt(box[1:13], box[13:], b"audit-key")
        count, chain = database.execute("SELECT count, chain FROM audit_head").fetchone()
        columns = "time, action_type, actor_id, object_id, record"
        *fields, record = database.execute(f"SELECT {columns} FROM audit").fetchone()
        record = json.loads(record)

        def rows():
            nonlocal chain
            for number in range(count + 1, count + COUNT + 1):
                record["message"] = f"record {number}"
                text = json.dumps(record, sort_keys=True, separators=(",", ":"))
                chain = hmac.digest(key, chain + text.encode(), "sha256")
                yield number, *fields, text, chain

        database.executemany(f"INSERT INTO audit (sequence, {columns}, chain) VALUES (?, ?, ?, ?, ?, ?, ?)", rows())
        count += COUNT
        code = hmac.digest(key, b"kmsd audit head" + count.to_bytes(8, "big") + chain, "sha256")
        database.execute("UPDATE audit_head SET count = ?, chain = ?, mac = ?", (count, chain, code))


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_million_records(new_kms, tmp_path):
    kms = new_kms()
    append(kms)
    with open(tmp_path / "output", "w+") as output:
        verify = subprocess.Popen(
            [kms.program, "verify", "--data", kms.data], env=clean_environment(), stdout=output, stderr=output
        )
        _, status, usage = os.wait4(verify.pid, 0)
        verify.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    assert verify.returncode == 0, text
    assert f"{COUNT + 1} audit records: all is well" in text
    assert usage.ru_maxrss < MEMORY
