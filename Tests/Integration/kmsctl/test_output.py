"""Where output goes: devices and pipes stay what they are, and what is lost is an error."""

import os
import stat
import subprocess
import threading

import pytest
from processes import PATIENCE, clean_environment


def mode(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def shell(kmsctl, line: str) -> subprocess.CompletedProcess[str]:
    """A command of the shell in which $kmsctl is the program."""
    environment = clean_environment(**kmsctl.environment) | {"kmsctl": str(kmsctl.binary)}
    return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=PATIENCE)


def read_in_background(path) -> tuple[threading.Thread, list[bytes]]:
    seen: list[bytes] = []
    thread = threading.Thread(target=lambda: seen.append(path.read_bytes()), daemon=True)
    thread.start()
    return thread, seen


def test_pipe_stays_a_pipe(admin, kms, tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        thread, seen = read_in_background(pipe)
        admin.done("app", "show-key", kms.app, "--output", path)
        thread.join(PATIENCE)
        assert seen == [kms.api_key.encode() + b"\n"]
    assert stat.S_ISFIFO(os.lstat(pipe).st_mode) and link.is_symlink()
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name != "kmsctl") == ["link", "pipe"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_device_stays_a_device(admin, kms, tmp_path):
    device = tmp_path / "null"
    os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    link = tmp_path / "link"
    link.symlink_to("null")
    for path in (device, link):
        try:
            admin.done("app", "show-key", kms.app, "--output", path)
        except AssertionError as error:
            if "Permission denied" in str(error):
                pytest.skip("devices cannot be opened in the temporary directory")
            raise
    assert stat.S_ISCHR(os.lstat(device).st_mode) and link.is_symlink()


def test_links_to_files(admin, kms, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_text("old")
    (folder / "old").chmod(0o644)
    for target in ("folder/old", "folder/new"):
        link = tmp_path / "link"
        link.symlink_to(target)
        admin.done("app", "show-key", kms.app, "--output", link)
        assert link.is_symlink() and (tmp_path / target).read_text() == kms.api_key + "\n"
        assert mode(tmp_path / target) == 0o600
        link.unlink()
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    outcome = admin("app", "show-key", kms.app, "--output", loop)
    assert outcome.code == 2 and "symbolic links" in outcome.err


def test_folder_is_refused(admin, kms, tmp_path):
    outcome = admin("app", "show-key", kms.app, "--output", tmp_path)
    assert outcome.code == 2 and "it is a folder" in outcome.err and tmp_path.is_dir()


def test_names_of_standard_output(admin, kms, tmp_path):
    for name in ("-", "/dev/stdout", "/proc/self/fd/1"):
        result = shell(admin, f"$kmsctl app show-key {kms.app} --output {name} | cat")
        assert (result.stdout, result.stderr) == (kms.api_key + "\n", "")
        # Appended, as the shell was told, not replaced.
        result = shell(admin, f"cd {tmp_path}; echo first >log; $kmsctl app show-key {kms.app} --output {name} >>log; cat log")
        assert result.stdout == f"first\n{kms.api_key}\n"


def test_standard_error(admin, kms, tmp_path):
    result = shell(admin, f"cd {tmp_path}; echo first >log; $kmsctl app show-key {kms.app} --output /dev/stderr 2>>log; cat log")
    assert result.stdout.endswith(f"first\n{kms.api_key}\n")


def test_session_file_is_no_device(kmsctl, kms, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread, seen = read_in_background(pipe)
    login = ("login", "--user", kms.admin, "--password-file", kms.password_file)
    kmsctl.done(*login, KMSCTL_SESSION=pipe)
    thread.join(PATIENCE)
    assert b"access_token" in seen[0]
    outcome = kmsctl("logout", KMSCTL_SESSION=pipe)
    assert outcome.code == 2 and stat.S_ISFIFO(os.lstat(pipe).st_mode)
    outcome = kmsctl(*login, KMSCTL_SESSION=tmp_path)
    assert outcome.code == 2 and "it is a folder" in outcome.err


@pytest.mark.parametrize("command", ["app show-key app.aserracorp.com", "key list --json", "--help", "--version",
                                     "doctor --key p256-key"])  # fmt: skip
def test_lost_output_is_an_error(admin, kms, command):
    admin.environment["FORTANIX_API_KEY"] = kms.api_key if command.startswith("doctor") else ""
    for redirection, reason in ((">/dev/full", "No space left"), (">&-", "Bad file descriptor")):
        result = shell(admin, f"$kmsctl {command} {redirection}")
        assert result.returncode == 2, result.stderr
        assert "cannot write the output: " + reason in result.stderr and result.stdout == ""


def test_no_standard_streams(admin):
    """A connection must not get the number of a stream that the caller has closed."""
    assert shell(admin, "$kmsctl group list <&- >&- 2>&-").returncode == 2
    assert shell(admin, "$kmsctl group list <&- 2>&-").returncode == 0


def test_version(kmsctl, binaries):
    version = kmsctl.done("--version").out
    assert version == subprocess.run([binaries.kmsd, "--version"], capture_output=True, text=True, check=True).stdout
