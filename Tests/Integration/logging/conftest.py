"""pkcs11-tool with a configuration whose [log] is of the test's choice."""

from pathlib import Path

import pytest
from kms import toml
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
        # A login that the KMS refuses: the app is right, its secret is not.
        return self("-O", "--login", "--pin", self.pin[:-8] + "AAAAAAA=", check=False)


@pytest.fixture
def tool(binaries, kms, tmp_path):
    """`tool(endpoint=..., key=value)`: the keys are those of [log]."""

    def make(endpoint: str | None = None, deadline: int = 20_000, **log) -> LoggingTool:
        path = tmp_path / "kms-pkcs11.conf"
        top = {"api_endpoint": endpoint or kms.url, "ca_certs_file": str(kms.ca_file), "retry_timeout_millis": deadline}
        path.write_text(toml(top) + "[log]\n" + toml(log))
        path.chmod(0o600)
        return LoggingTool(binaries.module, clean_environment(KMS_PKCS11_CONF=str(path)), kms.api_key)

    return make
