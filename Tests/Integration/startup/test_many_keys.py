"""Ten thousand keys in the account: how soon a host has the one that it wants, and what that costs."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from certificates import make_rsa_key, public_half
from fault_server import FaultServer
from kms import RSA_KEY, running_kms, write_configuration
from module_host import PRIVATE, SECRET, ModuleHost
from processes import clean_environment
from web_server import recipe, rsa_by_label

KEYS, BATCH, THREADS = 10_000, 500, 2
LIST = "GET /crypto/v1/keys"
KNOWN, KNOWN_ID = "known-key", b"\xca\xfe"
# In kB: what the module may take (issue: 40 MB), and of that what one key among many may cost that was found by itself.
MEMORY, MEMORY_OF_ONE = 40_000, 3_000
# Two seconds on an idle machine; in seconds.
START = 2 * 5


def objects(public_key: str):
    """Half of them RSA keys, which are the largest."""
    for number in range(KEYS // 2):
        rsa = {"obj_type": "RSA", "value": public_key, "key_ops": ["VERIFY", "APPMANAGEABLE"]}
        yield "PUT", rsa | {"name": f"rsa-{number}"}
        ec = {"obj_type": "EC", "elliptic_curve": "NistP256", "key_ops": ["SIGN", "VERIFY", "APPMANAGEABLE"]}
        yield "POST", ec | {"name": f"ec-{number}"}


def fill(kms, public_key: str):
    app = "Basic " + kms.api_key

    def make(batch):
        items = [
            {"SingleItem": {"method": method, "operation": "/crypto/v1/keys", "body": body}} for method, body in batch
        ]
        batch = {"Batch": {"batch_execution_type": "Unordered", "items": items}}
        answer = kms.ask("POST", "/batch/v1", batch, app)
        results = [item["SingleItem"]["Result"] for item in answer["Batch"]["items"]]
        assert all(result["status"] == 201 for result in results), results[0]

    every = list(objects(public_key))
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(make, [every[start : start + BATCH] for start in range(0, KEYS, BATCH)]))


@pytest.fixture(scope="module")
def full_kms(binaries, authority, tmp_path_factory):
    with running_kms(binaries, tmp_path_factory.mktemp("full") / "kms") as kms:
        kms.populate(authority)
        pem = public_half(kms.rsa_private_key).read_text().splitlines()
        fill(kms, "".join(line for line in pem if not line.startswith("-----")))
        metadata = {"pkcs11-id": "%CA%FE"}
        known = {"name": KNOWN, "obj_type": "AES", "key_size": 256, "key_ops": ["ENCRYPT"]}
        kms.ask("POST", "/crypto/v1/keys", known | {"custom_metadata": metadata}, "Basic " + kms.api_key)
        yield kms


@pytest.fixture
def counted(full_kms, binaries, authority, tmp_path):
    """A server that counts requests, and a host behind it that is logged in."""
    key = make_rsa_key(tmp_path / "front.key")
    certificate = authority.issue(public_half(key), "startup-front", "localhost")
    with FaultServer(FaultServer.certified(certificate, key), ("127.0.0.1", full_kms.port)) as server:
        settings = write_configuration(
            tmp_path / "kms-pkcs11.conf", authority.certificate, api_endpoint=f"https://localhost:{server.port}",
            retry_timeout_millis=60_000,
        )  # fmt: skip
        environment = clean_environment(KMS_PKCS11_CONF=str(settings))
        with ModuleHost(binaries.module, environment, tmp_path / "log") as host:
            host.login(pin=full_kms.api_key)
            yield server, host


@pytest.mark.parametrize("search", [{"label": RSA_KEY, "kind": PRIVATE}, {"id": KNOWN_ID.hex(), "kind": SECRET}])
def test_a_known_key_is_one_request(counted, search):
    server, host = counted
    before, _ = host.memory()
    assert len(host.find(**search)) == 1
    assert server.count(LIST) == 1
    assert host.memory()[0] - before < MEMORY_OF_ONE


def test_everything(counted, full_kms):
    """As often as a host lists it, it is held once."""
    server, host = counted
    pin = full_kms.api_key
    before, _ = host.memory()
    began = time.monotonic()
    # Public keys, and private ones of every second.
    found = len(host.find())
    seconds = time.monotonic() - began
    assert found > KEYS * 1.5
    for _ in range(2):
        host.logout()
        host.login(pin=pin)
        assert len(host.find()) == found
    after, _ = host.memory()
    print(f"{KEYS} keys: {seconds:.2f} s, {(after - before) / 1000:.1f} MB, {server.count(LIST)} requests")
    assert after - before < MEMORY


def test_nginx(full_kms, binaries, tmp_path):
    """libp11 0.4.12 reads all private keys before it takes one."""
    server = recipe(binaries, full_kms, tmp_path, retry_timeout_millis=60_000)
    server.configure(rsa=rsa_by_label(full_kms))
    began = time.monotonic()
    server.test()
    seconds = time.monotonic() - began
    print(f"nginx -t with {KEYS} keys: {seconds:.2f} s")
    assert seconds < START
