"""The folder of --output: whose it is, who may read it, and that what is somebody else's is left alone."""

import grp
import os
import stat
from pathlib import Path

import pytest
from agent_kms import into, of
from processes import run, wait_until
from tls_material import make_key

HOST = "folder.example"
WORKERS = grp.getgrnam("www-data").gr_gid


@pytest.fixture(scope="module", autouse=True)
def host(agent_kms, ca):
    agent_kms.bring(HOST, ca, make_key())


def alone(folder: Path, *arguments) -> list:
    return ["keyval", "--output", folder, *of(HOST), *arguments]


def access(folder: Path) -> set[tuple[str, int, int]]:
    """(kind, mode, group) of all that the agent serves."""
    current = (folder / "current").resolve()
    places = [folder, folder / "generations", current, *current.iterdir()]
    assert len(places) == 6
    kinds = {True: "folder", False: "file"}
    return {(kinds[place.is_dir()], stat.S_IMODE(place.stat().st_mode), place.stat().st_gid) for place in places}


FOR_OWNER = {("folder", 0o700, 0), ("file", 0o600, 0)}
FOR_WORKERS = {("folder", 0o750, WORKERS), ("file", 0o640, WORKERS)}


def test_a_group_that_comes_later(agent, folder):
    """Nothing is new but --group: the set that is there is brought in line."""
    assert agent(*alone(folder))[0] == 0
    assert access(folder) == FOR_OWNER
    code, events = agent(*into(folder, *of(HOST)))
    assert (code, events[0]["event"]) == (0, "unchanged")
    assert access(folder) == FOR_WORKERS


def test_group_by_number(agent, folder):
    assert agent(*alone(folder, "--group", WORKERS))[0] == 0
    assert access(folder) == FOR_WORKERS
    code, events = agent(*alone(folder, "--group", "4294967295"))
    assert (code, events[0]["code"]) == (78, "configuration")


def test_without_a_group_the_readers_stay(agent, agent_kms, ca, folder):
    """Also for what is written anew."""
    agent(*into(folder, *of(HOST)))
    assert agent(*alone(folder))[0] == 0
    assert access(folder) == FOR_WORKERS
    (folder / "current").unlink()
    assert agent(*alone(folder))[1][0]["event"] == "loaded"
    assert access(folder) == FOR_WORKERS


@pytest.mark.parametrize(("more", "expected"), [((), FOR_OWNER), (("--group", "www-data"), FOR_WORKERS)])
def test_wider_access_is_taken_back(agent, folder, more, expected):
    """At the next look of an agent that watches."""
    agent.watch(*alone(folder, *more, "--interval", "3600"))
    agent.wait_for("loaded")
    for place in (folder, (folder / "current").resolve() / f"{HOST}.key"):
        place.chmod(0o777)
    agent.look_now()
    wait_until(lambda: access(folder) == expected, "the modes of before")
    assert agent.stop() == 0


def snapshot(folder: Path) -> list:
    places = [folder, *sorted(folder.rglob("*"))]
    return [(place, place.lstat().st_mode, place.lstat().st_uid, place.lstat().st_mtime_ns) for place in places]


def somebodys_files(folder: Path):
    folder.chmod(0o1777)
    (folder / "somebody's file").write_text("mine")


def foreign_generations(folder: Path):
    (folder / "generations").mkdir()
    os.chown(folder / "generations", 65_534, 65_534)


def generations_elsewhere(folder: Path):
    (folder / "generations").symlink_to("/tmp")


def link_out_of_it(folder: Path):
    (folder / "generations").mkdir()
    (folder / "current").symlink_to("../elsewhere")


def no_link(folder: Path):
    (folder / "generations").mkdir()
    (folder / "current").mkdir()


KINDS = [somebodys_files, foreign_generations, generations_elsewhere, link_out_of_it, no_link]


@pytest.mark.parametrize("make", KINDS)
def test_what_is_not_an_agents_is_left_alone(agent, memory, make):
    """The file system's own folder, so that it could be /dev/shm. --dry-run says the same."""
    make(memory)
    before = snapshot(memory)
    for more in ((), ("--dry-run",), ("--group", "www-data")):
        code, events = agent(*alone(memory, *more))
        assert (code, [event["code"] for event in events]) == (73, ["cannot_create"])
        assert snapshot(memory) == before, events


@pytest.mark.parametrize("shared", ["/dev/shm", "/run", "/tmp"])
def test_folders_of_all_are_left_alone(agent, shared):
    before = os.stat(shared)
    code, events = agent(*alone(Path(shared), "--allow-disk"))
    assert (code, events[0]["code"]) == (73, "cannot_create")
    after = os.stat(shared)
    assert (after.st_mode, after.st_gid) == (before.st_mode, before.st_gid)


def test_an_empty_file_system_is_taken(agent, memory):
    memory.chmod(0o1777)
    assert agent(*alone(memory))[0] == 0
    assert access(memory) == FOR_OWNER


def test_an_empty_folder_with_a_group_keeps_it(agent, folder):
    """As systemd's RuntimeDirectory= makes it."""
    run("install", "-d", "-m", "0750", "-g", "www-data", folder)
    assert agent(*alone(folder))[0] == 0
    assert access(folder) == FOR_WORKERS


def test_no_name(agent):
    result = run(agent.binary, "agent", *alone(""), env=agent.environment, check=False)
    assert result.returncode == 64 and b"empty" in result.stderr


def test_no_parent(agent, memory):
    for more in ((), ("--dry-run",)):
        code, events = agent(*alone(memory / "missing" / "tls", *more))
        assert (code, events[0]["remedy"]) == (73, "Make the folder that it shall be in first.")
    assert list(memory.iterdir()) == []
