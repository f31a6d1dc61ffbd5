"""The published recipe, word for word: NGINX serves TLS with keys that live in the KMS."""

import urllib.parse
from collections import Counter
from pathlib import Path

import pytest
from kms import P256_KEY, RSA_KEY
from pkcs11_tool import PKCS11Tool
from processes import as_root, output_of, run, wait_until
from tls_client import Traffic, both_versions, handshakes
from web_server import by_uri, ec_by_label, recipe, recipe_with_system_files, rsa_by_label

TLS_VERSIONS = ["TLSv1.2", "TLSv1.3"]


@pytest.fixture
def nginx(binaries, kms, tmp_path):
    server = recipe(binaries, kms, tmp_path)
    yield server
    server.stop()


def assert_all_served(visits, count):
    assert [one.error for one in visits if one.error] == []
    assert len(visits) == count
    assert Counter(one.version for one in visits) == {version: count // 2 for version in TLS_VERSIONS}


def test_recipe_uses_the_key_itself_and_no_env_directive(nginx, kms):
    openssl_cnf = Path(nginx.environment["OPENSSL_CONF"]).read_text()
    assert len(kms.api_key) == 164
    assert f"\nPIN={kms.api_key}\n" in openssl_cnf
    nginx.configure(rsa=rsa_by_label(kms))
    directives = nginx.configuration.read_text().splitlines()
    assert not [line for line in directives if line.strip().startswith("env ")]


def test_configuration_check(nginx, kms):
    nginx.configure(rsa=rsa_by_label(kms), ec=ec_by_label(kms))
    assert "test is successful" in nginx.test().stderr.decode()


def test_a_thousand_fresh_handshakes_over_two_workers(nginx, kms, authority):
    """RSA: one signature of the KMS each, PKCS #1 or PSS in TLS 1.2, PSS in TLS 1.3."""
    nginx.configure(rsa=rsa_by_label(kms))
    nginx.test()
    nginx.start()
    before = signatures(kms, RSA_KEY)
    assert_all_served(handshakes(1000, nginx.port, both_versions(authority.certificate)), 1000)
    assert signatures(kms, RSA_KEY) - before == 1000
    assert len(nginx.workers()) == 2
    assert all(processor_ticks(worker) > 0 for worker in nginx.workers()), "one worker did everything"
    assert_quiet(nginx)


def test_recipe_with_the_systems_own_files(binaries, kms, authority, tmp_path):
    """openssl.cnf replaced, the KMS's authority in the system's store, no configuration file, one variable."""
    server = recipe_with_system_files(binaries, kms, tmp_path)
    server.configure(rsa=rsa_by_label(kms))
    server.test()
    server.start()
    try:
        assert_all_served(handshakes(50, server.port, both_versions(authority.certificate)), 50)
        server.reload()
        assert_all_served(handshakes(50, server.port, both_versions(authority.certificate)), 50)
        assert_quiet(server)
    finally:
        server.stop()


def test_ecdsa_handshakes(nginx, kms, authority):
    nginx.configure(ec=ec_by_label(kms))
    nginx.start()
    assert_all_served(handshakes(200, nginx.port, both_versions(authority.certificate)), 200)
    assert_quiet(nginx)


@pytest.mark.parametrize("key", [RSA_KEY, P256_KEY])
def test_key_named_by_uri(nginx, binaries, module_env, kms, authority, key):
    token = urllib.parse.quote(PKCS11Tool(binaries.module, module_env).token_label())
    chosen = by_uri(kms, key, token)
    nginx.configure(rsa=chosen) if key == RSA_KEY else nginx.configure(ec=chosen)
    nginx.test()
    nginx.start()
    assert_all_served(handshakes(50, nginx.port, both_versions(authority.certificate)), 50)


def test_reload_under_traffic(nginx, kms, authority):
    nginx.configure(rsa=rsa_by_label(kms), ec=ec_by_label(kms))
    nginx.start()
    with Traffic(nginx.port, both_versions(authority.certificate)) as traffic:
        for _ in range(5):
            nginx.reload()
            enough = len(traffic.successes()) + 50
            wait_until(lambda: len(traffic.successes()) > enough, f"traffic after a reload\n{nginx.error_log()}")
    assert [one.error for one in traffic.failures()] == []


def test_stop_is_graceful_and_start_works_again(nginx, kms, authority):
    nginx.configure(rsa=rsa_by_label(kms))
    for _ in range(2):
        nginx.start()
        assert_all_served(handshakes(10, nginx.port, both_versions(authority.certificate)), 10)
        master = nginx.master()
        nginx.stop()
        assert master is not None and nginx.master() is None
    assert "exited on signal" not in nginx.error_log()


def test_workers_need_no_file(binaries, kms, authority, tmp_path):
    """Configuration, CA file and PIN file are readable by root only; the workers are www-data and sign all the same."""
    ca_file, pin_file = tmp_path / "kms-ca.pem", tmp_path / "api-key"
    ca_file.write_bytes(kms.ca_file.read_bytes())
    pin_file.write_text(kms.api_key + "\n")
    server = recipe(binaries, kms, tmp_path, pin=f"file:{pin_file}", ca_file=ca_file)
    server.configure(rsa=rsa_by_label(kms))
    private = [ca_file, pin_file, tmp_path / "kms-pkcs11.conf", tmp_path / "openssl.cnf"]
    for path in private:
        run(*as_root(), "chmod", "0600", path)
        run(*as_root(), "chown", "root:root", path)
        unreadable = run(*as_root(), "setpriv", "--reuid=www-data", "--clear-groups", "cat", path, check=False)
        assert "Permission denied" in output_of(unreadable)
    server.start()
    try:
        users = run("ps", "-o", "user=", "-p", ",".join(map(str, server.workers()))).stdout.decode().split()
        assert users == ["www-data", "www-data"]
        assert_all_served(handshakes(100, server.port, both_versions(authority.certificate)), 100)
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("pin", "key", "words"),
    [("1234", RSA_KEY, "incorrect"), (None, "no-such-key", "not found")],
    ids=["wrong PIN", "unknown key"],
)
def test_configuration_check_names_the_cause(binaries, kms, tmp_path, pin, key, words):
    server = recipe(binaries, kms, tmp_path, pin=pin)
    server.configure(rsa=(f"engine:pkcs11:label_{key}", kms.certificates[RSA_KEY]))
    result = server.command("-t", check=False)
    assert result.returncode != 0
    assert words in result.stderr.decode().lower(), result.stderr.decode()


def signatures(kms, key: str) -> int:
    """How many signatures the audit log of the KMS holds for a key."""
    return kms.run_kmsctl("audit", "--object", key, "--json").stdout.count(b"\n")


def processor_ticks(pid: int) -> int:
    """User and system time of a process (proc(5): fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def assert_quiet(nginx):
    """A server that works well writes nothing worse than notices."""
    loud = [line for line in nginx.error_log().splitlines() if "[notice]" not in line]
    assert loud == []
