"""A TLS client that counts: every connection is a full handshake with verification, then one request."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from certificates import HOST
from processes import PATIENCE

REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()


@dataclass
class Visit:
    """One connection: when it began and ended (monotonic seconds), and what went wrong."""

    began: float
    ended: float
    error: str | None = None
    version: str | None = None

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def client_context(ca_file: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca_file))
    context.minimum_version = context.maximum_version = version
    return context


def both_versions(ca_file: Path) -> list[ssl.SSLContext]:
    """A TLS 1.2 and a TLS 1.3 client."""
    return [client_context(ca_file, version) for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]


def visit(port: int, context: ssl.SSLContext, timeout: float = PATIENCE) -> Visit:
    began = time.monotonic()
    version = error = None
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as connection,
        ):
            version = connection.version()
            connection.sendall(REQUEST)
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
            if not answer.startswith(b"HTTP/1.1 200 ") or b"The private key of this page is in the KMS." not in answer:
                error = f"unexpected answer {answer[:100]!r}"
    except OSError as problem:
        error = f"{type(problem).__name__}: {problem}"
    return Visit(began, time.monotonic(), error, version)


def handshakes(count: int, port: int, contexts: list[ssl.SSLContext], threads: int = 8) -> list[Visit]:
    """`count` visits over several threads, the contexts in turn."""
    visits: list[Visit] = []
    numbers = iter(range(count))
    turn = threading.Lock()

    def work():
        while True:
            with turn:
                number = next(numbers, None)
            if number is None:
                return
            done = visit(port, contexts[number % len(contexts)])
            with turn:
                visits.append(done)

    crew = [threading.Thread(target=work) for _ in range(threads)]
    for member in crew:
        member.start()
    for member in crew:
        member.join()
    return visits


@dataclass
class Traffic:
    """Visitors who keep coming until told to stop; usable with `with`."""

    port: int
    contexts: list[ssl.SSLContext]
    threads: int = 4
    # Seconds that each visitor waits before coming again.
    pause: float = 0
    visits: list[Visit] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    # Guards the two below: nobody visits while somebody holds the traffic.
    _change: threading.Condition = field(default_factory=threading.Condition)
    _is_held: bool = False
    _underway: int = 0
    _crew: list[threading.Thread] = field(default_factory=list)

    def __enter__(self):
        self._crew = [threading.Thread(target=self._work, args=(number,)) for number in range(self.threads)]
        for member in self._crew:
            member.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for member in self._crew:
            member.join()

    def _work(self, number: int):
        while not self._over.is_set():
            with self._change:
                self._change.wait_for(lambda: not self._is_held)
                self._underway += 1
            self.visits.append(visit(self.port, self.contexts[number % len(self.contexts)]))
            with self._change:
                self._underway -= 1
                self._change.notify_all()
            self._over.wait(self.pause)

    @contextmanager
    def held(self):
        """No visitor is under way inside."""
        with self._change:
            self._is_held = True
            self._change.wait_for(lambda: self._underway == 0)
        try:
            yield
        finally:
            with self._change:
                self._is_held = False
                self._change.notify_all()

    def successes(self) -> list[Visit]:
        return [one for one in list(self.visits) if one.error is None]

    def failures(self) -> list[Visit]:
        return [one for one in list(self.visits) if one.error is not None]
