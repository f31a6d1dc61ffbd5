"""kmsd as a service: limits, metrics, signals, systemd, logs."""

import json
import os
import re
import signal
import socket
import ssl
import threading
import time
import urllib.request
from contextlib import ExitStack, suppress

import pytest
from certificates import make_rsa_key, public_half
from processes import free_port, is_listening, wait_until
from prometheus_client.parser import text_string_to_metric_families

READY = "/sys/v1/health/ready"
KEYS = "/crypto/v1/keys"


def connect(kms, stack: ExitStack, tls: bool = True, source: str = "127.0.0.1"):
    plain = stack.enter_context(socket.create_connection(("127.0.0.1", kms.port), 30, source_address=(source, 0)))
    if not tls:
        return plain
    context = ssl.create_default_context(cafile=kms.ca_file)
    return stack.enter_context(context.wrap_socket(plain, server_hostname="127.0.0.1"))


def is_closed(connection) -> bool:
    """Whether the server ends the connection within 20 s, without an answer."""
    connection.settimeout(20)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def metrics(kms) -> dict[str, dict[tuple, float]]:
    """Samples by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{kms.metrics_port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type != "unknown"
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def value(kms, name: str, **labels) -> float:
    return metrics(kms).get(name, {}).get(tuple(sorted(labels.items())), 0)


@pytest.fixture
def start(new_kms):
    """Starts a server with settings of its own."""

    def start(**variables):
        kms = new_kms()
        kms.metrics_port = free_port()
        kms.environment = {"KMSD_METRICS_LISTEN": f"127.0.0.1:{kms.metrics_port}"} | {
            f"KMSD_{name.upper()}": str(setting) for name, setting in variables.items()
        }
        kms.start()
        return kms

    return start


# --- Limits


def test_slow_handshakes_and_heads(start):
    kms = start(limits_handshake_seconds=1, limits_head_seconds=2, limits_body_seconds=1, limits_idle_seconds=2)
    with ExitStack() as stack:
        silent = connect(kms, stack, tls=False)
        half = connect(kms, stack, tls=False)
        half.sendall(bytes.fromhex("160301020001"))
        no_request = connect(kms, stack)
        slow_head = connect(kms, stack)
        slow_head.sendall(b"GET /sys/v1/version HTTP/1.1\r\nHost: a\r\n")
        slow_body = connect(kms, stack)
        slow_body.sendall(b"POST /sys/v1/session/auth HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        begin = time.monotonic()
        # A byte now and then does not help: the time counts from the beginning.
        for _ in range(4):
            time.sleep(0.4)
            slow_head.sendall(b"X: y\r\n")
        assert is_closed(silent) and is_closed(half)
        assert value(kms, "kmsd_handshake_timeouts_total") == 2
        assert time.monotonic() - begin < 10
        for connection in (no_request, slow_head):
            assert is_closed(connection)
        # It is told that a credential is missing, and dropped when the body does not end.
        assert slow_body.recv(12) == b"HTTP/1.1 401"
        slow_body.settimeout(20)
        with suppress(OSError):
            while slow_body.recv(4096):
                pass
        idle = connect(kms, stack)
        idle.sendall(b"GET /sys/v1/version HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        idle.settimeout(20)
        with suppress(OSError):
            while idle.recv(4096):
                pass


def test_size_limits(start, rest_client):
    kms = start(limits_body_bytes=2048, limits_header_field_bytes=1024, limits_header_count=20)
    rest = rest_client(kms, f"Basic {kms.make_app('app')}")
    rest.expect(400, "POST", "/crypto/v1/sign", b" " * 2048)
    assert "2048" in rest.expect(413, "POST", "/crypto/v1/sign", b" " * 2049).text
    for headers in ({"X": "y" * 2000}, {f"X{number}": "y" for number in range(30)}):
        assert rest_client(kms).ask("GET", "/sys/v1/version", headers=headers).status == 400
    rest.expect(200, "GET", "/sys/v1/version")
    rest.close()


def test_request_limit(start, rest_client):
    """One more than the limit is refused at once, with the time to wait; the others are answered."""
    kms = start(limits_requests=1)
    app = f"Basic {kms.make_app('app')}"
    slow = rest_client(kms, app)
    done = []
    worker = threading.Thread(
        target=lambda: done.append(
            slow.ask("POST", KEYS, {"name": "slow", "obj_type": "RSA", "key_size": 4096, "transient": True}).status
        )
    )
    other = rest_client(kms, app)
    other.expect(200, "GET", "/sys/v1/version")
    for number in range(20):
        worker.start()
        answers = []
        while worker.is_alive():
            answers.append(other.ask("GET", "/sys/v1/version"))
        worker.join()
        refused = [answer for answer in answers if answer.status == 503]
        if refused:
            break
        worker = threading.Thread(target=worker._target)
    assert refused and refused[0].headers["Retry-After"] == "1" and "1 requests already" in refused[0].text
    assert set(done) <= {201, 503} and 201 in done
    assert value(kms, "kmsd_requests_refused_total") >= len(refused)
    slow.close()
    other.close()


def test_connection_limits(start, rest_client):
    """Who opens connections and says nothing loses the oldest of them, and keeps nobody out."""
    kms = start(limits_connections=8, limits_connections_per_address=6)
    with ExitStack() as stack:
        held = [connect(kms, stack) for _ in range(6)]
        rest = rest_client(kms)
        for _ in range(3):
            rest.expect(200, "GET", "/sys/v1/version")
        assert is_closed(held[0])
        elsewhere = [connect(kms, stack, source="127.0.0.2") for _ in range(6)]
        rest.expect(200, "GET", "/sys/v1/version")
        found = metrics(kms)
        assert found["kmsd_connections"][()] <= 8
        assert found["kmsd_connections_evicted_total"][()] >= 5
        assert found["kmsd_connections_refused_total"][()] == 0
        elsewhere[-1].sendall(b"GET /sys/v1/version HTTP/1.1\r\nHost: a\r\n\r\n")
        assert elsewhere[-1].recv(12) == b"HTTP/1.1 200"
        rest.close()


def test_login_limits(start, rest_client):
    kms = start(limits_login_failures=2, limits_login_wait_seconds=1)
    rest = rest_client(kms, "Basic YWRtaW5AbG9jYWxob3N0Ong=")
    statuses = [rest.ask("POST", "/sys/v1/session/auth").status for _ in range(2)]
    assert statuses == [401, 401]
    refused = rest.ask("POST", "/sys/v1/session/auth")
    assert refused.status == 429 and refused.headers["Retry-After"] == "1"
    wait_until(lambda: rest.ask("POST", "/sys/v1/session/auth").status == 401, "the end of the wait")
    assert value(kms, "kmsd_logins_total", outcome="throttled") >= 1
    assert value(kms, "kmsd_logins_total", outcome="failed") == 3
    rest.close()


# --- Metrics and readiness


def test_metrics(start, rest_client):
    kms = start()
    key = kms.make_app("app")
    app = rest_client(kms, f"Basic {key}")
    app.expect(201, "POST", KEYS, {"name": "secret-name", "obj_type": "EC", "elliptic_curve": "NistP256"})
    for _ in range(5):
        app.expect(200, "POST", "/crypto/v1/sign", {"key": {"name": "secret-name"}, "hash_alg": "SHA256", "data": "AAAA"})
    found = metrics(kms)
    sign = (("method", "POST"), ("route", "/crypto/v1/sign"), ("status", "2xx"))
    assert found["kmsd_requests_total"][sign] == 5
    assert found["kmsd_crypto_operations_total"][(("algorithm", "ECDSA SHA256"), ("operation", "sign"))] == 5
    buckets = found["kmsd_request_duration_seconds_bucket"]
    assert buckets[(("le", "+Inf"),)] == found["kmsd_request_duration_seconds_count"][()] >= 6
    assert found["kmsd_request_duration_seconds_sum"][()] > 0
    assert found["kmsd_audit_batch_records_count"][()] >= 1
    assert found["kmsd_database_bytes"][()] > 10_000 and found["kmsd_audit_records"][()] > 6
    assert found["kmsd_ready"][()] == 1 and found["kmsd_requests_in_flight"][()] >= 1
    assert found["process_resident_memory_bytes"][()] > 1_000_000 and found["process_open_fds"][()] > 5
    assert found["process_cpu_seconds_total"][()] > 0
    assert abs(found["process_start_time_seconds"][()] - time.time()) < 600
    # The same from the API, with the API key as Prometheus sends it; and no name or id in it.
    text = app.expect(200, "GET", "/metrics").text
    assert "secret-name" not in text and re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text) is None
    assert rest_client(kms).ask("GET", "/metrics").status == 401
    assert list(text_string_to_metric_families(text))
    app.close()


def test_manual_page_names_every_metric(start, root):
    kms = start()
    page = (root / "pkcs11-conf/man/kmsd.8").read_text()
    with urllib.request.urlopen(f"http://127.0.0.1:{kms.metrics_port}/metrics", timeout=30) as answer:
        names = re.findall(r"^# TYPE (\S+)", answer.read().decode(), re.MULTILINE)
    assert len(names) > 20
    assert [name for name in names if name not in page] == []


def test_public_metrics_and_readiness(start, rest_client):
    kms = start(metrics_public="true")
    rest = rest_client(kms)
    assert "kmsd_build_info" in rest.expect(200, "GET", "/metrics").text
    rest.expect(204, "GET", READY)
    with urllib.request.urlopen(f"http://127.0.0.1:{kms.metrics_port}{READY}", timeout=30) as answer:
        assert answer.status == 204
    rest.close()


def test_several_addresses(start):
    kms = start()
    kms.stop()
    other = free_port()
    kms.arguments = ["--listen", f"127.0.0.1:{other}"]
    kms.start()
    assert is_listening(kms.port) and is_listening(other)
    assert f"kmsd: listening on https://127.0.0.1:{other}\n" in kms.log.read_text()
    assert kms.stop() == 0


# --- Signals


def test_stop_finishes_requests(start, rest_client):
    """A slow request is answered; nobody new is let in; the answer says that the connection ends."""
    kms = start(limits_stop_seconds=60)
    app = f"Basic {kms.make_app('app')}"
    answers = []

    def make(number):
        rest = rest_client(kms, app)
        # Whose request comes after the signal finds the connection closed.
        with suppress(OSError):
            rest.expect(200, "GET", "/sys/v1/version")
            answers.append(rest.ask("POST", KEYS, {"name": f"slow{number}", "obj_type": "RSA", "key_size": 4096}))

    workers = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    # The metrics listener, which is the last to stop, is asked itself: its own request counts.
    def under_way():
        return (count := value(kms, "kmsd_requests_in_flight") - 1) >= 2 and count

    count = wait_until(under_way, "requests under way", interval=0.001)
    kms._service.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not is_listening(kms.port), "the end of listening")
    assert kms.stop(0) == 0
    for worker in workers:
        worker.join()
    assert len(answers) >= count
    assert [answer.status for answer in answers] == [201] * len(answers)
    assert sum(answer.headers.get("Connection", "").lower() == "close" for answer in answers) >= 1
    log = kms.log.read_text()
    assert re.search(r" notice kmsd: stopping reason=\S*(TERM|15)", log), log
    assert " notice kmsd: stopped" in log


@pytest.mark.parametrize("how", ["second signal", "deadline"])
def test_stop_does_not_wait_for_ever(start, rest_client, how):
    kms = start(limits_stop_seconds=2 if how == "deadline" else 600)
    app = f"Basic {kms.make_app('app')}"
    with ExitStack() as stack:
        hanging = connect(kms, stack)
        head = f"POST /crypto/v1/sign HTTP/1.1\r\nHost: a\r\nAuthorization: {app}\r\nContent-Length: 100\r\n\r\n{{"
        hanging.sendall(head.encode())
        wait_until(lambda: value(kms, "kmsd_requests_in_flight") >= 2, "the request")
        kms._service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "kmsd: stopping" in kms.log.read_text(), "the beginning of the end")
        begin = time.monotonic()
        assert kms.stop(signal.SIGTERM if how == "second signal" else 0) == 0
        assert time.monotonic() - begin < 15
    assert "ending without the requests under way" in kms.log.read_text()


def test_reload(start, authority, tmp_path):
    """SIGHUP takes a new certificate for new connections, and keeps the old one when the new one is no good."""
    kms = start()
    kms.stop()
    key = make_rsa_key(tmp_path / "server.pem")
    files = tmp_path / "current.pem", tmp_path / "current.key"

    def install(name: str):
        certificate = authority.issue(public_half(key), name, host="localhost")
        files[0].write_bytes(certificate.read_bytes())
        files[1].write_bytes(key.read_bytes())

    def connected(stack):
        context = ssl.create_default_context(cafile=authority.certificate)
        plain = stack.enter_context(socket.create_connection(("127.0.0.1", kms.port), 30))
        return stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))

    def serial() -> str:
        with ExitStack() as stack:
            return connected(stack).getpeercert()["serialNumber"]

    def ask(connection):
        connection.sendall(b"GET /sys/v1/version HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200")

    def hang_up(line: str):
        count = kms.log.read_text().count(line)
        kms._service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: kms.log.read_text().count(line) > count, line)

    install("first")
    configuration = tmp_path / "kmsd.conf"
    configuration.write_text(f'[tls]\ncertificate = "{files[0]}"\nkey = "{files[1]}"\n')
    kms.arguments = ["--config", configuration]
    kms.start()
    with ExitStack() as stack:
        old = connected(stack)
        ask(old)
        first = serial()
        install("second")
        assert serial() == first
        hang_up("reloaded the TLS certificate")
        second = serial()
        assert second != first
        files[0].write_text("nonsense")
        hang_up("the TLS certificate stays as it is")
        assert "no certificate in PEM" in kms.log.read_text()
        assert serial() == second
        assert " debug kmsd: request" not in kms.log.read_text()
        install("third")
        configuration.write_text(configuration.read_text() + '[log]\nlevel = "debug"\n')
        hang_up("reloaded the TLS certificate")
        # The first connection has lived through all that.
        ask(old)
        wait_until(lambda: " debug kmsd: request" in kms.log.read_text(), "the new log level")
        configuration.write_text("[log]\nlevel = 5\n")
        hang_up("the log level stays as it is")


# --- systemd


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_systemd_notification(new_kms, tmp_path, kind):
    name = str(tmp_path / "notify") if kind == "path" else f"@kmsd-test-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name if kind == "path" else "\0" + name[1:])
        manager.settimeout(60)

        def expect(line: str) -> list[str]:
            while True:
                lines = manager.recv(4096).decode().splitlines()
                if line in lines:
                    return lines

        kms = new_kms()
        kms.environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"}
        kms.start()
        assert any(line.startswith("STATUS=Serving on https://127.0.0.1:") for line in expect("READY=1"))
        for _ in range(3):
            expect("WATCHDOG=1")
        assert kms.stop() == 0
        expect("STOPPING=1")


# --- Logs


def test_json_log(start, rest_client):
    kms = start(log_format="json", log_level="debug")
    rest = rest_client(kms)
    answer = rest.expect(200, "GET", "/sys/v1/version?token=secret")
    rest.close()
    assert kms.stop() == 0
    events = [json.loads(line) for line in kms.log.read_text().splitlines() if line.startswith("{")]
    (started,) = [event for event in events if event["message"] == "started"]
    assert started["data"] == str(kms.data) and started["version"] and started["listen"] == kms.url
    (request,) = [event for event in events if event.get("route") == "/sys/v1/version"]
    assert request["request_id"] == answer.headers["x-request-id"]
    assert (request["method"], request["status"], request["path"]) == ("GET", "200", "/sys/v1/version")
    assert events[-1]["message"] == "stopped"
    assert "secret" not in kms.log.read_text()
