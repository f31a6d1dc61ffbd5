"""TLS servers in front of the KMS with certificates, versions and demands of the test's choice, and proxies."""

import base64
import socket
import ssl
import threading
from pathlib import Path


class Relay:
    """Accepts connections on a free port of 127.0.0.1, each in a thread of its own; usable with `with`."""

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in [self._listener, *self._open]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(peer,), daemon=True).start()

    def _guarded(self, peer: socket.socket):
        self._open.append(peer)
        try:
            self.serve(peer)
        except OSError:
            pass
        finally:
            peer.close()

    def serve(self, peer: socket.socket):
        raise NotImplementedError

    def join(self, one: socket.socket, other: socket.socket):
        """Passes bytes both ways until either side ends."""
        self._open += [one, other]
        threading.Thread(target=self._pump, args=(one, other), daemon=True).start()
        self._pump(other, one)

    def passed(self, source: socket.socket, chunk: bytes):
        """Called with everything that is passed on."""

    def _pump(self, source: socket.socket, target: socket.socket):
        try:
            while chunk := source.recv(65536):
                self.passed(source, chunk)
                target.sendall(chunk)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class TLSFront(Relay):
    """`names` are the server names that clients asked for (SNI), `connections` counts completed handshakes."""

    def __init__(self, certificate: Path, key: Path, kms_port: int, client_ca: Path | None = None,
                 maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED):  # fmt: skip
        self.names: list[str | None] = []
        self.subjects: list[dict | None] = []
        self.connections = 0
        self._kms_port = kms_port
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(certificate, key)
        self._server.maximum_version = maximum
        self._server.sni_callback = lambda connection, name, context: self.names.append(name)
        if client_ca:
            self._server.load_verify_locations(client_ca)
            self._server.verify_mode = ssl.CERT_REQUIRED
        self._client = ssl.create_default_context()
        self._client.check_hostname = False
        self._client.verify_mode = ssl.CERT_NONE

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def serve(self, peer: socket.socket):
        inner = self._server.wrap_socket(peer, server_side=True)
        self.connections += 1
        self.subjects.append(inner.getpeercert() or None)
        self.join(inner, self._client.wrap_socket(socket.create_connection(("127.0.0.1", self._kms_port))))


class ConnectProxy(Relay):
    """An HTTP proxy that knows CONNECT. `targets` are those asked for; `status` other than 200 refuses; `login` is the
    `user:password` that it wants. With `address` every tunnel leads there, whatever was asked for. `tls` makes it an
    HTTPS proxy: certificate and key.
    """

    def __init__(self, status: int = 200, login: str | None = None, address: tuple[str, int] | None = None,
                 tls: tuple[Path, Path] | None = None):  # fmt: skip
        self.status = status
        self.targets: list[str] = []
        self._login = base64.b64encode(login.encode()).decode() if login else None
        self._address = address
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self._tls:
            self._tls.load_cert_chain(*tls)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, peer: socket.socket):
        if self._tls:
            peer = self._tls.wrap_socket(peer, server_side=True)
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = peer.recv(4096)
            if not chunk:
                return
            head += chunk
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        assert method == "CONNECT"
        self.targets.append(target)
        status = self.status
        if self._login and f"Basic {self._login}".encode() not in head:
            status = 407
        if status != 200:
            peer.sendall(f"HTTP/1.1 {status} No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n".encode())
            return
        host, _, port = target.rpartition(":")
        server = socket.create_connection(self._address or (host.strip("[]"), int(port)))
        peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.join(peer, server)


class SOCKSProxy(Relay):
    """A SOCKS proxy (4, 4a, RFC 1928 with RFC 1929) that knows CONNECT to IPv4 addresses and names. `targets` are those
    asked for; `login` is the user and password that it wants; with `address` every tunnel leads there. `fault` is what it
    does to requests: `refuse`, `close`, `garbage` or `silence`.
    """

    def __init__(self, login: tuple[str, str] | None = None, address: tuple[str, int] | None = None,
                 fault: str | None = None):  # fmt: skip
        self.targets: list[str] = []
        self._login = login
        self._address = address
        self._fault = fault

    def serve(self, peer: socket.socket):
        version = self._read(peer, 1)[0]
        host, port = self._ask5(peer) if version == 5 else self._ask4(peer)
        self.targets.append(f"{host}:{port}")
        match self._fault:
            case "refuse":
                # "Connection not allowed by ruleset".
                peer.sendall(bytes([5, 2, 0, 1]) + bytes(6))
            case "garbage":
                peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            case "silence":
                peer.recv(1)
        if self._fault:
            return
        server = socket.create_connection(self._address or (host, port))
        peer.sendall(bytes([5, 0, 0, 1]) + bytes(6) if version == 5 else bytes([0, 0x5A]) + bytes(6))
        self.join(peer, server)

    def _ask5(self, peer: socket.socket) -> tuple[str, int]:
        methods = self._read(peer, self._read(peer, 1)[0])
        wanted = 2 if self._login else 0
        if wanted not in methods:
            peer.sendall(bytes([5, 0xFF]))
            raise OSError("no common method")
        peer.sendall(bytes([5, wanted]))
        if self._login:
            self._read(peer, 1)
            given = tuple(self._read(peer, self._read(peer, 1)[0]).decode() for _ in range(2))
            peer.sendall(bytes([1, 0 if given == self._login else 1]))
            if given != self._login:
                raise OSError("wrong password")
        _, command, _, kind = self._read(peer, 4)
        assert command == 1 and kind in (1, 3), "only CONNECT to IPv4 addresses and names"
        host = self._read(peer, 4) if kind == 1 else self._read(peer, self._read(peer, 1)[0])
        return socket.inet_ntoa(host) if kind == 1 else host.decode(), int.from_bytes(self._read(peer, 2))

    def _ask4(self, peer: socket.socket) -> tuple[str, int]:
        assert self._read(peer, 1)[0] == 1, "only CONNECT"
        port, address = int.from_bytes(self._read(peer, 2)), self._read(peer, 4)
        self._text(peer)
        # 0.0.0.x: version 4a, the name follows.
        return self._text(peer) if address[:3] == bytes(3) else socket.inet_ntoa(address), port

    @staticmethod
    def _read(peer: socket.socket, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = peer.recv(count - len(data))
            if not chunk:
                raise OSError("the client went away")
            data += chunk
        return data

    def _text(self, peer: socket.socket) -> str:
        text = b""
        while (byte := self._read(peer, 1)) != b"\0":
            text += byte
        return text.decode()
