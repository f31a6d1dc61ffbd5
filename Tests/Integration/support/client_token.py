"""An empty token for every test of a client program: a group and an app of their own in the KMS.

KMS_PKCS11_STAND_IN names another PKCS#11 module, SoftHSM 2 (/usr/lib/softhsm/libsofthsm2.so), that takes the place of
ours, to tell a wrong test from a wrong module. It cannot do everything: what fails with it must be explained by its
limits.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest
from kms import write_configuration
from processes import PATIENCE, clean_environment, run

LABEL = "Fortanix Token"


@dataclass(frozen=True)
class ClientToken:
    module: Path
    pin: str
    env: dict[str, str]
    label: str = LABEL


@pytest.fixture
def token(request, tmp_path) -> ClientToken:
    return make_token(request, tmp_path)


@pytest.fixture(scope="module")
def shared_token(request, tmp_path_factory) -> ClientToken:
    """One for all tests of a file, where they only use what is on it."""
    return make_token(request, tmp_path_factory.mktemp("shared"))


def make_token(request, directory: Path, **configuration) -> ClientToken:
    """`configuration`: more keys of the module's configuration file; `api_key=True` writes the app's."""
    if module := os.environ.get("KMS_PKCS11_STAND_IN"):
        return _stand_in(Path(module), directory / "stand-in")
    kms = request.getfixturevalue("kms")
    name = f"client-{secrets.token_hex(8)}"
    key_file = directory / "client-api-key"
    kms.run_kmsctl("group", "create", name)
    kms.run_kmsctl("app", "create", name, "--group", name)
    kms.run_kmsctl("app", "show-key", name, "--output", key_file)
    if configuration.get("api_key") is True:
        configuration["api_key"] = f"file:{key_file}"
    # Large RSA keys take their time on a busy machine.
    configuration |= {"label": LABEL, "retry_timeout_millis": int(PATIENCE * 1000)}
    path = write_configuration(directory / "client.conf", kms.ca_file, **configuration)
    return ClientToken(
        module=request.getfixturevalue("binaries").module,
        pin=key_file.read_text().strip(),
        env=clean_environment(FORTANIX_API_ENDPOINT=kms.url, KMS_PKCS11_CONF=str(path)),
    )


def _stand_in(module: Path, directory: Path) -> ClientToken:
    (directory / "tokens").mkdir(parents=True)
    configuration = directory / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {directory}/tokens\nobjectstore.backend = file\n")
    env = clean_environment(SOFTHSM2_CONF=str(configuration))
    pin = "correct-horse"
    run("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin", "00000000", "--pin", pin, env=env)
    return ClientToken(module=module, pin=pin, env=env)
