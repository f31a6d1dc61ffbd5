"""The servers under test, each on a directory of its own that is gone afterwards."""

import base64
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import time
from hashlib import sha256
from pathlib import Path


class Failure(Exception):
    """A sentence for the person who runs the benchmark."""


class HTTPS:
    """One kept-alive connection."""

    def __init__(self, port: int, ca_file: Path, headers: dict[str, str]):
        self.headers = headers
        context = ssl.create_default_context(cafile=ca_file)
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)

    def send(self, method: str, path: str, body=None) -> bytes:
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, self.headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status not in (200, 201, 204):
            raise Failure(f"{method} {path}: {response.status} {answer[:300].decode(errors='replace')}")
        return answer

    def json(self, method: str, path: str, body=None):
        return json.loads(self.send(method, path, body))


class Program:
    """A server process with its output in a file."""

    def __init__(self, command: list, log: Path, environment: dict[str, str] | None = None):
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | (environment or {}),
            )
        self.pid = self._process.pid

    def wait_for(self, pattern: str) -> re.Match:
        """The first match in what the program has said."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            text = self.log.read_text(errors="replace")
            if match := re.search(pattern, text, re.MULTILINE):
                return match
            if self._process.poll() is not None:
                raise Failure(f"{self._process.args[0]} ended at once:\n{text}")
            time.sleep(0.05)
        raise Failure(f"{self._process.args[0]} has not started within a minute:\n{text}")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Kmsd(Program):
    """kmsd with its defaults; an app that authenticates with a session token, as clients do."""

    def __init__(self, program: Path, directory: Path):
        data = directory / "kmsd"
        environment = {"KMSD_ADMIN_PASSWORD": "only for the benchmark"}
        subprocess.run([program, "init", "--data", data], check=True, capture_output=True, env=os.environ | environment)
        super().__init__(
            [program, "serve", "--data", data, "--listen", "127.0.0.1:0", "--log-level", "warning"],
            directory / "kmsd.log",
        )
        self.data = data
        self.ca_file = data / "ca.pem"
        self.port = int(self.wait_for(r"^kmsd: listening on https://127\.0\.0\.1:(\d+)$")[1])
        self.app = self._app(environment["KMSD_ADMIN_PASSWORD"])

    def connect(self, authorization: str) -> HTTPS:
        return HTTPS(self.port, self.ca_file, {"Authorization": authorization, "Content-Type": "application/json"})

    def session(self, user: str) -> HTTPS:
        """`user` is `name:password` or `app:secret`."""
        basic = "Basic " + base64.b64encode(user.encode()).decode()
        return self.connect("Bearer " + self.connect(basic).json("POST", "/sys/v1/session/auth")["access_token"])

    def _app(self, password: str) -> HTTPS:
        admin = self.session(f"admin@localhost:{password}")
        (account,) = admin.json("GET", "/sys/v1/users/accounts")
        admin.send("POST", "/sys/v1/session/select_account", {"acct_id": account})
        group = admin.json("POST", "/sys/v1/groups", {"name": "bench"})["group_id"]
        app = admin.json(
            "POST", "/sys/v1/apps", {"name": "bench", "add_groups": [group], "default_group": group}
        )["app_id"]
        secret = admin.json("GET", f"/sys/v1/apps/{app}/credential")["credential"]["secret"]
        self.api_key = base64.b64encode(f"{app}:{secret}".encode()).decode()
        return self.session(f"{app}:{secret}")

    def make_key(self, name: str, **fields) -> str:
        """Answers the key's id."""
        return self.app.json("POST", "/crypto/v1/keys", {"name": name, **fields})["kid"]

    def sign_request(self, kid: str, message: bytes) -> bytes:
        return http_request(self.port, "/crypto/v1/sign", self.app.headers, sign_body(kid, message))

    def module_request(self, kid: str) -> bytes:
        """What the module sends for a signature with an RSA key, to the byte."""
        headers = {"User-Agent": "kms-pkcs11", "Accept": "application/json", **self.app.headers}
        return http_request(self.port, "/crypto/v1/sign", headers, module_body(kid))

    def answers(self, key: dict, directory: Path) -> dict[str, Path]:
        """What a server must answer that the module takes for a KMS with this key: the file for each path."""
        contents = {
            "/sys/v1/session/auth": self.connect("Basic " + self.api_key).send("POST", "/sys/v1/session/auth"),
            "/crypto/v1/keys": json.dumps([key]).encode(),
            "/crypto/v1/sign": self.app.send("POST", "/crypto/v1/sign", module_body(key["kid"])),
        }
        files = {}
        for number, (path, content) in enumerate(contents.items()):
            files[path] = directory / f"answer-{number}.json"
            files[path].write_bytes(content)
        return files

    def check_signature(self, kid: str, message: bytes, directory: Path) -> None:
        """openssl must accept what the measured request is answered with."""
        key = self.app.json("GET", f"/crypto/v1/keys/{kid}")["pub_key"]
        answer = self.app.json("POST", "/crypto/v1/sign", sign_body(kid, message))
        for name, content in [("key.der", base64.b64decode(key)), ("signature", base64.b64decode(answer["signature"])),
                              ("message", message)]:  # fmt: skip
            (directory / name).write_bytes(content)
        subprocess.run(
            ["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", "key.der", "-signature", "signature", "message"],
            check=True, capture_output=True, cwd=directory,
        )  # fmt: skip

    def stored_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.data.glob("*.sqlite*"))


class OpenBao(Program):
    """OpenBao's development server over TLS: everything in memory and no audit device, which is its fastest way."""

    def __init__(self, program: Path, directory: Path):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        super().__init__(
            [program, "server", "-dev", "-dev-tls", f"-dev-tls-cert-dir={directory}", "-dev-root-token-id=bench",
             "-dev-no-store-token", f"-dev-listen-address=127.0.0.1:{self.port}", "-log-level=warn"],
            directory / "openbao.log",
            {"HOME": str(directory)},
        )  # fmt: skip
        self.wait_for(r"Root Token: bench")
        (self.ca_file,) = directory.glob("*-ca.pem")
        self._headers = {"X-Vault-Token": "bench"}
        self._admin = HTTPS(self.port, self.ca_file, self._headers)
        self._admin.send("POST", "/v1/sys/mounts/transit", {"type": "transit"})

    def make_key(self, name: str, kind: str) -> None:
        self._admin.send("POST", f"/v1/transit/keys/{name}", {"type": kind})

    def sign_request(self, name: str, message: bytes) -> bytes:
        body = {"input": base64.b64encode(sha256(message).digest()).decode(), "prehashed": True}
        return http_request(self.port, f"/v1/transit/sign/{name}/sha2-256", self._headers, body)


class Answers(Program):
    """The server of load/answer.c: it takes no time, or a known one, and counts."""

    def __init__(
        self, program: Path, certificate: Path, key: Path, delay_us: int, idle_ms: int, files: dict[str, Path], log: Path
    ):
        routes = [f"{path}={file}" for path, file in files.items()]
        super().__init__([program, certificate, key, delay_us, idle_ms, *routes], log)
        self.ca_file = certificate
        self.port = int(self.wait_for(r"^answer: listening on 127\.0\.0\.1:(\d+)$")[1])

    def counts(self) -> dict[str, int]:
        """Connections, this one included, and requests for each path."""
        return HTTPS(self.port, self.ca_file, {}).json("GET", "/counts")


def module_body(kid: str) -> dict:
    digest = base64.b64encode(sha256(b"what is signed").digest()).decode()
    return {"hash": digest, "hash_alg": "SHA256", "key": {"kid": kid}, "mode": {"PKCS1_V15": {}}}


def sign_body(kid: str, message: bytes) -> dict:
    digest = base64.b64encode(sha256(message).digest()).decode()
    return {"key": {"kid": kid}, "hash_alg": "SHA256", "hash": digest}


def http_request(port: int, path: str, headers: dict[str, str], body) -> bytes:
    text = json.dumps(body, separators=(",", ":"))
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(text)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + text).encode()
