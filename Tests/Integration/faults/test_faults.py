"""Each fault meets each operation: the right return value in time, no credential to another host, and afterwards
everything works and is as it was.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from faults import FAULTS, OPERATIONS, ROUTES, Fault
from processes import wait_until

# retry_timeout_millis, and what the module may take beyond it.
DEADLINE = 1.5
LIMIT = DEADLINE * 1.1
# A busy machine may have kept a call waiting; one that the module delays is late each time.
TRIES = 3
# What the host may grow by, in kB: caches that are filled once.
GROWTH = 6_000


@dataclass
class Record:
    """What came of one fault."""

    # By operation: return value and seconds.
    lasting: dict[str, tuple[str, float]] = field(default_factory=dict)
    # By operation: return value, and how often its request was sent.
    once: dict[str, tuple[str, int]] = field(default_factory=dict)
    # Return values afterwards.
    healed: list[tuple[str, str]] = field(default_factory=list)
    # Requests over connections that the client must refuse.
    over_bad_connections: int = 0
    # Connections to another host.
    elsewhere: int = 0
    # Before and after.
    sockets: tuple[int, int] = (0, 0)
    memory: tuple[int, int] = (0, 0)
    log: str = ""


@dataclass
class Examination:
    """One fault, a server that has it, and a host that meets it."""

    site: object
    name: str
    fault: Fault
    record: Record = field(default_factory=Record)

    def run(self) -> Record:
        with self.site.nobodys_server() as elsewhere, self.site.server() as self.server:
            self.server.elsewhere = elsewhere
            self.host = self.site.host(self.name, self.server, retry_timeout_millis=int(DEADLINE * 1000))
            try:
                self._meet()
            finally:
                self.server.heal()
                self.host.close()
            self.record.elsewhere = elsewhere.opened
            self.record.log = self.host.log()
        return self.record

    def _meet(self):
        for operation in ("login", "prepare", *OPERATIONS[1:], "clean"):
            self.host.must(operation)
        before = self.host("state")
        for operation in self.fault.operations:
            self._lasting(operation)
            if self.fault.expected_once(operation):
                self._once(operation)
        after = self.host("state")
        self.record.memory = before.memory, after.memory
        self.record.sockets = before.sockets, after.sockets
        # The server learns of the end of a connection a little after the client.
        wait_until(lambda: len(self.server.connections) <= 1, f"the end of connections\n{self.host.log()}")

    def _lasting(self, operation: str):
        answers = []
        for _ in range(TRIES):
            self._ready(operation)
            self._spoil(operation)
            seen = len(self.server.requests)
            answers.append(self.host(operation))
            if self.fault.is_connection:
                self.record.over_bad_connections += len(self.server.requests) - seen
            self.server.heal()
            self._check_healed(operation)
            if answers[-1].seconds <= LIMIT:
                break
        self.record.lasting[operation] = answers[0].value, min(one.seconds for one in answers)

    def _once(self, operation: str):
        self._ready(operation)
        before = self.server.count(ROUTES[operation])
        self._spoil(operation, times=1)
        value = self.host(operation).value
        self.record.once[operation] = value, self.server.count(ROUTES[operation]) - before
        self.server.heal()
        self._check_healed(operation)

    def _spoil(self, operation: str, times: int | None = None):
        if self.fault.is_connection:
            self.fault.spoil(self.server)
        else:
            self.server.spoil(self.fault.spoil, ROUTES[operation], times)

    def _ready(self, operation: str):
        """Logged in, or out where the operation is the login."""
        if operation == "login":
            self.host("logout")
        else:
            assert self.host("login").value in ("OK", "USER_ALREADY_LOGGED_IN"), self.host.log()

    def _check_healed(self, operation: str):
        self._ready(operation)
        self.record.healed.append((operation, self.host(operation).value))
        if operation == "generate":
            self.host("clean")


@pytest.fixture(scope="module")
def examinations(site):
    """All at once: they mostly wait."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        futures = {name: pool.submit(Examination(site, name, fault).run) for name, fault in FAULTS.items()}
        yield futures


@pytest.mark.parametrize("name", FAULTS)
def test_fault(examinations, site, name):
    fault = FAULTS[name]
    record = examinations[name].result()
    shown = record.log[-4000:]
    for operation in fault.operations:
        value, seconds = record.lasting[operation]
        assert value == fault.expected(operation), f"{operation}\n{shown}"
        assert seconds <= LIMIT, f"{operation} took {seconds:.2f} s\n{shown}"
        if expected := fault.expected_once(operation):
            value, sent = record.once[operation]
            assert value == expected, f"{operation}, once\n{shown}"
            assert expected == "OK" or operation != "generate" or sent == 1, f"{operation} was sent {sent} times"
    assert [one for one in record.healed if one[1] != "OK"] == [], shown
    assert record.elsewhere == record.over_bad_connections == 0
    assert record.sockets[1] <= record.sockets[0]
    assert record.memory[1] - record.memory[0] < GROWTH, record.memory
    assert site.api_key not in record.log
