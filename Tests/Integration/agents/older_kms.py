"""kmsd behind a front that knows no transient keys, as a KMS or a plugin that has none, and that can hang."""

import http.client
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from processes import PATIENCE
from wire import client_context


class OlderKMS:
    """Usable with `with`. `refused` counts the requests for transient keys.

    Requests of a path that begins with `hang_at` are not passed on and not answered until the end; `hanging` is set by
    the first of them. Requests with the method `broken` are answered with 500.
    """

    def __init__(self, kms, certificate: Path, key: Path):
        self.kms = kms
        self.refused = 0
        self.hang_at: str | None = None
        self.broken: str | None = None
        self.hanging = threading.Event()
        self._end = threading.Event()
        handler = type("Handler", (Handler,), {"front": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    front: OlderKMS

    def log_message(self, *_):
        pass

    def _pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/crypto/v1/keys" and json.loads(body or "{}").get("transient"):
            self.front.refused += 1
            return self._answer(400, "text/plain", b"transient keys are not supported")
        if self.front.hang_at and self.path.startswith(self.front.hang_at):
            self.front.hanging.set()
            self.front._end.wait(PATIENCE)
            return None
        if self.command == self.front.broken:
            return self._answer(500, "text/plain", b"out of order")
        kms = self.front.kms
        upstream = http.client.HTTPSConnection("127.0.0.1", kms.port, context=client_context(kms.ca_file))
        headers = {"Authorization": self.headers["Authorization"], "Content-Type": "application/json"}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        self._answer(answer.status, answer.getheader("Content-Type"), answer.read())
        upstream.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on

    def _answer(self, status: int, kind: str | None, body: bytes):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
