"""Fixtures of the known-answer vectors and the property tests.

A test that has `token` among its arguments runs in the worker process, where the module is loaded.
"""

import os
import random
import secrets
import sys
from pathlib import Path

import pytest
from kms import write_configuration
from processes import clean_environment

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("vector_token")

from vector_worker import Worker  # noqa: E402

GROUP = APP = "vectors"
SEED_VARIABLE = "KMS_PKCS11_TEST_SEED"


@pytest.fixture(scope="session")
def worker(binaries, kms, tmp_path_factory):
    """The module in a process of its own, with an app of its own."""
    directory = tmp_path_factory.mktemp("vectors")
    api_key_file = directory / "api-key"
    kms.run_kmsctl("group", "create", GROUP)
    kms.run_kmsctl("app", "create", APP, "--group", GROUP)
    kms.run_kmsctl("app", "show-key", APP, "--output", api_key_file)
    configuration = write_configuration(directory / "kms-pkcs11.conf", kms.ca_file)
    worker = Worker(
        module=binaries.module,
        environment=clean_environment(FORTANIX_API_ENDPOINT=kms.url, KMS_PKCS11_CONF=str(configuration)),
        pin=api_key_file.read_bytes().strip(),
    )
    yield worker
    worker.stop()


@pytest.fixture
def token(worker) -> Worker:
    """A `VectorToken`, in the worker."""
    return worker


@pytest.fixture(scope="session")
def seed(request) -> int:
    """What every random input of the run comes from. KMS_PKCS11_TEST_SEED repeats a run."""
    number = int(os.environ.get(SEED_VARIABLE) or secrets.randbelow(1 << 32))
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    reporter.write_line("")
    reporter.write_line(f"Random inputs of the property tests: {SEED_VARIABLE}={number}")
    return number


@pytest.fixture
def chance(seed, request) -> random.Random:
    """The random numbers of one test: the same for the same seed, whatever else runs."""
    return random.Random(f"{seed} {request.node.name}")


def pytest_pyfunc_call(pyfuncitem):
    names = pyfuncitem._fixtureinfo.argnames
    if "token" not in names:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in names if name != "token"}
    pyfuncitem.funcargs["token"].run(pyfuncitem, arguments, "token")
    return True
