"""NGINX, run as Debian's systemd unit runs it: `nginx -t`, start as a daemon, reload and stop by command."""

import os
import subprocess
from pathlib import Path

from processes import as_root, free_port, is_listening, run, wait_until
from samples import SAMPLES, render

GLOBALS = "daemon on; master_process on;"


class Nginx:
    def __init__(self, directory: Path, environment: dict[str, str], wrapper: list[str] | None = None):
        """`wrapper` is a command, run as root, that runs the command given to it."""
        directory.mkdir()
        self.directory = directory
        self.environment = environment
        self.configuration = directory / "nginx.conf"
        self.port = free_port()
        self.worker_count = 2
        # Behind `listen ADDRESS ssl`.
        self.listen_options = ""
        self._pid_file = directory / "nginx.pid"
        self._as_root = as_root()
        self._wrapper = wrapper or []

    def configure(self, rsa: tuple[str, Path] | None = None, ec: tuple[str, Path] | None = None):
        """Renders the sample with an RSA and/or EC key as (ssl_certificate_key, certificate)."""
        replacements = {
            "/run/nginx.pid": str(self._pid_file),
            "/var/log/nginx/": f"{self.directory}/",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl{self.listen_options};",
            "worker_processes 2;": f"worker_processes {self.worker_count};",
        }
        for key, certificate, chosen in (
            ("engine:pkcs11:label_app.aserracorp.com-key", "/etc/nginx/cert.pem", rsa),
            ("engine:pkcs11:label_app.aserracorp.com-p256", "/etc/nginx/cert-p256.pem", ec),
        ):
            certificate_line = f"ssl_certificate     {certificate};"
            key_line = f"ssl_certificate_key {key};"
            if chosen:
                replacements[certificate_line] = f"ssl_certificate     {chosen[1]};"
                replacements[key_line] = f"ssl_certificate_key {chosen[0]};"
            else:
                replacements[certificate_line] = replacements[key_line] = ""
        render("nginx/nginx.conf", self.configuration, replacements)
        assert " env " not in (SAMPLES / "nginx/nginx.conf").read_text().replace("`env`", "")

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Output goes to files: the daemon inherits them, and a pipe would stay open as long as it lives."""
        assignments = [f"{name}={value}" for name, value in self.environment.items()]
        out, err = self.directory / "command.out", self.directory / "command.err"
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            result = subprocess.run(
                [*self._as_root, *self._wrapper, "env", "-i", *assignments, "nginx",
                 "-c", str(self.configuration), "-g", GLOBALS, *arguments],
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, timeout=60,
            )  # fmt: skip
        result.stdout, result.stderr = out.read_bytes(), err.read_bytes()
        assert not check or result.returncode == 0, (
            f"nginx {' '.join(arguments)}: exit code {result.returncode}\n"
            f"{result.stdout.decode()}{result.stderr.decode()}{self.error_log()}"
        )
        return result

    def test(self):
        return self.command("-t")

    def start(self):
        self.command()
        wait_until(
            lambda: is_listening(self.port) and len(self.workers()) == self.worker_count,
            f"NGINX's start\n{self.error_log()}",
        )

    def reload(self):
        """Returns when the new workers are there; the old ones may still be finishing."""
        before = set(self.workers())
        self.command("-s", "reload")
        wait_until(lambda: len(set(self.workers()) - before) == self.worker_count, f"reload\n{self.error_log()}")

    def stop(self):
        """Ends the server gracefully; does nothing when it is not running."""
        pid = self.master()
        if pid is None:
            return
        run(*self._as_root, "kill", "-QUIT", pid, check=False)
        try:
            wait_until(lambda: self.master() is None, f"NGINX's stop\n{self.error_log()}")
        except AssertionError:
            run(*self._as_root, "sh", "-c", f"pkill -KILL -P {pid}; kill -KILL {pid}", check=False)
            raise

    def master(self) -> int | None:
        """The master's process id, while it runs."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if os.path.exists(f"/proc/{pid}") else None

    def workers(self) -> list[int]:
        """The process ids of the workers that accept connections: they take this title once they are www-data."""
        listing = run("ps", "--ppid", self.master() or 0, "-o", "pid=,args=", check=False).stdout.decode()
        return [int(line.split()[0]) for line in listing.splitlines() if line.endswith("worker process")]

    def error_log(self) -> str:
        path = self.directory / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""
