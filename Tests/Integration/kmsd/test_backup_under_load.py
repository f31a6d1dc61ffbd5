"""A backup that is taken while clients work: restored elsewhere it holds what was acknowledged before, and it works."""

import base64
import os
import random
import shutil
import signal

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from processes import clean_environment, output_of, run, wait_until
from small_disk import FaultyDisk
from steady_work import KEYS, Work, recorded_signatures


def test_backup_under_load(new_kms, rest_client, tmp_path):
    kms = new_kms()
    kms.start()
    work = Work(kms, rest_client)
    work.start()
    before = []
    try:
        for number in range(3):
            done = work.signed, len(work.imported), len(work.groups)
            wait_until(
                lambda: work.signed > done[0] + 5
                and len(work.imported) > done[1] + 5
                and len(work.groups) > done[2] + 2
                and work.metadata,
                "work between the backups",
            )
            before.append((set(work.imported), set(work.groups), work.signed, int(work.metadata["turn"])))
            run(kms.program, "backup", "--data", kms.data, tmp_path / f"backup {number}")
    finally:
        work.stop()
    work.check()
    for number, state in enumerate(before):
        restored = new_kms(f"restored {number}", initialize=False)
        restore(kms, tmp_path / f"backup {number}", restored.data)
        assert restored.verify().endswith("all is well")
        restored.start()
        check_restored(restored, work, rest_client, *state)
        assert restored.verify().endswith("all is well")
        restored.stop()
    # The first server has not noticed anything.
    work.check()


def restore(kms, backup, data, check: bool = True):
    key = kms.data / "master.key"
    return run(kms.program, "restore", "--data", data, "--master-key-file", key, backup, check=check)


def check_restored(kms, work: Work, rest_client, imported: set, groups: set, signed: int, turn: int):
    app = rest_client(kms, work.authorization)
    found = {key["name"]: key for key in app.expect(200, "GET", KEYS).json()}
    signer = found.pop("signer")
    assert imported <= set(found) <= set(work.sent)
    for name, key in found.items():
        assert app.expect(200, "GET", f"{KEYS}/{key['kid']}/export").json()["value"] == work.sent[name]
    assert int(signer["custom_metadata"]["turn"]) >= turn
    admin = kms.admin_session()
    assert groups <= {group["name"] for group in admin.expect(200, "GET", "/sys/v1/groups").json()}
    assert recorded_signatures(kms, signer["kid"]) >= signed
    body = {"hash_alg": "SHA256", "data": base64.b64encode(b"after the restore").decode()}
    signature = app.expect(200, "POST", f"{KEYS}/{signer['kid']}/sign", body).json()["signature"]
    public = serialization.load_der_public_key(base64.b64decode(signer["pub_key"]))
    public.verify(base64.b64decode(signature), b"after the restore", ec.ECDSA(hashes.SHA256()))


@pytest.fixture
def backup(new_kms, tmp_path):
    kms = new_kms()
    run(kms.program, "backup", "--data", kms.data, tmp_path / "backup")
    return kms, tmp_path / "backup"


@pytest.mark.parametrize("kept", [0, 50, 4096, 20_000, -1], ids=lambda kept: f"{kept} bytes")
def test_cut_off_backup(backup, tmp_path, kept):
    kms, file = backup
    os.truncate(file, kept if kept >= 0 else file.stat().st_size + kept)
    refused(restore(kms, file, tmp_path / "new", check=False), tmp_path, "backup")


@pytest.mark.parametrize(
    "content",
    [b"", b"no backup", b"\x7fELF" + bytes(8192), b"SQLite format 3\0" + bytes(8192)],
    ids=["empty", "text", "program", "header"],
)
def test_foreign_file(backup, tmp_path, content):
    kms, _ = backup
    foreign = tmp_path / "foreign"
    foreign.write_bytes(content)
    refused(restore(kms, foreign, tmp_path / "new", check=False), tmp_path, str(foreign))


def test_changed_backup(backup, tmp_path):
    """One audit record that says something else, in a file that is whole for SQLite."""
    kms, file = backup
    content = file.read_bytes()
    assert b"Account \\" in content
    file.write_bytes(content.replace(b"Account \\", b"Bccount \\"))
    refused(restore(kms, file, tmp_path / "new", check=False), tmp_path, "nothing was restored")


def test_wrong_master_key(backup, new_kms, tmp_path):
    _, file = backup
    other = new_kms("other")
    refused(restore(other, file, tmp_path / "new", check=False), tmp_path, "master key")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_killed_in_the_middle(backup, new_kms, tmp_path, command):
    """Killed at any call that writes, it leaves nothing under the name that was given, or all of it."""
    kms, file = backup
    disk = FaultyDisk(tmp_path, kms.data)
    target = tmp_path / "target"
    arguments = [target] if command == "backup" else ["--master-key-file", kms.data / "master.key", file]
    arguments = ["--data", kms.data if command == "backup" else target / "data", *arguments]
    restored = new_kms("target", initialize=False) if command == "restore" else None
    number, kills = 1, 0
    while True:
        environment = clean_environment(**disk.environment, FAULTY_DISK_KILL=str(number))
        result = run(kms.program, command, *arguments, env=environment, check=False)
        if restored and restored.data.exists():
            assert restored.verify().endswith("all is well")
            shutil.rmtree(restored.data)
        elif not restored and target.exists():
            restore(kms, target, tmp_path / f"from {number}")
            target.unlink()
        else:
            assert result.returncode == -signal.SIGKILL
        if result.returncode != -signal.SIGKILL:
            assert result.returncode == 0, output_of(result)
            break
        kills += 1
        number += random.randint(1, 8)
    assert kills > 5
    assert kms.verify().endswith("all is well")


def refused(result, tmp_path, word: str):
    """One sentence at the end, sysexits' code, and nothing left behind."""
    text = output_of(result)
    assert result.returncode in (65, 66, 74, 77, 78), text
    assert word in text.splitlines()[-1], text
    assert "internal error" not in text, text
    assert not list(tmp_path.glob("new*"))
