"""HTTP over TLS byte by byte, for what no HTTP library would send."""

import re
import socket
import ssl

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


def client_context(ca_file) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file))


def connect(server, context: ssl.SSLContext | None = None, buffer: int | None = None) -> ssl.SSLSocket:
    context = context or client_context(server.ca_file)
    return context.wrap_socket(connect_plain(server.port, buffer=buffer), server_hostname="127.0.0.1")


def read_all(connection: ssl.SSLSocket) -> bytes:
    """Until the server has no more to say; one that says nothing and stays is a failure."""
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
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3})[ \r]", answer, re.MULTILINE)]


def request(method: str, path: str, authorization: str | None = None, body: bytes = b"", *headers: str) -> bytes:
    """A well-formed request with the headers given, and Content-Length unless these say otherwise."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
