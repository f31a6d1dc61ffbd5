"""The ways in which a KMS, or what stands before it, can fail, and what the host must be told.

A fault is a function of an `Exchange`; `FAULTS` has them by name, with the return value of each operation while the fault
lasts, and of the operation whose first request alone meets it.
"""

import json
from dataclasses import dataclass, field
from typing import Callable

OPERATIONS = ["login", "find", "sign", "decrypt", "generate"]
# The request that an operation is about.
ROUTES = {
    "login": "POST /sys/v1/session/auth",
    "find": "GET /crypto/v1/keys",
    "sign": "POST /crypto/v1/sign",
    "decrypt": "POST /crypto/v1/decrypt",
    "generate": "POST /crypto/v1/keys",
}
JSON_TYPE = {"Content-Type": "application/json"}


# Faults of the connection, applied to the server


def refuse(server):
    server.refuse()


def keep_silent(server):
    server.keep_silent()


def present(name: str) -> Callable:
    return lambda server: server.present(server.contexts[name])


# Faults of one exchange


def status(code: int, **headers: str) -> Callable:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(exchange):
        exchange.send(code, {"Content-Type": "text/plain"} | named, f"spoilt with {code}".encode())

    return fault


def reset(exchange):
    answer = exchange.kms_answer()
    exchange.send(answer.status, answer.headers, answer.body[: len(answer.body) // 2], length=len(answer.body))
    exchange.reset()


def reset_before_the_answer(exchange):
    exchange.kms_answer()
    exchange.reset()


def stay_silent(exchange):
    exchange.wait(60)
    exchange.close()


def trickle(exchange):
    """One byte a second."""
    answer = exchange.kms_answer()
    head = f"HTTP/1.1 {answer.status} OK\r\nContent-Length: {len(answer.body)}\r\n\r\n".encode()
    for byte in head + answer.body:
        exchange.write(bytes([byte]))
        if exchange.wait(1):
            return exchange.close()


def wrong_type(exchange):
    answer = exchange.kms_answer()
    exchange.send(answer.status, {"Content-Type": "text/html"}, answer.body)


def portal_page(exchange):
    exchange.send(200, {"Content-Type": "text/html"}, b"<html><body>Please log in to this network.</body></html>")


def truncated(exchange):
    """The connection ends in the middle, as if that were the end."""
    answer = exchange.kms_answer()
    exchange.send(answer.status, answer.headers, answer.body[: len(answer.body) // 2], length=len(answer.body))
    exchange.close()


def half_json(exchange):
    answer = exchange.kms_answer()
    exchange.send(answer.status, answer.headers, answer.body[: len(answer.body) // 2])


def no_json(exchange):
    exchange.send(200, JSON_TYPE, b'{"signature": \xff\xfe ]')


def nested_json(exchange):
    exchange.send(200, JSON_TYPE, b"[" * 200_000)


def empty(exchange):
    exchange.send(200, JSON_TYPE, b"")


def huge(exchange):
    """More than a client may take: an array without end."""
    exchange.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"0," * (1 << 19)
    line = f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n"
    for _ in range(200):
        exchange.write(line)


def announced_huge(exchange):
    exchange.send(200, JSON_TYPE, b"[", length=1 << 40)
    exchange.wait(60)


def not_http(exchange):
    exchange.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    exchange.close()


def endless_headers(exchange):
    exchange.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        exchange.write(f"X-{number}: {'x' * 1000}\r\n".encode())


def redirect(exchange):
    location = exchange.server.elsewhere.url + exchange.request.path
    exchange.send(307, {"Location": location}, b"")


def close_when_idle(exchange):
    """Answers, and closes the connection that it has said it would keep."""
    answer = exchange.kms_answer()
    exchange.send(answer.status, answer.headers, answer.body)
    exchange.close()


def signature_cut(exchange):
    answer = exchange.kms_answer()
    fields = json.loads(answer.body)
    fields["signature"] = fields["signature"][:-8]
    exchange.send(answer.status, answer.headers, json.dumps(fields).encode())


def signature_by_another_key(exchange):
    _sign_otherwise(exchange, lambda fields: fields["key"].update(kid=exchange.server.other_key))


def signature_of_another_digest(exchange):
    _sign_otherwise(exchange, lambda fields: fields.update(hash="A" * (len(fields["hash"]) - 1) + "="))


def _sign_otherwise(exchange, change: Callable):
    """A real signature of the KMS, in the name of the key that was asked for."""
    fields = json.loads(exchange.request.body)
    kid = fields["key"]["kid"]
    change(fields)
    answer = exchange.kms_answer(json.dumps(fields).encode())
    signed = json.loads(answer.body) | {"kid": kid}
    exchange.send(answer.status, answer.headers, json.dumps(signed).encode())


# What must come of them


@dataclass(frozen=True)
class Fault:
    """`lasting`: what each operation returns as long as the fault lasts, by name or by operation. `once`: what those
    return whose first request alone meets it; None where that is not tried.
    """

    spoil: Callable
    lasting: str | dict[str, str] = "DEVICE_ERROR"
    once: str | dict[str, str] | None = None
    is_connection: bool = False
    # What each operation returns while only the first of two endpoints has the fault; None: the same as with one.
    with_another: str | dict[str, str] | None = None
    operations: list[str] = field(default_factory=lambda: list(OPERATIONS))

    def expected(self, operation: str) -> str:
        return self.lasting if isinstance(self.lasting, str) else self.lasting[operation]

    def expected_with_another(self, operation: str) -> str:
        if self.with_another is None:
            return self.expected(operation)
        return self.with_another if isinstance(self.with_another, str) else self.with_another[operation]

    def expected_once(self, operation: str) -> str | None:
        return self.once[operation] if isinstance(self.once, dict) else self.once


def per_operation(login: str, find: str, sign: str, decrypt: str, generate: str) -> dict[str, str]:
    return dict(zip(OPERATIONS, (login, find, sign, decrypt, generate)))


# A key may have been made before the answer was lost: the request is not sent again.
REPEATED = per_operation("OK", "OK", "OK", "OK", "DEVICE_ERROR")

FAULTS = {
    "nobody listens": Fault(refuse, is_connection=True, with_another="OK"),
    "accepts and stays silent": Fault(keep_silent, is_connection=True, with_another="OK"),
    "expired certificate": Fault(present("expired"), is_connection=True, with_another="OK"),
    "certificate of another host": Fault(present("other host"), is_connection=True, with_another="OK"),
    "certificate of a foreign authority": Fault(present("foreign"), is_connection=True, with_another="OK"),
    "self-signed certificate": Fault(present("self-signed"), is_connection=True, with_another="OK"),
    "reset in the answer": Fault(reset, once=REPEATED, with_another=REPEATED),
    "reset before the answer": Fault(reset_before_the_answer, once=REPEATED, with_another=REPEATED),
    "silence after the request": Fault(stay_silent, with_another=REPEATED),
    "one byte a second": Fault(trickle, with_another=REPEATED),
    "401": Fault(
        status(401),
        per_operation("PIN_INCORRECT", *["USER_NOT_LOGGED_IN"] * 4),
        once=per_operation("PIN_INCORRECT", *["OK"] * 4),
    ),
    "403": Fault(
        status(403),
        per_operation(
            "PIN_INCORRECT", "FUNCTION_FAILED", "KEY_FUNCTION_NOT_PERMITTED", "KEY_FUNCTION_NOT_PERMITTED",
            "ACTION_PROHIBITED",
        ),
    ),  # fmt: skip
    "404": Fault(
        status(404),
        per_operation("DEVICE_ERROR", "FUNCTION_FAILED", "KEY_HANDLE_INVALID", "KEY_HANDLE_INVALID", "FUNCTION_FAILED"),
    ),
    "409": Fault(status(409), per_operation(*["FUNCTION_FAILED"] * 4, "ATTRIBUTE_VALUE_INVALID")),
    "429": Fault(status(429), once="OK"),
    "429 for a second": Fault(status(429, Retry_After="1"), once="OK"),
    "429 for an hour": Fault(status(429, Retry_After="3600"), with_another="OK"),
    "500": Fault(status(500), with_another=REPEATED),
    "502": Fault(status(502), once=REPEATED, with_another=REPEATED),
    "503": Fault(status(503), once=REPEATED, with_another=REPEATED),
    "503 for an hour": Fault(status(503, Retry_After="3600"), with_another=REPEATED),
    "504": Fault(status(504), once=REPEATED, with_another=REPEATED),
    "408": Fault(status(408), once=REPEATED, with_another=REPEATED),
    "JSON as another type": Fault(wrong_type, with_another=REPEATED),
    "the page of a portal": Fault(portal_page, with_another=REPEATED),
    "truncated": Fault(truncated, once=REPEATED, with_another=REPEATED),
    "half the JSON": Fault(half_json),
    "no JSON": Fault(no_json),
    "deeply nested JSON": Fault(nested_json),
    "nothing": Fault(empty),
    "huge": Fault(huge, with_another=REPEATED),
    "announced as huge": Fault(announced_huge, with_another=REPEATED),
    "no HTTP": Fault(not_http, with_another=REPEATED),
    "headers without end": Fault(endless_headers, with_another=REPEATED),
    "redirect elsewhere": Fault(redirect),
    "closes idle connections": Fault(close_when_idle, "OK", once="OK"),
    "a signature cut short": Fault(signature_cut, operations=["sign"]),
    "a signature by another key": Fault(signature_by_another_key, operations=["sign"]),
    "a signature of another digest": Fault(signature_of_another_digest, operations=["sign"]),
}
