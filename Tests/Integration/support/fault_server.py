"""An HTTPS server in front of a real KMS that fails on purpose; what it is not told to spoil, the KMS answers.

One thread per connection. `spoil(fault, path)` says what to do to which requests, `heal()` ends it.
"""

import http.client
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Callable


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    authorization: str | None
    body: bytes

    @property
    def route(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Spoiling:
    """What is done to a request: a function of the `Exchange`."""

    fault: Callable
    route: str | None
    times: int | None
    done: int = 0

    def takes(self, request: Request) -> bool:
        if self.times is not None and self.done >= self.times:
            return False
        if self.route is not None and request.route != self.route:
            return False
        self.done += 1
        return True


@dataclass
class Exchange:
    """One request on its connection, for a fault to deal with."""

    server: "FaultServer"
    handler: "Handler"
    request: Request

    def kms_answer(self, body: bytes | None = None) -> Answer:
        """What the KMS really says; with `body` to something else than what was asked."""
        return self.handler.forward(self.request, self.request.body if body is None else body)

    def send(self, status: int, headers: dict[str, str], body: bytes, length: int | None = None):
        """An answer whose Content-Length may be a lie."""
        head = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        head += [f"Content-Length: {len(body) if length is None else length}", "", ""]
        self.write("\r\n".join(head).encode() + body)

    def write(self, data: bytes):
        self.handler.connection.sendall(data)

    def reset(self):
        """Ends the connection with RST."""
        linger = struct.pack("ii", 1, 0)
        self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def close(self):
        """Ends the connection without a word of TLS."""
        self.handler.hang_up()

    def wait(self, seconds: float) -> bool:
        """Waits until the server is healed, at most so long; whether it is."""
        return self.server.healed.wait(seconds)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.upstream = None
        plain = self.request
        self.request = self.server.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.server.replace(plain, self.request)
        try:
            self.request.do_handshake()
        except OSError:
            self.server.forget(self.request)
            raise
        super().setup()

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        request = Request(self.command, self.path, self.headers.get("Authorization"), body)
        exchange = Exchange(self.server, self, request)
        if fault := self.server.take(request):
            fault(exchange)
        else:
            answer = exchange.kms_answer()
            exchange.send(answer.status, answer.headers, answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def forward(self, request: Request, body: bytes) -> Answer:
        if self.upstream is None:
            self.upstream = http.client.HTTPSConnection(*self.server.kms, context=self.server.kms_context, timeout=60)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if request.authorization:
            headers["Authorization"] = request.authorization
        self.upstream.request(request.method, request.path, body or None, headers)
        response = self.upstream.getresponse()
        kept = {name: response.headers[name] for name in ("Content-Type", "Retry-After") if name in response.headers}
        return Answer(response.status, kept, response.read())

    def hang_up(self):
        self.close_connection = True
        self.connection.close()

    def finish(self):
        if self.upstream is not None:
            self.upstream.close()
        super().finish()
        self.server.forget(self.connection)

    def log_message(self, *_):
        pass


@dataclass
class FaultServer:
    """Usable with `with`. `kms` is host and port of the real one, or None when nobody must come here."""

    context: ssl.SSLContext
    kms: tuple[str, int] | None = None
    requests: list[Request] = field(default_factory=list)
    # Those that neither side has closed.
    connections: set[socket.socket] = field(default_factory=set)
    opened: int = 0
    # What single faults need: other certificates by name, where to redirect to, the kid of a key that was not asked for.
    contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)
    elsewhere: "FaultServer | None" = None
    other_key: str = ""

    def __post_init__(self):
        self.good_context = self.context
        self.kms_context = ssl._create_unverified_context()
        self.healed = threading.Event()
        self.healed.set()
        self._lock = threading.Lock()
        self._spoiling: Spoiling | None = None
        self._silent = False
        self._over = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]

    @staticmethod
    def certified(certificate: Path, key: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._over = True
        self.heal()
        self._listener.close()
        self.drop_connections()

    # Faults

    def spoil(self, fault: Callable, route: str | None = None, times: int | None = None):
        """Lets `fault` answer the requests of a route (`POST /path`), all of them by default."""
        self.healed.clear()
        self._spoiling = Spoiling(fault, route, times)

    def refuse(self):
        """Nobody listens; the port stays ours."""
        self.healed.clear()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self.drop_connections()

    def keep_silent(self):
        """Accepts connections and does not even begin with TLS."""
        self.healed.clear()
        self._silent = True
        self.drop_connections()

    def present(self, context: ssl.SSLContext):
        """Another certificate."""
        self.healed.clear()
        self.context = context
        self.drop_connections()

    def heal(self):
        was_refusing = not self._over and not self._listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        self._spoiling, self._silent, self.context = None, False, self.good_context
        self.healed.set()
        if was_refusing:
            self._listener.listen(64)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def drop_connections(self):
        with self._lock:
            dropped = list(self.connections)
        for one in dropped:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # What came

    def count(self, route: str) -> int:
        return sum(request.route == route for request in list(self.requests))

    def take(self, request: Request) -> Callable | None:
        with self._lock:
            self.requests.append(request)
            spoiling = self._spoiling
            return spoiling.fault if spoiling and spoiling.takes(request) else None

    # Connections

    def _accept(self, listener: socket.socket):
        while True:
            try:
                connection, address = listener.accept()
            except OSError:
                return
            with self._lock:
                self.opened += 1
                self.connections.add(connection)
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection: socket.socket, address):
        try:
            if self._silent:
                self.healed.wait()
            else:
                Handler(connection, address, self)
        except (OSError, ValueError, http.client.HTTPException):
            # The client went away, or the fault did that.
            pass
        finally:
            self.forget(connection)

    def replace(self, plain: socket.socket, encrypted: ssl.SSLSocket):
        with self._lock:
            self.connections.discard(plain)
            self.connections.add(encrypted)

    def forget(self, connection: socket.socket):
        with self._lock:
            self.connections.discard(connection)
        connection.close()
