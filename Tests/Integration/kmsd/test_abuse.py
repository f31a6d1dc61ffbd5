"""Clients that take and give nothing: kmsd keeps its memory, and serves the others meanwhile."""

import contextlib
import json
import resource
import socket
import ssl
import struct
import time

import pytest
from processes import PATIENCE, wait_until
from wire import client_context, connect, connect_many, connect_plain, read_all, request, statuses

MIB = 1_048_576
VERSION = "/sys/v1/version"
SIGN = "/crypto/v1/sign"
BODY = json.dumps({"key": {"name": "ec"}, "hash_alg": "SHA256", "data": "AAAA"}).encode()

CONNECTIONS = 10_000
# Of those, so many with TLS established.
SECURE = 400
# How much memory abuse may cost. What was freed stays with the allocator for the next time.
BOUND = CONNECTIONS * 48 * 1024


@pytest.fixture(scope="module")
def victim(new_module_kms):
    """A kmsd that logs little, with an app whose key signs."""
    kms = new_module_kms("victim")
    kms.start()
    kms.app = kms.connect(f"Basic {kms.make_app('app')}")
    kms.app.expect(201, "POST", "/crypto/v1/keys", {"name": "ec", "obj_type": "EC", "elliptic_curve": "NistP256"})
    # Whose list is a megabyte.
    metadata = {f"field {number}": "m" * 4_000 for number in range(60)}
    for number in range(4):
        body = {"name": f"large {number}", "obj_type": "AES", "key_size": 128, "custom_metadata": metadata}
        kms.app.expect(201, "POST", "/crypto/v1/keys", body)
    kms.context = client_context(kms.ca_file)
    kms.rest = kms.resident_bytes()
    # The database may open some more.
    kms.files = kms.open_files() + 30
    return kms


@pytest.fixture(autouse=True)
def recovery(victim):
    """After each test the server has let go of everything."""
    yield
    wait_until(lambda: victim.open_files() <= victim.files, "the end of the connections")
    assert victim.resident_bytes() - victim.rest < BOUND
    assert " error kmsd" not in victim.log.read_text()


def serves(victim):
    """Somebody else, on a connection that was there before and on a new one, gets answers."""
    begin = time.monotonic()
    victim.app.expect(200, "POST", SIGN, json.loads(BODY))
    other = victim.connect()
    other.expect(200, "GET", VERSION)
    other.close()
    assert time.monotonic() - begin < PATIENCE / 2


def close_all(connections):
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.close()


def vanish(connection: socket.socket):
    """Closes with a reset, as if the machine were gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.fixture
def many_files():
    """Leave to open enough connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CONNECTIONS + 1_000
    if before[1] != resource.RLIM_INFINITY and before[1] < needed:
        pytest.fail(f"The limit of open files is {before[1]}: run the tests with ulimit -Hn {needed} or more.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_idle_connections(victim, many_files):
    """Ten thousand connections that do nothing, some hundreds of them with TLS established."""
    before = victim.resident_bytes()
    held = []
    try:
        held += connect_many(victim.port, CONNECTIONS - SECURE)
        wait_until(lambda: victim.open_files() > CONNECTIONS - SECURE, "the plain connections")
        plain = victim.resident_bytes()
        held += [connect(victim, victim.context) for _ in range(SECURE)]
        serves(victim)
        wait_until(lambda: victim.open_files() > CONNECTIONS, "all connections")
        serves(victim)
        after = victim.resident_bytes()
    finally:
        close_all(held)
    print(f"{(plain - before) // (CONNECTIONS - SECURE)} bytes for an idle connection, "
          f"{(after - plain) // SECURE} more for one with TLS")  # fmt: skip
    assert after - before < BOUND
    serves(victim)


def loris(victim, kind: int) -> tuple[socket.socket, bytes]:
    """A connection and the bytes that it will send one by one."""
    if kind == 0:
        hello = ssl.MemoryBIO()
        handshake = victim.context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
        with contextlib.suppress(ssl.SSLWantReadError):
            handshake.do_handshake()
        return connect_plain(victim.port), hello.read()
    connection = connect(victim, victim.context)
    head = request("POST", SIGN, victim.app.authorization, b"", "Content-Length: 1000")
    if kind == 1:
        return connection, head
    connection.sendall(head)
    return connection, BODY


def test_slow_loris(victim):
    """Hundreds of connections that send a byte now and then: of the handshake, of headers, of a body."""
    crew = [loris(victim, number % 3) for number in range(240)]
    try:
        for index in range(12):
            for connection, data in crew:
                connection.sendall(data[index : index + 1])
            serves(victim)
        assert victim.resident_bytes() - victim.rest < BOUND
    finally:
        close_all(connection for connection, _ in crew)


@pytest.mark.soak
def test_slow_loris_is_cut_off(victim):
    """Handshake and headers must be there after 30 seconds, a body after 60."""
    crew = [loris(victim, number % 3) for number in range(60)]
    end = time.monotonic() + 80
    gone = set()
    index = 0
    while len(gone) < len(crew) and time.monotonic() < end:
        for number, (connection, data) in enumerate(crew):
            try:
                connection.sendall(data[index : index + 1] or b" ")
            except OSError:
                gone.add(number)
        index += 1
        serves(victim)
        time.sleep(1)
    close_all(connection for connection, _ in crew)
    assert len(gone) == len(crew)


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("target", ["POST " + SIGN, "POST /nothing", "GET " + VERSION, "POST without credential"])
def test_gigabyte_body(victim, framing, target):
    """The refusal comes early, and the server does not take the whole body."""
    method, path = target.split(" ", 1)
    credential = victim.app.authorization
    if "credential" in path:
        path, credential = SIGN, None
    block = b"a" * 65_536
    if framing == "length":
        head, part = request(method, path, credential, b"", f"Content-Length: {1024 * MIB}"), block
    else:
        head, part = request(method, path, credential, b"", "Transfer-Encoding: chunked"), b"10000\r\n%s\r\n" % block
    sent = 0
    with connect(victim, victim.context) as connection:
        connection.sendall(head)
        for _ in range(20):
            connection.sendall(part)
        answer = connection.recv(4_096)
        expected = {"POST " + SIGN: 413, "POST /nothing": 404, "GET " + VERSION: 200}.get(target, 401)
        assert statuses(answer) == [expected], answer
        with contextlib.suppress(OSError):
            while sent < 1024 * MIB:
                connection.sendall(part)
                sent += len(part)
    assert sent < 64 * MIB, "the server goes on reading"
    serves(victim)


def test_answers_that_nobody_reads(victim):
    """Requests without end on connections whose answers are not taken: the server stops reading them."""
    many = request("GET", "/crypto/v1/keys?limit=1000", victim.app.authorization) * 200
    held = [connect(victim, victim.context, buffer=4_096) for _ in range(40)]
    sent = 0
    try:
        for connection in held:
            connection.setblocking(False)
        for _ in range(10):
            for connection in held:
                with contextlib.suppress(ssl.SSLWantWriteError, BlockingIOError):
                    for _ in range(50):
                        sent += connection.send(many)
            serves(victim)
        assert sent < 40 * 16 * MIB
        assert victim.resident_bytes() - victim.rest < BOUND
    finally:
        for connection in held:
            vanish(connection)


@pytest.mark.soak
def test_unread_answers_are_cut_off(victim):
    """Who takes nothing of an answer for 60 seconds is disconnected."""
    held = [connect(victim, victim.context, buffer=4_096) for _ in range(60)]
    for connection in held:
        connection.sendall(request("GET", "/crypto/v1/keys", victim.app.authorization) * 50)
    assert victim.open_files() > victim.files
    wait_until(lambda: victim.open_files() <= victim.files, "their end", timeout=100, interval=1)
    close_all(held)


def test_batch_of_large_answers(victim):
    """A small request whose answer would fill the memory: lists of keys with much metadata, a hundred times."""
    item = {"SingleItem": {"method": "GET", "operation": "/crypto/v1/keys"}}
    batch = {"Batch": {"batch_execution_type": "Unordered", "items": [item] * 100}}
    answer = victim.app.expect(200, "POST", "/batch/v1", batch).json()
    results = [outcome["SingleItem"]["Result"] for outcome in answer["Batch"]["items"]]
    done = [result["status"] for result in results].count(200)
    assert 4 < done < 20
    assert [result["status"] for result in results[done:]] == [413] * (100 - done)
    assert "8 MiB" in results[-1]["body"]
    assert victim.resident_bytes() - victim.rest < BOUND


def test_clients_that_vanish(victim):
    """At every point of an exchange, with a reset and without."""
    whole = request("POST", SIGN, victim.app.authorization, BODY)
    for number in range(200):
        if number % 4 == 0:
            connection = connect_plain(victim.port)
            connection.sendall(loris(victim, 0)[1][: number * 3])
        else:
            connection = connect(victim, victim.context)
            connection.sendall(whole[: len(whole) * number // 190])
        if number % 2:
            vanish(connection)
        else:
            connection.close()
    serves(victim)


def test_half_closed_connections(victim):
    """A client that sends no more after its request may still get the answer; one in the middle of it gets none."""
    whole = request("POST", SIGN, victim.app.authorization, BODY)
    for data, expected in ((whole, ([200], [])), (whole[:-5], ([], [400]))):
        for _ in range(20):
            with connect(victim, victim.context) as connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                assert statuses(read_all(connection)) in expected
    serves(victim)
