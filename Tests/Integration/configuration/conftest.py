"""A configuration file of the test's own, and the programs that read it."""

from pathlib import Path

import pytest
from pkcs11_tool import PKCS11Tool
from processes import clean_environment, run


@pytest.fixture
def configuration(tmp_path) -> Path:
    path = tmp_path / "kms-pkcs11.conf"
    path.touch(mode=0o600)
    return path


@pytest.fixture
def tool(binaries, configuration) -> PKCS11Tool:
    return PKCS11Tool(binaries.module, clean_environment(KMS_PKCS11_CONF=str(configuration)))


@pytest.fixture
def check(binaries, tmp_path):
    """`check(*arguments, NAME=value)`: kmsctl config check, with exit code, stdout and stderr."""

    def check(*arguments, **environment):
        env = clean_environment(HOME=str(tmp_path), **{name: str(value) for name, value in environment.items()})
        result = run(binaries.kmsctl, "config", "check", *arguments, env=env, check=False)
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    return check
