"""HTTP that nobody should send: it is refused or understood in the one way it can be, and never a reason for a 5xx."""

import json
import random

import pytest
from wire import client_context, connect, exchange, read_all, request, statuses

VERSION = "/sys/v1/version"
DIGEST = "/crypto/v1/digest"
BODY = b'{"alg":"SHA256","data":"AAAA"}'
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLOSE = "Connection: close"


@pytest.fixture(scope="module")
def context(server):
    return client_context(server.ca_file)


def post(app, body: bytes, *headers: str) -> bytes:
    return request("POST", DIGEST, app.authorization, body, CLOSE, *headers)


@pytest.mark.parametrize(
    "headers,body",
    [
        (["Content-Length: 30", "Transfer-Encoding: chunked"], CHUNKED),
        (["Transfer-Encoding: chunked", "Content-Length: 4"], CHUNKED + HIDDEN),
        (["Content-Length: 30", "Content-Length: 31"], BODY + HIDDEN),
        (["Content-Length: 30, 30"], BODY),
        (["Content-Length: +30"], BODY),
        (["Content-Length: 0x1e"], BODY),
        (["Content-Length: 3 0"], BODY),
        (["Content-Length: 99999999999999999999"], BODY),
        (["Transfer-Encoding: chunked, identity"], CHUNKED),
        (["Transfer-Encoding: xchunked"], CHUNKED),
        (["Transfer-Encoding : chunked"], CHUNKED),
        (["Transfer-Encoding:\x0bchunked"], CHUNKED),
        (["Transfer-Encoding: chunked"], b"1e \x00\r\n" + BODY + b"\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"0x1e\r\n" + BODY + b"\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"-1e\r\n" + BODY + b"\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"ffffffffffffffffff\r\n" + BODY),
        (["Transfer-Encoding: chunked"], b"2\r\n" + BODY + b"\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"1e\n" + BODY + b"\n0\n\n"),
        (["X: a\x00b"], BODY),
        (["X: a\rb"], BODY),
        (["X y: z"], BODY),
        (["X: a", " folded"], BODY),
        ([": nameless"], BODY),
    ],
)  # fmt: skip
def test_ambiguous_framing(server, app, context, headers, body):
    """One answer at most, and none to what hides behind the body."""
    answer = exchange(server, post(app, body, *headers), context)
    assert statuses(answer) in ([400], [200], []), answer
    assert b"/hidden" not in answer
    if not statuses(answer) == [200]:
        return
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1].splitlines()[-1])["digest"]


@pytest.mark.parametrize(
    "line,expected",
    [
        (f"GET https://localhost{VERSION} HTTP/1.1", {200}),
        (f"GET https://elsewhere{VERSION} HTTP/1.1", {200, 400}),
        ("GET /sys/v1/groups/../version HTTP/1.1", {404, 401}),
        ("GET /sys/v1/../../etc/passwd HTTP/1.1", {404}),
        ("GET /sys%2fv1%2fversion HTTP/1.1", {404}),
        ("GET /sys/v1/version%00 HTTP/1.1", {404, 400}),
        ("GET /sys/v1/%ff%fe HTTP/1.1", {404, 400}),
        ("GET /sys/v1/version%zz HTTP/1.1", {404, 400}),
        ("GET //sys//v1//version HTTP/1.1", {200, 404}),
        (f"GET {VERSION}#fragment HTTP/1.1", {200, 400, 404}),
        (f"GET {VERSION}?%00=%00&a=b HTTP/1.1", {200}),
        ("GET * HTTP/1.1", {400, 404}),
        ("OPTIONS * HTTP/1.1", {400, 404, 405}),
        ("CONNECT localhost:1 HTTP/1.1", {400, 404, 405}),
        ("GET  HTTP/1.1", {400}),
        (f"GET {VERSION}", {400}),
        (f"GET {VERSION} HTTP/1.0", {200}),
        (f"GET {VERSION} HTTP/2.0", {400}),
        (f"GET {VERSION} HTTP/1.1 x", {400}),
        (f"get {VERSION} HTTP/1.1", {400, 404, 405}),
        (f"BREW {VERSION} HTTP/1.1", {400, 404, 405}),
        ("TRACE / HTTP/1.1", {400, 404, 405}),
        ("PRI * HTTP/2.0", {400}),
        (f"GET {VERSION}\x00 HTTP/1.1", {400, 404}),
        ("GET /" + "a" * 60_000 + " HTTP/1.1", {400, 404, 414}),
    ],
)
def test_request_lines(server, context, line, expected):
    answer = exchange(server, f"{line}\r\nHost: localhost\r\n{CLOSE}\r\n\r\n".encode("latin-1"), context)
    assert statuses(answer) in [[status] for status in expected] or (answer == b"" and 400 in expected), answer


@pytest.mark.parametrize("kind", ["", "text/plain", "application/xml", "application/x-www-form-urlencoded", "\xff", "a" * 9_000])
def test_content_types(server, app, context, kind):
    """The content type does not matter: clients send odd ones. What it names is not tried."""
    answer = exchange(server, post(app, BODY, f"Content-Type: {kind}"), context)
    assert statuses(answer) == [200], answer
    form = exchange(server, post(app, b"alg=SHA256&data=AAAA", f"Content-Type: {kind}"), context)
    assert statuses(form) == [400] and b"not valid JSON" in form
    assert b"application/json" in answer and b"text/plain" in form


def test_compressed_bodies_are_not_unpacked(server, app, context):
    """A few bytes that would become gigabytes."""
    answer = exchange(server, post(app, b"\x1f\x8b\x08" + bytes(64), "Content-Encoding: gzip"), context)
    assert statuses(answer) == [400]


def test_header_floods(server, context):
    for headers in (["X: y"] * 101, [f"X{number}: {'y' * 1_000}" for number in range(60)], ["X: " + "y" * 20_000]):
        answer = exchange(server, request("GET", VERSION, None, b"", CLOSE, *headers), context)
        assert statuses(answer) in ([400], [431], []), answer[:200]
    assert statuses(exchange(server, request("GET", VERSION, None, b"", CLOSE, *["X: y"] * 90), context)) == [200]


def test_pipelined_requests_are_answered_in_order(server, app, context):
    paths = [VERSION, "/nothing", VERSION, DIGEST] * 20
    sent = b"".join(request("GET", path, app.authorization) for path in paths)
    answer = exchange(server, sent + request("GET", VERSION, None, b"", CLOSE), context)
    assert statuses(answer) == [200, 404, 200, 405] * 20 + [200]


def answer_so_far(server, data: bytes, context) -> bytes:
    with connect(server, context) as connection:
        connection.sendall(data)
        connection.settimeout(0.2)
        try:
            return read_all(connection)
        except TimeoutError:
            return b""


def test_mutated_requests(server, app, context):
    """A valid request with some bytes changed, left out, put in or doubled: an answer below 500 or none."""
    dice = random.Random(4)
    valid = request("POST", DIGEST, app.authorization, BODY, CLOSE)
    odd = [b"\x00", b"\r\n", b"\n", b" ", b":", b"\xff", b"%", b"\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"]
    seen = set()
    for _ in range(120):
        data = valid
        for _ in range(dice.randint(1, 4)):
            place, length = dice.randrange(len(data)), dice.randint(1, 8)
            middle = dice.choice([b"", dice.choice(odd), dice.randbytes(length), data[place : place + length] * 2])
            data = data[:place] + middle + data[place + dice.choice([0, length]) :]
        # Some are the beginning of a longer request, and the server waits for the rest.
        answer = answer_so_far(server, data, context)
        seen |= set(statuses(answer))
        assert not any(status >= 500 for status in statuses(answer)), (data, answer)
    assert {200, 400, 401} <= seen
    assert " error kmsd" not in server.log.read_text()
