"""Open-source NGINX with the sample configuration: keys and certificates in files on a tmpfs, named by variables."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from unittest.mock import ANY

import pytest
from agent_kms import GROUP, Agent, hosts_file, into, of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from nginx import Nginx
from processes import as_root, clean_environment, output_of, run, wait_until
from samples import render
from tls_material import key_der, make_ca, make_key, written

HOSTS = [f"host-{number}.example" for number in range(50)]


@pytest.fixture(scope="module")
def keys(agent_kms, ca):
    found = {host: make_key() for host in HOSTS}
    for host in HOSTS:
        agent_kms.bring(host, ca, found[host])
    return found


@pytest.fixture
def nginx(folder, tmp_path):
    server = Nginx(tmp_path / "nginx", clean_environment())
    replacements = {
        "/run/nginx.pid": str(server.directory / "nginx.pid"),
        "/var/log/nginx/": f"{server.directory}/",
        "listen 443 ssl;": f"listen 127.0.0.1:{server.port} ssl;",
        "root /run/kms-tls/current/www;": f"root {folder}/current/www;",
    }
    render("nginx/variable-certificates.conf", server.configuration, replacements)
    yield server
    server.stop()


@pytest.fixture
def agent(agent_kms, tmp_path):
    one = Agent(agent_kms, tmp_path)
    yield one
    one.stop(9)


class Client:
    """Full handshakes, each verified."""

    def __init__(self, port: int, ca_file: Path):
        self.port = port
        self.context = ssl.create_default_context(cafile=str(ca_file))

    def certificate(self, host: str, path: str = "/") -> x509.Certificate:
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain,
            self.context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            leaf = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
            assert b" 200 OK" in answer.partition(b"\r\n")[0] and f"Hello from {host} over".encode() in answer
            return leaf

    def certificate_spelled(self, name: str) -> x509.Certificate:
        """Of a name that is written in another way than the certificate's: its chain is verified only."""
        self.context.check_hostname = False
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain,
                self.context.wrap_socket(plain, server_hostname=name) as connection,
            ):
                return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))
        finally:
            self.context.check_hostname = True


@pytest.fixture
def client(nginx, ca, tmp_path) -> Client:
    return Client(nginx.port, written(tmp_path / "ca.pem", ca.pem))


@pytest.mark.parametrize("kind", [ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey], ids=["Ed25519", "Ed448"])
def test_edwards_curves(agent_kms, agent, nginx, folder, ca, tmp_path, kind):
    """NGINX serves them over TLS 1.2 and 1.3 to clients that know them, as openssl does."""
    key, host = kind.generate(), f"{kind.__name__[:5].lower()}.example"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    agent_kms.kms.run_kmsctl(
        "key", "import", f"{host}-key", "--file", written(tmp_path / "key.pem", pem), "--exportable", "--group", GROUP
    )
    agent_kms.bring_certificate(f"{host}-cert", ca.issue(host, key))
    code, events = agent(*into(folder, *of(host)))
    assert (code, events[0]["event"]) == (0, "loaded")
    nginx.start()
    for version in ("-tls1_2", "-tls1_3"):
        result = run("openssl", "s_client", "-connect", f"127.0.0.1:{nginx.port}", "-servername", host, version,
                     "-verify_return_error", "-verify_hostname", host, "-CAfile", written(tmp_path / "ca.pem", ca.pem))  # fmt: skip
        said = output_of(result)
        assert "Verification: OK" in said and f"PKEY: {kind.__name__.removesuffix('PrivateKey').upper()}," in said


def test_fifty_names(agent, nginx, client, folder, keys, tmp_path):
    """Each client sees the certificate of the name that it asked for, over TLS 1.2 and 1.3."""
    code, events = agent(*into(folder, "--hosts-file", hosts_file(tmp_path / "hosts.toml", HOSTS)))
    assert (code, len(events), {event["event"] for event in events}) == (0, 50, {"loaded"})
    nginx.start()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client.context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
        client.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        client.context.minimum_version = client.context.maximum_version = version
        for host in HOSTS:
            assert client.certificate(host).public_key() == keys[host].public_key()
    assert client.certificate_spelled(f"{HOSTS[0]}.").public_key() == keys[HOSTS[0]].public_key()
    for other in ("unknown.example", "none", HOSTS[0].upper()):
        with pytest.raises(OSError):
            client.certificate_spelled(other)
    assert list((folder / "current" / "www").iterdir()) == [], "something is below NGINX's root"
    assert not [line for line in nginx.error_log().splitlines() if "[alert]" in line or "[emerg]" in line]


def test_no_set_yet(nginx, client):
    """NGINX runs before the agent: it looks for files of no name, and not in the root of the file system."""
    nginx.start()
    with pytest.raises(OSError):
        client.certificate("none")
    tried = [line for line in nginx.error_log().splitlines() if "cannot load certificate" in line]
    assert tried and all('"/run/kms-tls/none/www/../none.crt"' in line for line in tried), nginx.error_log()


def test_upper_case_with_a_server_of_its_own(agent, nginx, client, folder, keys):
    """As the sample says."""
    text = nginx.configuration.read_text()
    text = text.replace("server_name _;", f"server_name {HOSTS[3]};").replace("$tls_host.", "$server_name.")
    nginx.configuration.write_text(text)
    assert agent(*into(folder, *of(HOSTS[3])))[0] == 0
    nginx.start()
    for name in (HOSTS[3].upper(), HOSTS[3]):
        assert client.certificate_spelled(name).public_key() == keys[HOSTS[3]].public_key()


def test_replaced_under_traffic(agent_kms, agent, nginx, client, folder, keys, ca):
    """Key and certificate are replaced several times: every handshake of eight clients succeeds, without a reload, and
    each new certificate is served.
    """
    host = HOSTS[0]
    assert agent(*into(folder, *of(host)))[0] == 0
    nginx.start()
    failures, served, over = [], set(), threading.Event()

    def visit():
        while not over.is_set():
            try:
                served.add(client.certificate(host))
            except (OSError, AssertionError) as problem:
                failures.append(problem)

    crew = [threading.Thread(target=visit) for _ in range(8)]
    for member in crew:
        member.start()
    try:
        for _ in range(5):
            key = make_key()
            agent_kms.delete(f"{host}-key")
            agent_kms.delete(f"{host}-cert")
            certificate = agent_kms.bring(host, ca, key)
            code, events = agent(*into(folder, *of(host)))
            assert (code, events[0]["event"]) == (0, "loaded")
            wait_until(lambda: certificate in served, "the new certificate")
    finally:
        over.set()
        for member in crew:
            member.join()
        keys[host] = key
    assert failures == []
    assert len(served) == 6
    assert len(list((folder / "generations").iterdir())) == 1, "an older generation is left"


def test_ephemeral_certificates_under_traffic(agent_kms, agent, nginx, folder, tmp_path):
    """Certificates of eight seconds: openssl verifies chain and name, no client ever sees one that has ended."""
    host, ca = "ephemeral.example", make_ca("Ephemeral CA")
    middle = ca.intermediate("Intermediate CA")
    agent_kms.bring_key("ephemeral-ca", middle.key, exportable=False)
    agent_kms.bring_certificate("ephemeral-ca-cert", middle.certificate)
    agent_kms.kms.run_kmsctl("plugin", "install", "x509-ca", "--group", GROUP)
    agent.watch(
        "ephemeral", "--output", folder, "--group", "www-data", "--plugin", "x509-ca", "--host", host,
        "--issuer-key", "ephemeral-ca", "--issuer-certificate", "ephemeral-ca-cert", "--lifetime", "8", "--type", "ec",
    )  # fmt: skip
    agent.wait_for("loaded")
    nginx.start()
    ca_file = written(tmp_path / "root.pem", ca.pem)
    shown = run(
        "openssl", "s_client", "-connect", f"127.0.0.1:{nginx.port}", "-servername", host, "-CAfile", ca_file,
        "-verify_return_error", "-verify_hostname", host, "-showcerts",
    ).stdout.decode()  # fmt: skip
    assert "Verification: OK" in shown and f"Verified peername: {host}" in shown
    assert shown.count("-----BEGIN CERTIFICATE-----") == 2, "the intermediate CA is missing, or the root is there"
    client, served = Client(nginx.port, ca_file), []
    while len(served) < 2:
        leaf = client.certificate(host)
        if leaf not in served:
            served.append(leaf)
    assert agent.stop() == 0


def test_no_handshake_mixes_two_sets(agent, nginx, client, folder, keys, ca):
    """Two sets that take turns a thousand times a second. (Without the sample's map every fifth handshake fails.)"""
    host, key = HOSTS[7], make_key()
    agent(*into(folder, *of(host)))
    nginx.start()
    other = folder / "generations" / "other"
    shutil.copytree((folder / "current").resolve(), other)
    (other / f"{host}.key").write_bytes(key_der(key, Encoding.PEM))
    (other / f"{host}.crt").write_bytes(ca.issue(host, key).public_bytes(Encoding.PEM))
    run(*as_root(), "chgrp", "-R", "www-data", other)
    targets = [os.readlink(folder / "current"), "generations/other"]
    over, served, failures = threading.Event(), [], []

    def take_turns():
        while not over.wait(0.0005):
            targets.reverse()
            (folder / "new").symlink_to(targets[0])
            (folder / "new").rename(folder / "current")

    def visit():
        while not over.is_set():
            try:
                served.append(client.certificate(host).public_key())
            except (OSError, AssertionError) as problem:
                failures.append(problem)

    crew = [threading.Thread(target=work) for work in (take_turns, visit, visit)]
    for member in crew:
        member.start()
    try:
        wait_until(lambda: len(served) > 500 or failures, "500 handshakes")
    finally:
        over.set()
        for member in crew:
            member.join()
    assert failures == []
    assert key.public_key() in served and keys[host].public_key() in served


def test_end_in_the_middle(agent_kms, agent, folder, keys, ca, tmp_path):
    """However far it came when SIGTERM arrives: what is there is whole, and the next run finishes and cleans up."""
    file = hosts_file(tmp_path / "hosts.toml", HOSTS[1:])
    for patience in (0.1, 0.2, 0.3, 0.5):
        process = subprocess.Popen(
            [str(agent.binary), "agent", *map(str, into(folder, "--hosts-file", file))], env=agent.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(patience)
        process.terminate()
        # -SIGTERM: before the agent had begun.
        assert process.wait(timeout=60) in (0, 75, -signal.SIGTERM)
        for certificate in (folder / "current").glob("*.crt"):
            key = load_pem_private_key(certificate.with_suffix(".key").read_bytes(), None)
            assert x509.load_pem_x509_certificate(certificate.read_bytes()).public_key() == key.public_key()
    (folder / "generations").mkdir(parents=True, exist_ok=True)
    (folder / "generations" / "killed").mkdir()
    (folder / "generations" / "killed" / "left.key").write_text("left")
    agent_kms.replace_certificate(HOSTS[8], ca.issue(HOSTS[8], keys[HOSTS[8]]))
    assert agent(*into(folder, "--hosts-file", file))[0] == 0
    assert len(list((folder / "current").glob("*.crt"))) == 49
    assert len(list((folder / "generations").iterdir())) == 1


def test_dry_run_makes_no_folder(agent, folder, keys):
    code, events = agent(*into(folder, *of(HOSTS[9]), "--dry-run"))
    assert (code, events[0]["event"]) == (0, "would_load")
    assert not folder.exists()


def test_nobody_else_reads_the_keys(agent, folder, keys):
    agent(*into(folder, *of(HOSTS[1])))
    file = (folder / "current").resolve() / f"{HOSTS[1]}.key"
    assert file.stat().st_mode & 0o777 == 0o640 and folder.stat().st_mode & 0o777 == 0o750

    def read_as(user: str):
        switch = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        return run(*as_root(), *switch, "cat", file, check=False)

    assert read_as("www-data").returncode == 0
    assert "Permission denied" in output_of(read_as("games"))


def test_other_hosts_stay_and_withdrawn_ones_go(agent_kms, agent, folder, keys, ca, tmp_path):
    agent(*into(folder, *of(HOSTS[4])))
    first = (folder / "current" / f"{HOSTS[4]}.key").read_bytes()
    agent_kms.bring("going.example", ca, make_key())
    agent.watch(*into(folder, *of("going.example"), "--interval", "3600"))
    agent.wait_for("loaded")
    wait_until(lambda: len(list((folder / "generations").iterdir())) == 1, "the end of the older generation")
    assert (folder / "current" / f"{HOSTS[4]}.key").read_bytes() == first
    agent_kms.delete("going.example-key")
    agent.look_now()
    agent.wait_for("removed", host="going.example")
    names = {file.name for file in (folder / "current").iterdir()}
    assert names == {"www", f"{HOSTS[4]}.key", f"{HOSTS[4]}.crt"}


def test_two_agents_on_one_folder(agent, folder, keys):
    """Each brings another host at the same time; all are there afterwards."""
    results = []
    crew = [
        threading.Thread(target=lambda host=host: results.append(agent(*into(folder, *of(host)))[0]))
        for host in HOSTS[10:15]
    ]
    for member in crew:
        member.start()
    for member in crew:
        member.join()
    assert results == [0] * 5
    names = {file.name for file in (folder / "current").iterdir()}
    assert {f"{host}.key" for host in HOSTS[10:15]} <= names


def test_a_disk_is_refused(agent, keys, root, tmp_path):
    """Unless it is asked for."""
    places = [tmp_path, root / ".build"]
    kinds = [run("stat", "-f", "-c", "%T", place).stdout.decode().strip() for place in places]
    place = next(place for place, kind in zip(places, kinds) if kind != "tmpfs") / "agents-on-disk"
    try:
        code, events = agent("keyval", "--output", place, *of(HOSTS[5]))
        assert (code, events[0]["code"]) == (73, "cannot_create") and "is on a disk" in events[0]["message"]
        assert not place.exists()
        assert agent("keyval", "--output", place, *of(HOSTS[5]), "--dry-run") == (73, [{**events[0], "time": ANY}])
        assert agent("keyval", "--output", place, "--allow-disk", *of(HOSTS[5]))[0] == 0
        assert (place / "current" / f"{HOSTS[5]}.key").exists()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def test_somebody_elses_folder_is_refused(agent, keys, memory):
    """A link, or a folder of another user."""
    (memory / "real").mkdir()
    (memory / "link").symlink_to(memory / "real")
    os.chown(memory / "real", 65_534, 65_534)
    for name in ("link", "real"):
        code, events = agent("keyval", "--output", memory / name, *of(HOSTS[6]))
        assert (code, events[0]["code"]) == (73, "cannot_create"), events
    assert list((memory / "real").iterdir()) == []
