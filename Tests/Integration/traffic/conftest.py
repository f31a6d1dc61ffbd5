"""An app with one key, a server in front of the KMS that counts requests, and hosts of the module."""

import pytest
from certificates import Authority, make_rsa_key, public_half
from fault_server import FaultServer
from kms import write_configuration
from module_host import ModuleHost
from processes import clean_environment

GROUP = APP = "traffic"


class Site:
    """What the server and the hosts of these tests need."""

    key = "traffic-key"

    def __init__(self, kms, module, directory, authority):
        self.kms = kms
        self.module = module
        self.directory = directory
        key = make_rsa_key(directory / "front.key")
        self.context = FaultServer.certified(authority.issue(public_half(key), "traffic-front", "localhost"), key)
        self.ca_file = authority.certificate
        kms.run_kmsctl("group", "create", GROUP)
        kms.run_kmsctl("app", "create", APP, "--group", GROUP)
        kms.run_kmsctl("app", "show-key", APP, "--output", directory / "api-key")
        self.pin = (directory / "api-key").read_text().strip()
        self.make(self.key)

    def make(self, name: str):
        self.kms.run_kmsctl("key", "generate", name, "--type", "ec", "--curve", "P-256", "--group", GROUP)

    def rotate(self, name: str):
        self.kms.ask("POST", "/crypto/v1/keys/rekey", {"name": name})

    def delete(self, name: str):
        self.kms.run_kmsctl("key", "delete", name, "--yes")


@pytest.fixture(scope="session")
def site(kms, binaries, tmp_path_factory, authority: Authority) -> Site:
    return Site(kms, binaries.module, tmp_path_factory.mktemp("traffic"), authority)


@pytest.fixture
def server(site):
    with FaultServer(site.context, ("127.0.0.1", site.kms.port)) as server:
        yield server


@pytest.fixture
def host(site, server, tmp_path):
    """`host(cache_ttl=…)`: logged in, through the counting server."""
    opened = []

    def start(is_logged_in: bool = True, **configuration) -> ModuleHost:
        path = write_configuration(
            tmp_path / "kms-pkcs11.conf", site.ca_file,
            api_endpoint=f"https://localhost:{server.port}", **configuration,
        )  # fmt: skip
        one = ModuleHost(site.module, clean_environment(KMS_PKCS11_CONF=str(path)), tmp_path / "log")
        opened.append(one)
        if is_logged_in:
            one.login(pin=site.pin)
        return one

    yield start
    for one in opened:
        one.__exit__()
