"""A systemd of its own, in namespaces, on a copy of this machine's file system that vanishes with it."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from processes import PATIENCE, clean_environment, output_of, run, wait_until

SCRIPT = Path(__file__).with_suffix(".sh")
SYSTEMD = Path("/lib/systemd/systemd")
# With these, what runs in there could change the machine's clock, kernel or power.
DENIED = "-sys_time,-sys_module,-sys_boot,-syslog,-sys_rawio"

NAMESPACES = ["--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts", "--cgroup"]


class SystemdMachine:
    """Usable with `with`. It has this machine's network, and /usr/bin/kmsctl is the program under test."""

    def __init__(self, directory: Path, kmsctl: Path):
        self.directory = directory
        self.kmsctl = kmsctl
        self._groups = Path("/sys/fs/cgroup")
        if (self._groups / "systemd").is_dir():
            self._groups /= "systemd"
        self._group = self._groups / f"kms-test-{os.getpid()}"
        self._starter: subprocess.Popen | None = None
        self._init = 0

    def __enter__(self):
        assert SYSTEMD.exists(), "systemd is missing: run `make test-packages`."
        assert os.geteuid() == 0, "This test starts a systemd in namespaces, so run the integration tests as root."
        refused = run("unshare", *NAMESPACES, "true", check=False)
        if refused.returncode != 0:
            pytest.skip(f"the machine allows no namespaces for a systemd: {output_of(refused)}")
        self.directory.mkdir()
        self._group.mkdir()
        log = self.directory.with_suffix(".log")
        # From its own control group on, so that the namespace begins there.
        self._starter = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', self._group, "setpriv", "--pdeathsig", "KILL",
             "unshare", *NAMESPACES,
             "setpriv", "--bounding-set", DENIED, SCRIPT, self.directory, self.kmsctl],
            env=clean_environment(), stdin=subprocess.DEVNULL, stdout=open(log, "wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            children = Path(f"/proc/{self._starter.pid}/task/{self._starter.pid}/children")
            wait_until(lambda: self._lives(log) and children.read_text().split(), "the start in namespaces")
            self._init = int(children.read_text().split()[0])
            wait_until(lambda: self._lives(log) and self._is_ready(), "systemd's start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _lives(self, log: Path) -> bool:
        assert self._starter.poll() is None, f"systemd cannot be started in namespaces: {log.read_text()}"
        return True

    def _is_ready(self) -> bool:
        # Before systemd there is the script, which has other files around it.
        if Path(f"/proc/{self._init}/comm").read_text() != "systemd\n":
            return False
        return self("systemctl", "is-system-running", check=False).stdout == b"running\n"

    def __exit__(self, *_):
        if self._init:
            os.kill(self._init, signal.SIGKILL)
        self._starter.kill()
        self._starter.wait(timeout=PATIENCE)
        wait_until(self._remove_group, "the end of all in the control group")

    def _remove_group(self) -> bool:
        try:
            for path, _, _ in os.walk(self._group, topdown=False):
                os.rmdir(path)
        except OSError:
            return False
        return True

    def __call__(self, *command, **options) -> subprocess.CompletedProcess[bytes]:
        """Runs a command in there, as root."""
        namespaces = ["--mount", "--pid", "--ipc", "--uts", "--cgroup"]
        return run("nsenter", "--target", self._init, *namespaces, "--root", "--wd=/", *command, **options)

    def read(self, path: str) -> str:
        return self("cat", path).stdout.decode()

    def write(self, path: str, content: str | bytes, mode: str = "644"):
        content = content.encode() if isinstance(content, str) else content
        self("install", "-D", "-m", mode, "/dev/stdin", path, input=content)

    def systemctl(self, *arguments):
        """With what systemd and the unit said, when it fails."""
        result = self("systemctl", *arguments, check=False)
        if result.returncode != 0:
            status = output_of(self("systemctl", "status", "--no-pager", "--full", arguments[-1], check=False))
            raise AssertionError(f"systemctl {arguments}: {output_of(result)}\n{status}")

    def property(self, unit: str, name: str) -> str:
        return self("systemctl", "show", "--value", "--property", name, unit).stdout.decode().strip()
