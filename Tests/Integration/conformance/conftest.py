"""Fixtures of the conformance tests. A test here runs in a child process of its own, where the module is loaded."""

import sys
from pathlib import Path

import pytest
from processes import clean_environment

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("scenarios", "stage")

import isolation  # noqa: E402
import material  # noqa: E402
import stage  # noqa: E402
from isolation import Deferred  # noqa: E402
from kms import write_configuration  # noqa: E402

GROUP = APP = "conformance"


@pytest.fixture(scope="session")
def subject(binaries, kms, tmp_path_factory) -> stage.Subject:
    """Our module with an app of its own, so that nobody else's keys are counted."""
    directory = tmp_path_factory.mktemp("conformance")
    api_key_file = directory / "api-key"
    kms.run_kmsctl("group", "create", GROUP)
    kms.run_kmsctl("app", "create", APP, "--group", GROUP)
    kms.run_kmsctl("app", "show-key", APP, "--output", api_key_file)
    configuration = write_configuration(directory / "kms-pkcs11.conf", kms.ca_file)
    return stage.Subject(
        module=binaries.module,
        environment=clean_environment(FORTANIX_API_ENDPOINT=kms.url, KMS_PKCS11_CONF=str(configuration)),
        pin=api_key_file.read_bytes().strip(),
        objects_at_kms=lambda: len(kms.json("key", "list", "--api-key-file", api_key_file)),
    )


@pytest.fixture(scope="session", autouse=True)
def key_material():
    """Made once, before the first child is forked."""
    material.prepare()


@pytest.fixture
def module(subject):
    """The loaded module, before C_Initialize."""
    return Deferred(lambda: stage.loaded(subject))


@pytest.fixture
def token(subject):
    """The initialised module, before C_Login."""
    return Deferred(lambda: stage.initialised(subject))


@pytest.fixture
def session(subject):
    """A read/write session of the normal user."""
    return Deferred(lambda: stage.logged_in(subject))


def pytest_pyfunc_call(pyfuncitem):
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    environment = pyfuncitem.funcargs["subject"].environment
    isolation.run(pyfuncitem, arguments, environment)
    return True
