"""pkcs11-tool with a configuration whose [log] is of the test's choice."""

import base64
import uuid
from pathlib import Path

import pytest
from kms import running_kms, toml
from pkcs11_tool import PKCS11Tool
from processes import clean_environment


class LoggingTool(PKCS11Tool):
    """`fail()` makes a call that fails at the KMS, `list()` one that works."""

    def __init__(self, module: Path, env: dict[str, str], pin: str):
        super().__init__(module, env)
        self.pin = pin

    def list(self):
        return self("-O", "--login", "--pin", self.pin)

    def fail(self):
        # A login that the KMS refuses. Always of another app: after several wrong ones it answers 429 for a while.
        pin = base64.b64encode(f"{uuid.uuid4()}:{'x' * 64}".encode()).decode()
        return self("-O", "--login", "--pin", pin, check=False)


@pytest.fixture(scope="module")
def talkative_kms(binaries, tmp_path_factory):
    """A KMS that logs each request."""
    with running_kms(binaries, tmp_path_factory.mktemp("talkative") / "kms", log_level="debug") as server:
        yield server


@pytest.fixture
def tool(binaries, kms, tmp_path):
    """`tool(endpoint=..., key=value)`: the keys are those of [log]."""

    def make(endpoint: str | None = None, ca_file: Path = kms.ca_file, **log) -> LoggingTool:
        path = tmp_path / "kms-pkcs11.conf"
        top = {"api_endpoint": endpoint or kms.url, "ca_certs_file": str(ca_file), "retry_timeout_millis": 20_000}
        path.write_text(toml(top) + "[log]\n" + toml(log))
        path.chmod(0o600)
        return LoggingTool(binaries.module, clean_environment(KMS_PKCS11_CONF=str(path)), kms.api_key)

    return make
