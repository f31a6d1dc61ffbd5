"""A stand-in for the key-value part of NGINX Plus's REST API, for tests only.

NGINX Plus is not available to this project. What is here follows its public documentation (ngx_http_api_module: the
list of versions; GET, POST, PATCH and DELETE of /http/keyvals/; their status codes and error bodies). What that leaves
open is no subject of a test. `fault` makes it misbehave.
"""

import json
import re
import secrets
import socket
import ssl
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSIONS = list(range(1, 10))
DOCUMENTATION = "https://nginx.org/en/docs/http/ngx_http_api_module.html"
# As client_max_body_size.
LARGEST_BODY = 1 << 20


class PlusAPI:
    """`zones` are those of the configuration, with their content; usable with `with`."""

    def __init__(self, *zones: str, tls: tuple[Path, Path] | None = None):
        """`tls`: certificate and key of a server with `listen … ssl`."""
        self.zones: dict[str, dict[str, str]] = {zone: {} for zone in zones}
        self.tls = tls
        self.lock = threading.Lock()
        self.writable = True
        # Method and status of each request.
        self.requests: list[tuple[str, str, int]] = []
        # None, "half" (the answer to a read ends in its middle), "garbage" (no JSON), "full" (no room in the zone).
        self.fault: str | None = None
        self.port = 0
        self.connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self):
        """On a free port the first time, on the same one afterwards."""
        handler = type("Handler", (Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Ends connections, too, as the end of NGINX does."""
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Refusal(Exception):
    def __init__(self, status: int, code: str, text: str):
        self.status, self.code, self.text = status, code, text


class Handler(BaseHTTPRequestHandler):
    api: PlusAPI
    protocol_version = "HTTP/1.1"
    server_version = "nginx"

    def setup(self):
        super().setup()
        self.api.connections.add(self.connection)

    def finish(self):
        self.api.connections.discard(self.connection)
        super().finish()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer(self._read)

    def do_POST(self):
        self._answer(self._add)

    def do_PATCH(self):
        self._answer(self._change)

    def do_DELETE(self):
        self._answer(self._clear)

    def _answer(self, work):
        try:
            status, value = work()
        except Refusal as refusal:
            status = refusal.status
            value = {
                "error": {"status": status, "text": refusal.text, "code": refusal.code},
                "request_id": secrets.token_hex(16), "href": DOCUMENTATION,
            }  # fmt: skip
        self.api.requests.append((self.command, self.path, status))
        body = b"" if value is None else json.dumps(value).encode()
        if self.api.fault == "redirect":
            status = 307
        if self.api.fault == "garbage" and self.command == "GET":
            body = b"<html>"
        self.send_response(status)
        if status == 307:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere?with=query")
        if body:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.api.fault == "half" and self.command == "GET":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)

    # The parts of a request

    def _zone(self) -> dict[str, str]:
        version, path = self._version()
        found = re.fullmatch(r"/http/keyvals/([^/]+)/?", path)
        if not found:
            raise Refusal(404, "PathNotFound", "path not found")
        name = urllib.parse.unquote(found[1])
        if name not in self.api.zones:
            raise Refusal(404, "KeyvalNotFound", f'keyval "{name}" not found')
        return self.api.zones[name]

    def _version(self) -> tuple[int, str]:
        found = re.fullmatch(r"/api/(\d+)(/.*)", urllib.parse.urlsplit(self.path).path)
        if not found:
            raise Refusal(404, "PathNotFound", "path not found")
        if int(found[1]) not in VERSIONS:
            raise Refusal(404, "UnknownVersion", "unknown version")
        return int(found[1]), found[2]

    def _pairs(self) -> dict[str, str | None]:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            raise Refusal(413, "RequestEntityTooLarge", "request entity too large")
        body = self.rfile.read(length)
        if not self.api.writable:
            raise Refusal(405, "MethodDisabled", "method disabled")
        try:
            pairs = json.loads(body)
        except ValueError:
            raise Refusal(415, "JsonError", "json error") from None
        if not isinstance(pairs, dict) or not pairs:
            raise Refusal(400, "KeyvalFormatError", "key required")
        if not all(value is None or isinstance(value, str) for value in pairs.values()):
            raise Refusal(400, "KeyvalFormatError", "invalid value")
        return pairs

    # The methods. Keys are compared without regard to case.

    def _read(self):
        if urllib.parse.urlsplit(self.path).path in ("/api", "/api/"):
            return 200, VERSIONS
        zone = self._zone()
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        with self.api.lock:
            if "key" not in query:
                return 200, dict(zone)
            key = query["key"][0].lower()
            if key not in zone:
                raise Refusal(404, "KeyvalKeyNotFound", f'key "{key}" not found')
            return 200, {key: zone[key]}

    def _add(self):
        pairs, zone = self._pairs(), self._zone()
        if self.api.fault == "full":
            raise Refusal(507, "KeyvalZoneFull", "zone is full")
        with self.api.lock:
            for key, value in pairs.items():
                if value is None:
                    raise Refusal(400, "KeyvalFormatError", "invalid value")
                if key.lower() in zone:
                    raise Refusal(409, "KeyvalKeyExists", f'key "{key}" already exists')
            zone |= {key.lower(): value for key, value in pairs.items()}
        return 201, None

    def _change(self):
        pairs, zone = self._pairs(), self._zone()
        if len(pairs) != 1:
            raise Refusal(400, "KeyvalFormatError", "only one key can be changed")
        (key, value), = pairs.items()
        with self.api.lock:
            if key.lower() not in zone:
                raise Refusal(404, "KeyvalKeyNotFound", f'key "{key}" not found')
            if value is None:
                del zone[key.lower()]
            else:
                zone[key.lower()] = value
        return 204, None

    def _clear(self):
        if not self.api.writable:
            raise Refusal(405, "MethodDisabled", "method disabled")
        with self.api.lock:
            self._zone().clear()
        return 204, None
