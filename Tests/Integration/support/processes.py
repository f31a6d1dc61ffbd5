"""Running real programs: every wait has a limit, every failure shows what the program printed."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

# How long anything may take that takes well under a second on an idle machine, in seconds.
PATIENCE = 60.0


def clean_environment(**values: str) -> dict[str, str]:
    """Only what programs need to run, so that nothing of the caller's shell decides a test."""
    base = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    if "/usr/sbin" not in base["PATH"].split(":"):
        base["PATH"] += ":/usr/sbin:/sbin"
    # Where the Swift runtime of kmsd and kmsctl is, when it is not in their run path.
    if library_path := os.environ.get("LD_LIBRARY_PATH"):
        base["LD_LIBRARY_PATH"] = library_path
    return base | values


def run(*command, env=None, check=True, timeout=PATIENCE, input=None, cwd=None) -> subprocess.CompletedProcess[bytes]:
    """Runs a command to its end; output is bytes, in `stdout` and `stderr`."""
    command = [str(word) for word in command]
    result = subprocess.run(
        command,
        env=clean_environment() if env is None else env,
        input=b"" if input is None else input,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=timeout,
        cwd=cwd,
    )
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\nexit code {result.returncode}\n{output_of(result)}")
    return result


def output_of(result: subprocess.CompletedProcess[bytes]) -> str:
    """Standard output and standard error as one text."""
    return (result.stdout + result.stderr).decode(errors="replace")


def wait_until(condition, what: str, timeout: float = PATIENCE, interval: float = 0.02):
    """Returns the first true value of `condition()`; fails with `what` when there is none within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout:.0f} s")
        time.sleep(interval)


def wait_until_settled(data: Path):
    """Until the database of a running kmsd has all records of its audit log's journal."""
    journal = [data / "audit.journal-0", data / "audit.journal-1"]
    wait_until(lambda: not any(file.exists() and file.stat().st_size for file in journal), "emptying the audit journal")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(PATIENCE)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def as_root() -> list[str]:
    """What to put before a command that must run as root; a failure in one sentence where that is impossible."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    raise AssertionError("NGINX's workers run as www-data, so run the integration tests as root or allow sudo.")


def open_files(pid: int) -> list[str]:
    """What the descriptors of a process are, of another user's too; `socket:[…]` and the like without their numbers."""
    command = [*as_root(), "find", f"/proc/{pid}/fd", "-type", "l", "-printf", r"%l\n"]
    # find fails when a descriptor is closed while it looks.
    listing = next(
        (result for _ in range(20) if (result := run(*command, check=False)).returncode == 0), None
    ) or run(*command)
    return sorted(line.partition(":[")[0] for line in listing.stdout.decode().splitlines())


def resident_kib(pid: int) -> int:
    """The memory that a process uses now, without what it shares by name, like NGINX's cache of TLS sessions."""
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(int(status.partition(f"{name}:")[2].split()[0]) for name in ("RssAnon", "RssFile"))


class Service:
    """A program in the background whose output goes to a file."""

    def __init__(self, command, env: dict[str, str], log: Path):
        self.command = [str(word) for word in command]
        self.env = env
        self.log = log
        self.process: subprocess.Popen | None = None

    def start(self):
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, signal_number=signal.SIGTERM) -> int:
        """Sends the signal and returns the exit code; one that does not end is killed, and that is a failure."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.command[0]} did not end after {signal_number!r}:\n{self.text()}") from None
        finally:
            self.process = None

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""
