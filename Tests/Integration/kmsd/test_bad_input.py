"""Whatever is sent, kmsd answers 4xx with a sentence and goes on."""

import base64
import json
import os
import socket
import ssl

import pytest

HASH = base64.b64encode(bytes(32)).decode()
NO_KID = "00000000-0000-4000-8000-000000000000"
KEYS = "/crypto/v1/keys"
SIGN = "/crypto/v1/sign"


@pytest.fixture(scope="module", autouse=True)
def keys(app):
    app.expect(201, "POST", KEYS, {"name": "rsa", "obj_type": "RSA", "key_size": 2048})
    app.expect(201, "POST", KEYS, {"name": "ec", "obj_type": "EC", "elliptic_curve": "NistP256"})


def sign(**changes):
    return {"key": {"name": "rsa"}, "hash_alg": "SHA256", "hash": HASH} | changes


TABLE = [
    # What is not JSON, or not the JSON that is wanted.
    ("POST", SIGN, b"", 400, "empty"),
    ("POST", SIGN, b"{", 400, "not valid JSON"),
    ("POST", SIGN, b"hash=AAAA", 400, "not valid JSON"),
    ("POST", SIGN, b"\xff\xfe{}", 400, "not valid JSON"),
    ("POST", SIGN, b'{"key":{"name":"rsa"},"hash_alg":"SHA256","hash":"\xff"}', 400, "not valid"),
    ("POST", SIGN, b"[]", 400, "JSON object"),
    ("POST", SIGN, b'"text"', 400, "JSON object"),
    ("POST", SIGN, b"null", 400, ""),
    # Nesting, wherever it is: on its own, in fields that nobody knows, in batches and in what they pass on.
    *(("POST", path, pattern * (1_048_576 // len(pattern)), 400, "nested deeper than 64")
      for path in (SIGN, KEYS, "/batch/v1", KEYS + "/batch/sign") for pattern in (b"[", b'{"a":', b'[{"a":')),
    ("POST", SIGN, b'{"unknown":' + b'{"a":' * 70 + b"1" + b"}" * 71, 400, "nested deeper than 64"),
    ("POST", "/batch/v1", b'{"SingleItem":{"method":"POST","operation":"/crypto/v1/sign","body":' + b"[" * 1_000_000, 400,
     "nested deeper than 64"),
    ("POST", "/batch/v1", b'{"Batch":{"batch_execution_type":"Serial","items":[' * 12 + b"]}}" * 12, 400, "8 deep"),
    ("POST", "/batch/v1", b'{"SingleItem":{"method":"POST","operation":"/crypto/v1/sign","body":[' + b"[]," * 340_000 + b"1]}}",
     400, "too many values"),
    # Two readers could take these for different things.
    ("POST", SIGN, b'{"key":{"name":"rsa"},"hash_alg":"SHA256","key":{"name":"ec"},"data":"AAAA"}', 400, '"key" twice'),
    ("POST", SIGN, b'{"key":{"name":"rsa"},"hash_alg":"SHA256","k\\u0065y":{"name":"ec"},"data":"AAAA"}', 400, '"key" twice'),
    ("POST", SIGN, b'{"key":{"name":"rsa","name":"ec"},"hash_alg":"SHA256","data":"AAAA"}', 400, '"name" twice'),
    ("POST", SIGN, b'{"key":{"name":"ec"},"hash_alg":"SHA256","data":"AAAA","unknown":{"a":1,"a":1}}', 400, '"a" twice'),
    ("POST", KEYS + "/batch/sign", b'[{"key":{"name":"ec"},"hash_alg":"SHA256","data":"AAAA","data":"AAAB"}]', 400, '"data" twice'),
    ("POST", "/batch/v1", b'{"SingleItem":{"method":"POST","operation":"/crypto/v1/sign","body":{"key":1,"key":2}}}', 400,
     '"key" twice'),
    ("GET", KEYS + "?filter=%7B%22name%22:%22a%22,%22name%22:%22b%22%7D", None, 400, '"name" twice'),
    # Bytes and text.
    ("POST", SIGN, b"\xef\xbb\xbf{}", 400, "byte 0"),
    ("POST", SIGN, "{}".encode("utf-16"), 400, "not UTF-8"),
    ("POST", SIGN, "{}".encode("utf-16-le"), 400, "not valid JSON"),
    ("POST", KEYS, b'{"obj_type":"AES","key_size":128,"name":"\xc0\xae"}', 400, "not UTF-8"),
    ("POST", KEYS, b'{"obj_type":"AES","key_size":128,"name":"\xed\xa0\x80"}', 400, "not UTF-8"),
    ("POST", KEYS, b'{"obj_type":"AES","key_size":128,"name":"\\ud800"}', 400, "surrogate"),
    ("POST", KEYS, b'{"obj_type":"AES","key_size":128,"name":"new","description":"a\\u0000b"}', 400, "u0000"),
    ("POST", KEYS, b'{"obj_type":"AES","key_size":128,"name":"new","unknown":"\\udc00"}', 400, "surrogate"),
    ("POST", SIGN, json.dumps({}).encode() + b" {}", 400, "byte 3"),
    ("POST", SIGN, b"{} garbage", 400, "byte 3"),
    # Numbers.
    *(("POST", KEYS, b'{"name":"new","obj_type":"AES","key_size":' + number + b"}", 400, sentence)
      for number, sentence in ((b"1e400", "does not fit"), (b"1" + b"0" * 30, "does not fit"), (b"9" * 100_000, "does not fit"),
                               (b"-0", "key_size"), (b"1.5", "does not fit"), (b"-1", "key_size"), (b"9223372036854775808", "does not fit"),
                               (b"0128", "byte 43"), (b"+128", "byte 42"), (b"NaN", "byte 42"), (b"0x80", "byte 43"), (b'"128"', "key_size"))),
    # Fields.
    ("POST", SIGN, {}, 400, "hash_alg"),
    ("POST", SIGN, sign(hash_alg=None), 400, '"hash_alg" is null'),
    ("POST", SIGN, sign(key=None), 400, "key"),
    ("POST", SIGN, sign(key=7), 400, "key"),
    ("POST", SIGN, sign(key={"kid": NO_KID, "name": "rsa"}), 400, "exactly one"),
    ("POST", SIGN, sign(key={"transient_key": "AAAA"}), 404, "sobject does not exist"),
    ("POST", SIGN, sign(key={"transient_key": "AAAA", "name": "rsa"}), 400, "exactly one"),
    ("POST", SIGN, sign(key={"transient_key": "A" * 24_000}), 400, "transient_key"),
    ("POST", SIGN, sign(key={"kid": 12}), 400, "kid"),
    ("POST", SIGN, sign(hash=None), 400, "Exactly one"),
    ("POST", SIGN, sign(hash=[1, 2]), 400, "hash"),
    ("POST", SIGN, sign(hash="***"), 400, "hash"),
    ("POST", SIGN, sign(hash="AAAA"), 400, "3 bytes"),
    ("POST", SIGN, sign(hash=""), 400, "0 bytes"),
    ("POST", SIGN, sign(hash_alg="SHA257"), 400, "SHA256"),
    ("POST", SIGN, sign(hash_alg={"SHA256": {}}), 400, "hash_alg"),
    ("POST", SIGN, sign(mode="PKCS1_V15"), 400, "mode"),
    ("POST", SIGN, sign(mode={"PSS": {}, "PKCS1_V15": {}}), 400, "mode"),
    ("POST", SIGN, sign(mode={"PSS": {"mgf": {"mgf1": {"hash": "MD2"}}}}), 400, "mode"),
    ("POST", "/crypto/v1/verify", sign(), 400, "signature"),
    ("POST", "/crypto/v1/digest", {"alg": "SHA256"}, 400, "data"),
    ("POST", "/crypto/v1/digest", {"alg": "SSL3", "data": "AAAA"}, 400, "alg"),
    # Objects that are not there.
    ("POST", SIGN, sign(key={"kid": NO_KID}), 404, "sobject does not exist"),
    ("POST", SIGN, sign(key={"name": "nothing"}), 404, "sobject does not exist"),
    ("GET", f"{KEYS}/{NO_KID}", None, 404, "sobject does not exist"),
    ("GET", f"{KEYS}/not-a-kid", None, 404, "sobject does not exist"),
    ("GET", f"{KEYS}/%00", None, 404, ""),
    ("DELETE", f"{KEYS}/{NO_KID}", None, 404, "sobject does not exist"),
    ("PATCH", f"{KEYS}/{NO_KID}", {}, 404, "sobject does not exist"),
    ("GET", f"{KEYS}/{NO_KID}/export", None, 404, "sobject does not exist"),
    ("POST", f"{KEYS}/{NO_KID}/sign", sign(), 404, "sobject does not exist"),
    ("GET", f"/sys/v1/groups/{NO_KID}", None, 404, "group does not exist"),
    ("GET", f"/sys/v1/apps/{NO_KID}", None, 404, "app does not exist"),
    ("GET", f"/sys/v1/accounts/{NO_KID}", None, 404, "account does not exist"),
    # New keys.
    ("POST", KEYS, {"obj_type": "RSA", "key_size": 2048}, 400, "name"),
    ("POST", KEYS, {"name": " ", "obj_type": "RSA", "key_size": 2048}, 400, "name"),
    ("POST", KEYS, {"name": "a\nb", "obj_type": "RSA", "key_size": 2048}, 400, "name"),
    ("POST", KEYS, {"name": "n" * 4097, "obj_type": "RSA", "key_size": 2048}, 400, "4096"),
    ("POST", KEYS, {"name": 5, "obj_type": "RSA", "key_size": 2048}, 400, "name"),
    ("POST", KEYS, {"name": "new"}, 400, "obj_type"),
    ("POST", KEYS, {"name": "new", "obj_type": "UNHEARD"}, 400, "obj_type"),
    ("POST", KEYS, {"name": "new", "obj_type": "RSA"}, 400, "key_size"),
    ("POST", KEYS, {"name": "new", "obj_type": "RSA", "key_size": "big"}, 400, "key_size"),
    ("POST", KEYS, {"name": "new", "obj_type": "RSA", "key_size": 2048.5}, 400, "does not fit"),
    ("POST", KEYS, b'{"name":"new","obj_type":"RSA","key_size":1e300}', 400, "does not fit"),
    *(
        ("POST", KEYS, {"name": "new", "obj_type": "RSA", "key_size": size}, 400, "2048 to 4096")
        for size in (-1, 0, 1, 1024, 2047, 2050, 4352, 2**31, 2**63 - 1)
    ),
    *(
        ("POST", KEYS, {"name": "new", "obj_type": "RSA", "key_size": 2048, "pub_exponent": e}, 400, "pub_exponent")
        for e in (-3, 0, 1, 2, 65536, 2**32 + 1)
    ),
    ("POST", KEYS, {"name": "new", "obj_type": "EC"}, 400, "elliptic_curve"),
    ("POST", KEYS, {"name": "new", "obj_type": "EC", "elliptic_curve": "P-256"}, 400, "NistP256"),
    ("POST", KEYS, {"name": "new", "obj_type": "EC", "elliptic_curve": "X448", "key_ops": ["SIGN"]}, 400, "key_ops"),
    ("POST", KEYS, {"name": "new", "obj_type": "SECRET", "key_size": 256}, 400, "generated"),
    ("POST", KEYS, {"name": "new", "obj_type": "DES", "key_size": 56}, 400, "not supported"),
    ("POST", KEYS, {"name": "new", "obj_type": "AES", "key_size": 255}, 400, "key_size"),
    ("POST", KEYS, {"name": "new", "obj_type": "AES"}, 400, "key_size"),
    ("POST", KEYS, {"name": "new", "obj_type": "EC", "elliptic_curve": "NistP256", "value": "AAAA"}, 400, "value"),
    ("POST", KEYS, {"name": "new", "obj_type": "EC", "elliptic_curve": "NistP256", "transient": True, "state": "PreActive"}, 400,
     "ransient"),
    ("POST", KEYS, {"name": "new", "obj_type": "EC", "elliptic_curve": "NistP256", "key_ops": ["ENCRYPT"]}, 400, "key_ops"),
    ("POST", KEYS, {"name": "new", "obj_type": "EC", "elliptic_curve": "NistP256", "key_ops": "SIGN"}, 400, "key_ops"),
    ("POST", KEYS, {"name": "new", "obj_type": "EC", "elliptic_curve": "NistP256", "group_id": NO_KID}, 400, "group_id"),
    ("POST", KEYS, {"name": "new", "obj_type": "EC", "elliptic_curve": "NistP256", "state": "Destroyed"}, 400, "state"),
    ("POST", KEYS, {"name": "new", "obj_type": "EC", "elliptic_curve": "NistP256", "custom_metadata": {"a": 1}}, 400,
     "custom_metadata"),
    ("POST", KEYS, {"name": "ec", "obj_type": "EC", "elliptic_curve": "NistP256"}, 409, "sobject already exists"),
    # Imports; the formats have a test of their own.
    ("PUT", KEYS, {"name": "new", "obj_type": "RSA"}, 400, "value"),
    ("PUT", KEYS, {"name": "new", "obj_type": "RSA", "value": ""}, 400, "value"),
    ("PUT", KEYS, {"name": "new", "obj_type": "RSA", "value": "-----BEGIN"}, 400, "value"),
    ("PUT", KEYS, {"name": "new", "obj_type": "RSA", "value": HASH}, 400, "value"),
    ("PUT", KEYS, {"name": "new", "obj_type": "CERTIFICATE", "value": HASH}, 400, "certificate"),
    # Queries.
    ("GET", KEYS + "?limit=many", None, 400, "limit"),
    ("GET", KEYS + "?limit=-1", None, 400, "limit"),
    ("GET", KEYS + "?offset=1e3", None, 400, "offset"),
    ("GET", KEYS + "?sort=size", None, 400, "sort"),
    ("GET", KEYS + "?name=%F", None, 400, "percent"),
    ("GET", KEYS + "?name=%FF", None, 400, "UTF-8"),
    ("GET", "/sys/v1/logs?previous_id=x", None, 400, "previous_id"),
    ("GET", "/sys/v1/logs?size=x", None, 400, "size"),
    # Things that an app may not do.
    ("POST", "/sys/v1/groups", {"name": "g"}, 403, "not allowed"),
    ("POST", "/sys/v1/apps", {"name": "a"}, 403, "not allowed"),
    ("GET", "/sys/v1/users", None, 403, "not allowed"),
    # Paths and methods.
    ("GET", "/", None, 404, "no GET /"),
    ("GET", "/crypto/v2/keys", None, 404, "/crypto/v2/keys"),
    ("POST", "/../../etc/passwd", {}, 404, ""),
    ("DELETE", SIGN, None, 405, "use POST"),
    ("PUT", "/sys/v1/version", b"", 405, "use GET"),
]  # fmt: skip


@pytest.mark.parametrize("method,path,body,status,sentence", TABLE)
def test_refusal(app, method, path, body, status, sentence):
    answer = app.ask(method, path, body)
    assert (answer.status, sentence in answer.text) == (status, True), answer
    assert answer.text and not answer.text.startswith("{")
    assert answer.headers["Content-Type"].startswith("text/plain")
    # The same connection is good for the next request.
    app.expect(200, "POST", SIGN, sign())


def test_tolerance(app):
    """What real clients send although they should not: nulls, unknown fields, no or odd Content-Type, other case."""
    body = sign(hash_alg="Sha256", data=None, mode=None, deterministic_signature=False, unknown={"a": [None]})
    assert app.ask("POST", SIGN, body, {"Content-Type": ""}).status == 200
    assert app.ask("POST", SIGN, body, {"Content-Type": "text/plain"}).status == 200
    assert app.ask("GET", KEYS + "/", b"{}", {"Content-Type": "application/json"}).status == 200


def test_oversized_bodies(app, connect):
    limit = 1_048_576
    filler = json.dumps(sign(key={"name": "nothing"}, unknown="")).encode()
    exact = filler.replace(b'"unknown": ""', b'"unknown": "' + b"x" * (limit - len(filler)) + b'"')
    assert len(exact) == limit
    app.expect(404, "POST", SIGN, exact)
    for body in (exact + b" ", b"x" * (20 * limit)):
        assert "1048576" in app.expect(413, "POST", SIGN, body).text
    # The same without a length, in chunks.
    answer = connect(app.authorization).ask("POST", SIGN, (b"x" * 65_536 for _ in range(40)))
    assert answer.status == 413
    app.expect(200, "POST", SIGN, sign())


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic ", "Basic !!!!", "Basic Og==", "Bearer", "Bearer x", "Digest abc", "basic " + "A" * 10_000],
)
def test_bad_credentials(connect, authorization):
    answer = connect(authorization).ask("GET", KEYS)
    assert answer.status == 401 and answer.text
    assert "WWW-Authenticate" in answer.headers


def raw(server, request: bytes) -> bytes:
    """What the server sends back to bytes that no HTTP library would send."""
    context = ssl.create_default_context(cafile=server.ca_file)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(request)
            connection.settimeout(20)
            try:
                return connection.recv(65_536)
            except (ConnectionError, ssl.SSLError):
                return b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /sys/v1/version HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"GET /sys/v1/version HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 5_000 + b"\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /crypto/v1/sign HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /crypto/v1/sign HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /crypto/v1/sign HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        os.urandom(4_096) + b"\r\n\r\n",
    ],
    ids=range(9),
)
def test_not_http(server, app, request_bytes):
    answer = raw(server, request_bytes)
    assert answer == b"" or b" 4" in answer.split(b"\r\n")[0], answer[:200]
    app.expect(200, "POST", SIGN, sign())


@pytest.mark.parametrize("size", [b"zz", b"-1", b"f" * 18])
def test_malformed_chunks(server, app, size):
    head = f"POST {SIGN} HTTP/1.1\r\nHost: a\r\nAuthorization: {app.authorization}\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(server, head.encode() + size + b"\r\nabc")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert " error kmsd" not in server.log.read_text()


def test_hanging_up_in_a_body(server, app):
    for head in ("Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"):
        request = f"POST {SIGN} HTTP/1.1\r\nHost: a\r\nAuthorization: {app.authorization}\r\n{head}"
        context = ssl.create_default_context(cafile=server.ca_file)
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                connection.sendall(request.encode())
    app.expect(200, "POST", SIGN, sign())
    assert " error kmsd" not in server.log.read_text()


def test_not_tls(server, app):
    for noise in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(2_000), b""):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(noise)
    app.expect(200, "POST", SIGN, sign())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(server):
    context = ssl.create_default_context(cafile=server.ca_file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain, server_hostname="127.0.0.1")
