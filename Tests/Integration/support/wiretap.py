"""A TLS proxy in front of the KMS that writes down every byte, to learn the secrets that really travelled."""

import re
import socket
import ssl
import threading
from pathlib import Path


class Wiretap:
    """Listens on a free port of 127.0.0.1; usable with `with`."""

    def __init__(self, certificate: Path, key: Path, kms_port: int):
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(certificate, key)
        self._client = ssl.create_default_context()
        self._client.check_hostname = False
        self._client.verify_mode = ssl.CERT_NONE
        self._kms_port = kms_port
        self._recorded: list[bytes] = []
        self._connections: list[socket.socket] = []

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in [self._listener, *self._connections]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def credentials(self) -> set[str]:
        """What the Authorization headers carried and what the KMS handed out as bearer tokens."""
        text = b"\n".join(self._recorded).decode("latin-1")
        sent = re.findall(r"^authorization: *(?:basic|bearer) +(\S+)", text, re.IGNORECASE | re.MULTILINE)
        return {*sent, *re.findall(r'"access_token" *: *"([^"]+)"', text)}

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket):
        try:
            inner = self._server.wrap_socket(plain, server_side=True)
            outer = self._client.wrap_socket(socket.create_connection(("127.0.0.1", self._kms_port)))
        except OSError:
            return
        self._connections += [inner, outer]
        answers = threading.Thread(target=self._pump, args=(outer, inner), daemon=True)
        answers.start()
        self._pump(inner, outer)

    def _pump(self, source: ssl.SSLSocket, target: ssl.SSLSocket):
        """Ends both directions when one ends."""
        whole = b""
        try:
            while chunk := source.recv(65536):
                whole += chunk
                target.sendall(chunk)
        except OSError:
            pass
        self._recorded.append(whole)
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
