"""Fixtures of the agents' tests: a KMS of their own, and the stand-in of NGINX Plus's API."""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("agent_kms")

from agent_kms import ZONE, Agent, AgentKMS  # noqa: E402
from kms import running_kms  # noqa: E402
from plus_api import PlusAPI  # noqa: E402
from small_disk import SmallDisk  # noqa: E402
from tls_material import make_ca  # noqa: E402


@pytest.fixture(scope="module")
def agent_kms(binaries, tmp_path_factory):
    directory = tmp_path_factory.mktemp("agents")
    with running_kms(binaries, directory / "kms") as server:
        yield AgentKMS(server, directory)


@pytest.fixture(scope="module")
def ca():
    return make_ca()


@pytest.fixture
def api():
    with PlusAPI(ZONE) as server:
        yield server


@pytest.fixture
def memory():
    """A folder in memory that other users can get to."""
    parent = Path(tempfile.mkdtemp(prefix="agents-"))
    parent.chmod(0o755)
    with SmallDisk(parent / "memory", 8) as disk:
        disk.directory.chmod(0o755)
        yield disk.directory
    shutil.rmtree(parent)


@pytest.fixture
def folder(memory) -> Path:
    return memory / "kms-tls"


@pytest.fixture
def agent(agent_kms, api, tmp_path):
    one = Agent(agent_kms, tmp_path, api)
    yield one
    one.stop(9)
