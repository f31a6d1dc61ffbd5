"""Signatures that are answered on the event loop: what a client sees is what it sees of any other request."""

import base64
import contextlib
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from processes import PATIENCE, wait_until
from wire import client_context, connect, exchange, request, statuses

SIGN = "/crypto/v1/sign"
CLOSE = "Connection: close"


@pytest.fixture(scope="module")
def kms(quiet_server):
    return quiet_server


@pytest.fixture(scope="module")
def token(kms) -> str:
    rest = kms.connect(f"Basic {kms.make_app('quick')}")
    token = rest.expect(200, "POST", "/sys/v1/session/auth").json()["access_token"]
    rest.close()
    return f"Bearer {token}"


@pytest.fixture(scope="module")
def keys(kms, token) -> dict[str, dict]:
    rest = kms.connect(token)
    made = {}
    for name, fields in {"ec": {"obj_type": "EC", "elliptic_curve": "NistP256"}, "rsa": {"obj_type": "RSA", "key_size": 2048}}.items():
        made[name] = rest.expect(201, "POST", "/crypto/v1/keys", {"name": name, **fields}).json()
        # From now on it is in memory.
        rest.expect(200, "POST", SIGN, body(made[name], b""))
    rest.close()
    return made


def body(key: dict, message: bytes) -> dict:
    return {"key": {"kid": key["kid"]}, "hash_alg": "SHA256", "hash": base64.b64encode(sha256(message).digest()).decode()}


def sign(token: str, key: dict, message: bytes, *headers: str, path: str = SIGN) -> bytes:
    return request("POST", path, token, json.dumps(body(key, message)).encode(), *headers)


def parts(answer: bytes) -> list[tuple[dict, dict]]:
    """Headers and JSON of each answer."""
    found = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
        length = int(headers["content-length"])
        found.append((headers, json.loads(rest[:length])))
        answer = rest[length:]
    return found


def verify(key: dict, message: bytes, answer: dict):
    public = serialization.load_der_public_key(base64.b64decode(key["pub_key"]))
    signature = base64.b64decode(answer["signature"])
    assert answer["kid"] == key["kid"]
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    else:
        public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


def read_answer(connection) -> bytes:
    """One whole answer, head and body."""
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer) < end_of_answer(answer):
        chunk = connection.recv(65_536)
        assert chunk, answer
        answer += chunk
    return answer


def end_of_answer(answer: bytes) -> int:
    head, separator, _ = answer.partition(b"\r\n\r\n")
    return len(head + separator) + int(re.search(rb"(?i)content-length: (\d+)", head)[1])


@pytest.mark.parametrize("name", ["ec", "rsa"])
def test_same_answer_as_the_long_way(kms, token, keys, name):
    """A query or "Connection: close" is enough to go the long way."""
    key = keys[name]
    with connect(kms) as connection:
        connection.sendall(sign(token, key, b"short"))
        ((short, signature),) = parts(read_answer(connection))
    verify(key, b"short", signature)
    ((long, signature),) = parts(exchange(kms, sign(token, key, b"long", CLOSE)))
    verify(key, b"long", signature)
    for headers in (short, long):
        assert re.fullmatch(r"[0-9a-f]{24,32}", headers.pop("x-request-id"))
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d gmt", headers.pop("date"))
        headers.pop("content-length")
    assert short == long == {"content-type": "application/json", "server": "kmsd"}


def test_the_path_may_name_the_key(kms, token, keys):
    with connect(kms) as connection:
        connection.sendall(sign(token, keys["ec"], b"path", path=f"/crypto/v1/keys/{keys['rsa']['kid'].upper()}/sign"))
        ((_, answer),) = parts(read_answer(connection))
    verify(keys["rsa"], b"path", answer)


def test_pipelined_requests_are_answered_in_order(kms, token, keys):
    """Quick ones, slow ones and those of the router in any order, all in one go."""
    order = ["ec", "rsa", "version", "ec", "ec", "none", "rsa", "version", "ec"] * 5
    everything = b""
    for number, name in enumerate(order):
        if name == "version":
            everything += request("GET", "/sys/v1/version")
        else:
            key = keys.get(name) or {"kid": "6b3b9a5a-0000-4000-8000-000000000000"}
            everything += sign(token, key, str(number).encode())
    answer = exchange(kms, everything + sign(token, keys["ec"], b"last", CLOSE))
    assert statuses(answer) == [404 if name == "none" else 200 for name in order] + [200]
    bodies = re.findall(rb"\r\n\r\n(\{.*?\}|sobject does not exist)(?=HTTP/1\.1|$)", answer, re.DOTALL)
    assert len(bodies) == len(order) + 1
    for number, (name, text) in enumerate(zip(order, bodies, strict=False)):
        if name in keys:
            verify(keys[name], str(number).encode(), json.loads(text))


@pytest.mark.parametrize("connections", [3, 24])
def test_requests_on_many_connections_at_once(kms, token, keys, connections):
    """Each has its own answer, whether its signature is made on the event loop or elsewhere, alone or with others."""
    rest = kms.connect(token)
    slow = rest.expect(201, "POST", "/crypto/v1/keys", {"name": f"slow {connections}", "obj_type": "RSA", "key_size": 3072}).json()
    rest.expect(200, "POST", SIGN, body(slow, b""))
    rest.close()
    order = [keys["ec"], keys["rsa"], slow, {"kid": "6b3b9a5a-0000-4000-8000-000000000000"}]
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(connect(kms)) for _ in range(connections)]
        for turn in range(8):
            asked = [order[(number + turn) % len(order)] for number in range(connections)]
            for number, (connection, key) in enumerate(zip(opened, asked, strict=True)):
                connection.sendall(sign(token, key, f"{turn} {number}".encode()))
            for number, (connection, key) in enumerate(zip(opened, asked, strict=True)):
                answer = read_answer(connection)
                if "pub_key" in key:
                    verify(key, f"{turn} {number}".encode(), parts(answer)[0][1])
                else:
                    assert statuses(answer) == [404]


def test_requests_in_small_pieces(kms, token, keys):
    with connect(kms) as connection:
        for byte in sign(token, keys["ec"], b"piece"):
            connection.sendall(bytes([byte]))
        ((_, answer),) = parts(read_answer(connection))
        verify(keys["ec"], b"piece", answer)


@pytest.mark.parametrize("name", ["ec", "rsa"])
def test_client_that_says_it_has_no_more_to_say(kms, token, keys, name):
    context = client_context(kms.ca_file)
    with connect(kms, context) as connection:
        connection.sendall(sign(token, keys[name], b"last"))
        ((_, answer),) = parts(read_answer(connection))
        verify(keys[name], b"last", answer)
        connection.sendall(sign(token, keys[name], b"half")[:-10])
        # What is cut off in the middle is never answered.
        connection.settimeout(PATIENCE)
        connection.shutdown(socket.SHUT_WR)
        assert b"200" not in connection.recv(65_536)


@pytest.mark.parametrize(
    "wrong,status",
    [({"hash": "AAAA"}, 400), ({"hash_alg": "NONE"}, 400), ({"mode": {"PKCS1_V15": {}}}, 400), ({"key": {"kid": "no"}}, 404),
     ({"more": 1}, 200), ({"key": {"name": "ec"}}, 200)],
)  # fmt: skip
def test_errors_are_those_of_the_long_way(kms, token, keys, wrong, status):
    text = json.dumps(body(keys["ec"], b"") | wrong).encode()
    answers = [exchange(kms, request("POST", SIGN + query, token, text) + request("GET", "/sys/v1/version", None, b"", CLOSE))
               for query in ("", "?long")]  # fmt: skip
    assert [statuses(answer) for answer in answers] == [[status, 200]] * 2
    if status != 200:
        short, long = (answer.partition(b"\r\n\r\n")[2].partition(b"HTTP/1.1")[0] for answer in answers)
        assert short == long


def test_rights_are_looked_up_each_time(kms, token, keys):
    """What an administrator changes counts from the next request on, also on a connection that is open."""
    admin = kms.admin_session()
    (group,) = [group for group in admin.expect(200, "GET", "/sys/v1/groups").json() if group["name"] == "quick"]
    app = [app for app in admin.expect(200, "GET", "/sys/v1/apps").json() if app["name"] == "quick"][0]["app_id"]

    def status(connection) -> int:
        connection.sendall(sign(token, keys["ec"], b"right"))
        return statuses(read_answer(connection))[0]

    with connect(kms) as connection:
        assert status(connection) == 200
        for change, undo in [
            (("PATCH", f"/sys/v1/apps/{app}", {"mod_groups": {group["group_id"]: ["VERIFY"]}}),
             ("PATCH", f"/sys/v1/apps/{app}", {"mod_groups": {group["group_id"]: ["SIGN", "VERIFY"]}})),
            (("PATCH", f"/crypto/v1/keys/{keys['ec']['kid']}", {"enabled": False}),
             ("PATCH", f"/crypto/v1/keys/{keys['ec']['kid']}", {"enabled": True})),
        ]:  # fmt: skip
            admin.expect(200, *change)
            assert status(connection) == 403
            admin.expect(200, *undo)
            assert status(connection) == 200


def test_every_signature_has_its_record(kms, token, keys):
    kid = keys["ec"]["kid"]
    query = "SELECT count(*) FROM audit WHERE object_id = ? AND record LIKE '% signed with %'"
    before = kms.sql(query, kid)[0]

    def many(number: int):
        with connect(kms) as connection:
            for turn in range(50):
                connection.sendall(sign(token, keys["ec"], f"{number} {turn}".encode()))
                read_answer(connection)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(many, range(8)))
    assert kms.sql(query, kid)[0] == before + 400
    (record,) = kms.sql("SELECT record FROM audit WHERE object_id = ? ORDER BY sequence DESC LIMIT 1", kid)
    record = json.loads(record)
    assert record["client_ip"] == "127.0.0.1" and record["message"] == 'App "quick" signed with "ec" (ECDSA SHA256)'
    assert 0 < record["response_time"]["nanos"] < 1_000_000_000 and record["outcome"] == "success"


def test_a_request_under_way_is_answered_before_a_stop(kms, token, keys):
    with connect(kms) as connection:
        connection.sendall(sign(token, keys["ec"], b"before"))
        read_answer(connection)
        whole = sign(token, keys["ec"], b"stop")
        connection.sendall(whole[:-10])
        wait_until(lambda: "kmsd_requests_in_flight 2" in metrics(kms), "the request")
        with ThreadPoolExecutor(1) as pool:
            stopped = pool.submit(kms.stop)
            wait_until(lambda: "stopping" in kms.log.read_text() or stopped.done(), "the stop")
            connection.sendall(whole[-10:])
            ((_, answer),) = parts(read_answer(connection))
            assert stopped.result() == 0
    verify(keys["ec"], b"stop", answer)
    kms.start()


def metrics(kms) -> str:
    return kms.admin_session().expect(200, "GET", "/metrics").text
