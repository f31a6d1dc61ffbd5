"""Fixtures that every area shares: the programs under test, a running KMS, and the module's environment."""

import os
import secrets
from pathlib import Path

import pytest
from certificates import Authority
from kms import KMS, Binaries, write_configuration
from processes import clean_environment
from sdkms_client import print_verdicts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    """What `make build` made. KMS_PKCS11_BUILD names another directory than .build/release."""
    build = ROOT / os.environ.get("KMS_PKCS11_BUILD", ".build/release")
    found = Binaries(
        module=ROOT / os.environ.get("KMS_PKCS11_MODULE", build / "libkms_pkcs11.so"),
        kmsd=ROOT / os.environ.get("KMS_PKCS11_KMSD", build / "kmsd"),
        kmsctl=ROOT / os.environ.get("KMS_PKCS11_KMSCTL", build / "kmsctl"),
    )
    for path in (found.module, found.kmsd, found.kmsctl):
        if not path.exists():
            pytest.exit(f"{path} is missing: run `make build` first.", returncode=1)
    return found


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    """Issues the certificates of the web server."""
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="session")
def kms(binaries, authority, tmp_path_factory):
    """A running kmsd with group, app, keys and certificates. A test that stops it starts it again."""
    server = KMS(binaries, tmp_path_factory.mktemp("kms"))
    server.initialize()
    server.start()
    try:
        server.populate(authority)
        yield server
    finally:
        server.stop()


@pytest.fixture
def module_configuration(kms, tmp_path) -> Path:
    """A configuration file that trusts the KMS's certificate authority."""
    return write_configuration(tmp_path / "kms-pkcs11.conf", kms.ca_file)


@pytest.fixture
def module_env(kms, module_configuration) -> dict[str, str]:
    """The environment of a program that loads the module."""
    return clean_environment(FORTANIX_API_ENDPOINT=kms.url, KMS_PKCS11_CONF=str(module_configuration))


@pytest.fixture
def canary() -> str:
    """A value that occurs nowhere else, to be looked for where it must not be."""
    return f"canary-{secrets.token_hex(16)}"


def pytest_terminal_summary(terminalreporter):
    print_verdicts(terminalreporter)
