"""The module, as pkcs11-tool loads it, with a configuration of the test's choice and fronts for the KMS."""

import subprocess
from pathlib import Path

import pytest
from certificates import make_rsa_key, public_half
from kms import toml
from pkcs11_tool import PKCS11Tool
from processes import clean_environment, output_of
from tls_front import TLSFront


class Identity:
    """A key and certificates over it."""

    def __init__(self, authority, directory: Path, name: str, host: str):
        self.key = make_rsa_key(directory / f"{name}.key")
        self.certificate = authority.issue(public_half(self.key), name, host, usage="serverAuth,clientAuth")


@pytest.fixture
def identity(authority, tmp_path):
    def issue(name: str, host: str = "localhost") -> Identity:
        return Identity(authority, tmp_path, f"{tmp_path.name}-{name}", host)

    return issue


@pytest.fixture
def front(identity, kms):
    """`with front(...) as server`: a TLS server in front of the KMS whose certificate is for localhost."""

    def make(host: str = "localhost", **options) -> TLSFront:
        own = identity("front", host)
        return TLSFront(own.certificate, own.key, kms.port, **options)

    return make


class Attempt:
    """One try to log in and list the private keys."""

    def __init__(self, result: subprocess.CompletedProcess):
        self.output = output_of(result)
        self.works = result.returncode == 0 and "Private Key Object" in self.output

    def __bool__(self):
        return self.works

    def failed(self, *words: str) -> bool:
        """Whether it did not work, and the module's line says why."""
        line = next((line for line in self.output.splitlines() if "error: C_Login" in line), "")
        assert not self.works, self.output
        assert "CKR_DEVICE_ERROR" in self.output
        for word in words:
            assert word in line, self.output
        return True


@pytest.fixture
def attempt(binaries, kms, tmp_path):
    """`attempt(endpoint, **keys)`: whether the module works with these keys of its configuration."""

    def run(endpoint: str, environment: dict[str, str] | None = None, **keys) -> Attempt:
        path = tmp_path / "kms-pkcs11.conf"
        path.write_text(toml({"retry_timeout_millis": 20000, "api_endpoint": endpoint} | keys))
        path.chmod(0o600)
        env = clean_environment(KMS_PKCS11_CONF=str(path), **(environment or {}))
        tool = PKCS11Tool(binaries.module, env)
        return Attempt(tool("-O", "--type", "privkey", "--login", "--pin", kms.api_key, check=False))

    return run
