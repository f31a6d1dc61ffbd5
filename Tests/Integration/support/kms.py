"""A running kmsd with the group, app, keys and certificates that the tests share."""

import base64
import http.client
import json
import re
import secrets
import shutil
import signal
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from certificates import Authority, make_rsa_key, public_half
from processes import PATIENCE, Service, clean_environment, run, wait_until

RSA_KEY = "app.aserracorp.com-key"
P256_KEY = "p256-key"
GENERATED = {
    P256_KEY: ("--type", "ec", "--curve", "P-256"),
    "p384-key": ("--type", "ec", "--curve", "P-384"),
    "p521-key": ("--type", "ec", "--curve", "P-521"),
    "rsa3072-key": ("--type", "rsa", "--size", "3072"),
    "rsa4096-key": ("--type", "rsa", "--size", "4096"),
}


@dataclass(frozen=True)
class Binaries:
    module: Path
    kmsd: Path
    kmsctl: Path


class KMS:
    group = "web"
    app = "app.aserracorp.com"
    admin = "admin@localhost"

    def __init__(self, binaries: Binaries, directory: Path, log_level: str | None = None):
        self.binaries = binaries
        self.directory = directory
        self.data = directory / "data"
        self.ca_file = self.data / "ca.pem"
        self.password_file = directory / "admin-password"
        self.api_key_file = directory / "api-key"
        self.port = 0
        self.log = directory / "kmsd.log"
        self.log_level = log_level
        # Further flags of `kmsd serve`.
        self.arguments: list[str] = []
        self._service: Service | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def api_key(self) -> str:
        return self.api_key_file.read_text().strip()

    @property
    def pid(self) -> int:
        return self._service.process.pid

    # Life and death

    def initialize(self):
        self.directory.mkdir(exist_ok=True)
        self.password_file.write_text("correct horse battery staple\n")
        self.password_file.chmod(0o600)
        run(
            self.binaries.kmsd, "init", "--data", self.data, "--admin-email", self.admin,
            "--admin-password-file", self.password_file, "--account", "Test",
        )  # fmt: skip

    def start(self):
        """Starts on a free port the first time, on the same one afterwards. Logs the administrator in again, because
        bearer tokens end with the server that gave them.
        """
        command = [self.binaries.kmsd, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"]
        if self.log_level:
            command += ["--log-level", self.log_level]
        self._service = Service(command + self.arguments, clean_environment(), self.log)
        seen = self.log.stat().st_size if self.log.exists() else 0
        self._service.start()
        self.port = int(wait_until(lambda: self._announced_port(seen), f"kmsd's start\n{self._service.text()}"))
        self.run_kmsctl("login", "--user", self.admin, "--password-file", self.password_file)

    def _announced_port(self, seen: int) -> str | None:
        assert self._service.is_running(), f"kmsd ended at once:\n{self._service.text()}"
        output = self.log.read_bytes()[seen:].decode(errors="replace")
        found = re.search(r"^kmsd: listening on https://\S+:(\d+)$", output, re.MULTILINE)
        return found and found[1]

    def stop(self) -> int:
        return self._service.stop(signal.SIGTERM) if self._service else 0

    def kill9(self):
        self._service.stop(signal.SIGKILL)

    def suspend(self):
        self._service.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._service.process.send_signal(signal.SIGCONT)

    def twin(self, directory: Path) -> "KMS":
        """Another node with the same content, from a backup; not started. It shares no session with this one."""
        other = KMS(self.binaries, directory)
        directory.mkdir()
        backup = directory / "backup"
        run(self.binaries.kmsd, "backup", "--data", self.data, backup)
        run(
            self.binaries.kmsd, "restore", "--data", other.data, "--master-key-file", self.data / "master.key", backup
        )  # fmt: skip
        shutil.copy(self.password_file, other.password_file)
        return other

    # What is in it

    def populate(self, authority: Authority):
        self.run_kmsctl("group", "create", self.group)
        self.run_kmsctl("app", "create", self.app, "--group", self.group)
        self.run_kmsctl("app", "show-key", self.app, "--output", self.api_key_file)
        self.rsa_private_key = make_rsa_key(self.directory / "rsa.pem")
        self.run_kmsctl("key", "import", RSA_KEY, "--file", self.rsa_private_key, "--group", self.group)
        for name, kind in GENERATED.items():
            self.run_kmsctl("key", "generate", name, *kind, "--group", self.group)
        # The authority keeps the certificates of all KMSs in one folder.
        own = secrets.token_hex(4)
        self.certificates = {
            RSA_KEY: authority.issue(public_half(self.rsa_private_key), f"rsa-{own}"),
            P256_KEY: authority.issue(self.public_key_file(P256_KEY), f"p256-{own}"),
        }
        for key, certificate in self.certificates.items():
            name = key.removesuffix("-key") + "-cert"
            self.run_kmsctl("cert", "import", name, "--file", certificate, "--group", self.group)

    def run_kmsctl(self, *args, check: bool = True, input: bytes | None = None, **environment: str):
        """kmsctl as the administrator who logged in; the result's `stdout` and `stderr` are bytes."""
        env = clean_environment(
            KMSCTL_ENDPOINT=self.url,
            KMSCTL_CA_FILE=str(self.ca_file),
            KMSCTL_SESSION=str(self.directory / "session.json"),
        )
        env |= environment
        return run(self.binaries.kmsctl, *args, env=env, check=check, input=input)

    def json(self, *args):
        return json.loads(self.run_kmsctl(*args, "--json").stdout)

    def ask(self, method: str, path: str, body=None, authorization: str | None = None):
        """The JSON that the REST API answers, to the administrator unless `authorization` says otherwise."""
        trust = ssl.create_default_context(cafile=self.ca_file)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=trust, timeout=PATIENCE)
        token = authorization or "Bearer " + json.loads((self.directory / "session.json").read_text())["access_token"]
        headers = {"Authorization": token, "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text[:300]}"
            return json.loads(text or b"null")
        finally:
            connection.close()

    def public_key_pem(self, name: str) -> str:
        """The public key of a security object, as SubjectPublicKeyInfo in PEM, taken from the KMS itself."""
        encoded = self.json("key", "show", name)["pub_key"]
        lines = [encoded[start : start + 64] for start in range(0, len(encoded), 64)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    def public_key_file(self, name: str) -> Path:
        path = self.directory / f"{name}.pub"
        path.write_text(self.public_key_pem(name))
        return path


@contextmanager
def running_kms(binaries: Binaries, directory: Path, log_level: str | None = None):
    """A KMS with nothing in it, stopped at the end."""
    server = KMS(binaries, directory, log_level)
    server.initialize()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def wrong_secret(api_key: str) -> str:
    """The right app with another secret: what a mistyped or revoked key looks like."""
    app, secret = base64.b64decode(api_key).split(b":")
    return base64.b64encode(app + b":" + secret[::-1]).decode()


def toml(values: dict) -> str:
    """Numbers, strings, booleans and arrays of strings as the lines of a TOML file."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def write_configuration(path: Path, ca_file: Path, **values) -> Path:
    """A configuration file for the module that trusts `ca_file`; values are numbers or strings."""
    path.write_text(toml({"ca_certs_file": str(ca_file)} | values))
    path.chmod(0o600)
    return path
