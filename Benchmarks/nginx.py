"""NGINX with a private key in a file or in a token."""

import os
import shutil
import socket
import time
from pathlib import Path

from measures import run
from servers import Failure, Program
from tokens import KEY, Token

CONFIGURATION = """
daemon off;
user root;
worker_processes {workers};
pid {directory}/nginx.pid;
error_log {directory}/error.log;
env SOFTHSM2_CONF;
events {{ worker_connections 256; }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        ssl_session_cache off;
        ssl_session_tickets off;
        return 204;
    }}
}}
"""

OPENSSL = """
openssl_conf = settings
[settings]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = {engine}
MODULE_PATH = {module}
PIN = {pin}
init = 1
"""


class Nginx(Program):
    """Full handshakes only: no resumption. `user root`, because SoftHSM's workers must read its tokens."""

    def __init__(self, directory: Path, workers: int, key: str | Path, certificate: Path, token: Token | None = None):
        if not shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
            raise Failure("nginx is missing: run `make bench-packages`.")
        directory.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        configuration = directory / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                workers=workers, directory=directory, port=self.port, certificate=certificate, key=key
            )
        )
        environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
        if token:
            openssl = directory / "openssl.cnf"
            openssl.write_text(OPENSSL.format(engine=engine(), module=token.module, pin=token.pin))
            openssl.chmod(0o600)
            environment |= {"OPENSSL_CONF": str(openssl)} | token.environment
        super().__init__(["nginx", "-c", configuration, "-p", directory], directory / "output", environment)
        self._wait_for_port(directory / "error.log")

    def _wait_for_port(self, log: Path) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise Failure(f"nginx does not start:\n{self.log.read_text()}{log.read_text() if log.exists() else ''}")


def engine() -> Path:
    """libp11's engine."""
    directory = run(["openssl", "version", "-e"]).split('"')[1]
    path = Path(directory) / "pkcs11.so"
    if not path.exists():
        raise Failure(f"{path} is missing: run `make bench-packages`, which installs libengine-pkcs11-openssl.")
    return path


def local(directory: Path, workers: int, key: Path, certificate: Path) -> Nginx:
    return Nginx(directory, workers, key, certificate)


def remote(directory: Path, workers: int, token: Token, certificate: Path, name: str = KEY) -> Nginx:
    return Nginx(directory, workers, f"engine:pkcs11:label_{name}", certificate, token)
