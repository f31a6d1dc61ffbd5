"""A TLS proxy in front of the KMS that writes down every byte, to learn the secrets that really travelled."""

import re
import socket
from collections import defaultdict
from pathlib import Path

from tls_front import TLSFront


class Wiretap(TLSFront):
    """Listens on a free port of 127.0.0.1; usable with `with`."""

    def __init__(self, certificate: Path, key: Path, kms_port: int):
        super().__init__(certificate, key, kms_port)
        self._recorded: dict[socket.socket, bytes] = defaultdict(bytes)

    def passed(self, source: socket.socket, chunk: bytes):
        self._recorded[source] += chunk

    def credentials(self) -> set[str]:
        """What the Authorization headers carried and what the KMS handed out as bearer tokens."""
        text = b"\n".join(list(self._recorded.values())).decode("latin-1")
        sent = re.findall(r"^authorization: *(?:basic|bearer) +(\S+)", text, re.IGNORECASE | re.MULTILINE)
        return {*sent, *re.findall(r'"access_token" *: *"([^"]+)"', text)}
