"""A KMS with an app for agents, and agents that work with it."""

import base64
import json
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from kms import KMS
from plus_api import PlusAPI
from processes import PATIENCE, clean_environment, run, wait_until
from tls_material import CA, key_der
from wire import client_context

GROUP = APP = "agents"
ZONE = "sdkms_ssl_pem"


class AgentKMS:
    def __init__(self, kms: KMS, directory: Path):
        self.kms = kms
        self.directory = directory
        self.api_key_file = directory / "agent-api-key"
        self._context = client_context(kms.ca_file)
        kms.run_kmsctl("group", "create", GROUP)
        kms.run_kmsctl("app", "create", APP, "--group", GROUP)
        kms.run_kmsctl("app", "show-key", APP, "--output", self.api_key_file)

    @property
    def api_key(self) -> str:
        return self.api_key_file.read_text().strip()

    def bring_key(self, name: str, key, exportable: bool = True, manageable: bool = False):
        kind = "RSA" if isinstance(key, RSAPrivateKey) else "EC"
        self._bring(name, kind, key_der(key), ["SIGN", "VERIFY"] + ["EXPORT"] * exportable + ["APPMANAGEABLE"] * manageable)

    def bring_certificate(self, name: str, certificate: x509.Certificate):
        self._bring(name, "CERTIFICATE", certificate.public_bytes(Encoding.DER), ["VERIFY"])

    def _bring(self, name: str, kind: str, value: bytes, operations: list[str]):
        value = base64.b64encode(value).decode()
        self.rest("PUT", "", {"name": name, "obj_type": kind, "value": value, "key_ops": operations})

    def rest(self, method: str, path: str, body: dict):
        """A request of the app, below /crypto/v1/keys."""
        request = urllib.request.Request(
            f"{self.kms.url}/crypto/v1/keys{path}", json.dumps(body).encode(), method=method,
            headers={"Authorization": f"Basic {self.api_key}", "Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, context=self._context, timeout=PATIENCE) as answer:
            assert 200 <= answer.status < 300

    def bring(self, host: str, ca: CA, key, **kind) -> x509.Certificate:
        """HOST-key and HOST-cert."""
        certificate = ca.issue(host, key, **kind)
        self.bring_key(f"{host}-key", key)
        self.bring_certificate(f"{host}-cert", certificate)
        return certificate

    def replace_certificate(self, host: str, certificate: x509.Certificate):
        self.delete(f"{host}-cert")
        self.bring_certificate(f"{host}-cert", certificate)

    def delete(self, name: str):
        self.kms.run_kmsctl("key", "delete", name, "--yes")

    def names(self) -> set[str]:
        return {one["name"] for one in self.kms.json("key", "list")}


class Agent:
    """`kmsctl agent` against a KMS and the stand-in of NGINX Plus's API."""

    def __init__(self, kms: AgentKMS, directory: Path, api: PlusAPI | None = None):
        self.kms = kms
        self.directory = directory
        self.environment = clean_environment(
            KMSCTL_ENDPOINT=kms.kms.url, KMSCTL_CA_FILE=str(kms.kms.ca_file), HOME=str(directory),
            FORTANIX_API_KEY=f"file:{kms.api_key_file}",
        )  # fmt: skip
        if api:
            self.environment["KMSCTL_NGINX_API"] = api.url
        self.binary = kms.kms.binaries.kmsctl
        self.process: subprocess.Popen | None = None
        self.log = directory / "agent.log"

    def __call__(self, *arguments, timeout: float = PATIENCE) -> tuple[int, list[dict]]:
        """Exit code and events."""
        result = run(self.binary, "agent", *arguments, "--json", env=self.environment, check=False, timeout=timeout)
        assert result.stderr == b"", result.stderr.decode()
        return result.returncode, [json.loads(line) for line in result.stdout.splitlines()]

    def watch(self, *arguments):
        self.watch_as(["agent", *arguments])

    def watch_as(self, arguments: list):
        self.process = subprocess.Popen(
            [str(self.binary), *map(str, arguments), "--watch", "--json"], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=open(self.log, "ab"), stderr=subprocess.STDOUT,
        )  # fmt: skip

    def events(self, kind: str | None = None) -> list[dict]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        events = [json.loads(line) for line in lines]
        return [event for event in events if kind in (None, event["event"])]

    def wait_for(self, kind: str, count: int = 1, **values) -> dict:
        def found():
            assert self.process.poll() is None, f"the agent has ended: {self.log.read_text()}"
            fitting = [event for event in self.events(kind) if values.items() <= event.items()]
            return fitting[count - 1] if len(fitting) >= count else None

        return wait_until(found, f"event {kind} {values}")

    def look_now(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self, number=signal.SIGTERM) -> int | None:
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE)
        self.process = None
        return code


def certificate_of_this_machine(directory: Path) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself, and its key."""
    certificate, key = directory / "front.pem", directory / "front.key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
        "-subj", "/CN=front", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)  # fmt: skip
    return certificate, key


def keyval(host: str, *more) -> list:
    return ["keyval", ZONE, "--host", host, "--key", f"{host}-key", "--certificate", f"{host}-cert", *more]


def into(folder: Path, *arguments) -> list:
    return ["keyval", "--output", folder, "--group", "www-data", *arguments]


def of(host: str) -> list:
    return ["--host", host, "--key", f"{host}-key", "--certificate", f"{host}-cert"]


def hosts_file(path: Path, hosts: list[str], **keys: str) -> Path:
    """HOST-key and HOST-cert of each; `keys` has other names of keys, by the host's first label."""
    path.write_text(
        "".join(
            f'[[host]]\nname = "{host}"\nkey = "{keys.get(host.split(".")[0], f"{host}-key")}"\n'
            f'certificate = "{host}-cert"\n'
            for host in hosts
        )
    )
    return path


def split(pem: str) -> tuple[object, list[x509.Certificate]]:
    """Private key and certificates of an entry."""
    key, rest = re.fullmatch(
        r"(?s)(-----BEGIN (?:RSA |EC |)PRIVATE KEY-----\n.*?-----END (?:RSA |EC |)PRIVATE KEY-----\n)(.*)", pem
    ).groups()
    return load_pem_private_key(key.encode(), None), x509.load_pem_x509_certificates(rest.encode())


def assert_serves(pem: str, certificate: x509.Certificate):
    """The entry is this certificate with its key."""
    key, chain = split(pem)
    assert chain[0] == certificate
    assert key.public_key() == certificate.public_key()
