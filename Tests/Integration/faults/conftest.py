"""Keys for the operations that meet faults, certificates, and hosts of the module."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from kms import write_configuration
from processes import clean_environment

sys.path.insert(0, str(Path(__file__).parent))

from fault_server import FaultServer  # noqa: E402
from server_certificates import Issuer, refused_contexts  # noqa: E402

HERE = Path(__file__).parent
GROUP = APP = "faults"
SIGNING, OTHER, DECRYPTING = "faults-sign", "faults-other", "faults-decrypt"


@dataclass
class Answer:
    value: str
    seconds: float
    # In kB.
    memory: int
    sockets: int


class Host:
    """A child process with the module (host.py)."""

    def __init__(self, module: Path, pin_file: Path, env: dict[str, str], log: Path):
        command = [sys.executable, HERE / "host.py", module, pin_file, SIGNING, DECRYPTING]
        env = env | {"PYTHONPATH": str(HERE.parent / "support")}
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                [str(word) for word in command], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        self._log = log

    def __call__(self, operation: str) -> Answer:
        self._process.stdin.write(operation.encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the host died in {operation}: {self._process.wait()}\n{self.log()}"
        return Answer(**json.loads(line))

    def must(self, operation: str) -> Answer:
        answer = self(operation)
        assert answer.value == "OK", f"{operation}: {answer.value}\n{self.log()}"
        return answer

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def close(self):
        self._process.stdin.close()
        assert self._process.wait(timeout=60) == 0, self.log()


@dataclass
class Site:
    """What every server and host of these tests needs."""

    kms: object
    module: Path
    authority: Issuer
    directory: Path
    ca_file: Path
    contexts: dict
    pin_file: Path
    other_key: str

    @property
    def api_key(self) -> str:
        return self.pin_file.read_text().strip()

    def server(self) -> FaultServer:
        return FaultServer(
            self.contexts["good"], ("127.0.0.1", self.kms.port), contexts=self.contexts, other_key=self.other_key
        )

    def nobodys_server(self) -> FaultServer:
        """One that must see nothing."""
        return FaultServer(self.contexts["good"])

    def host(self, name: str, *servers, environment: dict[str, str] | None = None, **configuration) -> Host:
        directory = self.directory / name.replace(" ", "-")
        directory.mkdir(exist_ok=True)
        path = write_configuration(
            directory / "kms-pkcs11.conf", self.ca_file, endpoints=[one.url for one in servers], **configuration
        )
        env = clean_environment(KMS_PKCS11_CONF=str(path)) | (environment or {})
        return Host(self.module, self.pin_file, env, directory / "log")


@pytest.fixture(scope="session")
def site(kms, binaries, tmp_path_factory) -> Site:
    """With an app of its own, so that nobody else's keys are counted."""
    directory = tmp_path_factory.mktemp("faults")
    pin_file = directory / "api-key"
    kms.run_kmsctl("group", "create", GROUP)
    kms.run_kmsctl("app", "create", APP, "--group", GROUP)
    kms.run_kmsctl("app", "show-key", APP, "--output", pin_file)
    for name, operations in ((SIGNING, "SIGN,VERIFY"), (OTHER, "SIGN,VERIFY"), (DECRYPTING, "DECRYPT,ENCRYPT")):
        kms.run_kmsctl(
            "key", "generate", name, "--type", "rsa", "--size", "2048", "--operations", operations, "--group", GROUP
        )
    authority = Issuer("Fault CA")
    contexts = refused_contexts(authority, directory) | {"good": authority.context(directory, "good")}
    ca_file = authority.write(directory / "ca.pem")
    other_key = kms.json("key", "show", OTHER)["kid"]
    return Site(kms, binaries.module, authority, directory, ca_file, contexts, pin_file, other_key)
