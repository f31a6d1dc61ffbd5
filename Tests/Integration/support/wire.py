"""HTTP over TLS byte by byte, for what no HTTP library would send."""

import re
import select
import socket
import ssl
import time

from processes import PATIENCE


def connect_plain(port: int, source: str = "127.0.0.1", buffer: int | None = None) -> socket.socket:
    """A TCP connection from a loopback address; `buffer` limits what the kernel holds for a client that reads nothing."""
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(PATIENCE)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", port))
    return connection


def connect_many(port: int, count: int, sources: int = 4) -> list[socket.socket]:
    """Plain TCP connections from several loopback addresses, some hundreds being made at the same time."""
    opened = []
    while len(opened) < count:
        wave = [socket.socket() for _ in range(min(200, count - len(opened)))]
        opened += wave
        poll = select.poll()
        for number, connection in enumerate(wave):
            connection.setblocking(False)
            connection.bind((f"127.0.0.{1 + number % sources}", 0))
            connection.connect_ex(("127.0.0.1", port))
            poll.register(connection, select.POLLOUT)
        waiting = len(wave)
        end = time.monotonic() + PATIENCE
        while waiting and time.monotonic() < end:
            for descriptor, _ in poll.poll(1_000):
                poll.unregister(descriptor)
                waiting -= 1
        assert waiting == 0, f"{waiting} connections were not accepted within {PATIENCE:.0f} s"
    return opened


def client_context(ca_file) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file))


def connect(server, context: ssl.SSLContext | None = None, buffer: int | None = None) -> ssl.SSLSocket:
    context = context or client_context(server.ca_file)
    return context.wrap_socket(connect_plain(server.port, buffer=buffer), server_hostname="127.0.0.1")


def read_all(connection: ssl.SSLSocket) -> bytes:
    """Until the server has no more to say; one that says nothing and stays is a failure (TimeoutError)."""
    answer = b""
    try:
        while chunk := connection.recv(65_536):
            answer += chunk
    except (ConnectionError, ssl.SSLError):
        pass
    return answer


def exchange(server, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
    with connect(server, context) as connection:
        try:
            connection.sendall(request)
        except (ConnectionError, ssl.SSLError):
            pass
        return read_all(connection)


def statuses(answer: bytes) -> list[int]:
    """Of all answers; what no body of kmsd's holds marks their beginnings."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})[ \r]", answer)]


def request(method: str, path: str, authorization: str | None = None, body: bytes = b"", *headers: str) -> bytes:
    """A well-formed request with the headers given, and Content-Length unless these say otherwise."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
