"""kmsd asked directly over its REST API, as any client would, with nothing but Python's own HTTPS."""

import base64
import http.client
import json
import os
import re
import signal
import sqlite3
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import PATIENCE, Service, clean_environment, output_of, run, wait_until, wait_until_settled
from sdkms_client import PROPERTY, Client


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: dict[str, str]

    def json(self):
        return json.loads(self.text)


class REST:
    """One kept-alive connection to a kmsd."""

    def __init__(self, kms: "Server", authorization: str | None = None):
        self.kms = kms
        self.authorization = authorization
        self._connection = None

    def ask(self, method: str, path: str, body=None, headers=None) -> Answer:
        """`body` is JSON for dict and list, sent as it is for bytes; http.client sends an iterable in chunks."""
        if isinstance(body, dict | list):
            body = json.dumps(body).encode()
        headers = dict(headers or {})
        if self.authorization:
            headers.setdefault("Authorization", self.authorization)
        if self._connection is None:
            context = ssl.create_default_context(cafile=self.kms.ca_file)
            self._connection = http.client.HTTPSConnection(
                "127.0.0.1", self.kms.port, context=context, timeout=PATIENCE
            )
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            return Answer(response.status, response.read().decode(), dict(response.getheaders()))
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def expect(self, status: int, method: str, path: str, body=None) -> Answer:
        answer = self.ask(method, path, body)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.text}"
        return answer

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Server:
    """A kmsd on a data directory of its own. Nothing else of the project is needed to fill and to ask it."""

    admin = "admin@localhost"
    password = "correct horse battery staple"

    def __init__(self, program: Path, directory: Path, log_level: str | None = None, initialize: bool = True):
        directory.mkdir(exist_ok=True)
        self.program = program
        self.directory = directory
        self.data = directory / "data"
        self.ca_file = self.data / "ca.pem"
        self.log = directory / "kmsd.log"
        self.log_level = log_level
        # Further flags and variables of `kmsd serve`.
        self.arguments: list = []
        self.environment: dict[str, str] = {}
        self.port = 0
        self._service = None
        if initialize:
            run(program, "init", "--data", self.data, env=clean_environment(KMSD_ADMIN_PASSWORD=self.password))

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def launch(self):
        """Does not wait until it serves. On a free port the first time, on the same one afterwards."""
        command = [self.program, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"]
        command += ["--log-level", self.log_level] if self.log_level else []
        command += self.arguments
        self._service = Service(command, clean_environment(**self.environment), self.log)
        self._service.start()

    def start(self, any_port: bool = False):
        """`any_port`: another program may have taken the old one, and nobody relies on it."""
        self.port = 0 if any_port else self.port
        seen = self.log.stat().st_size if self.log.exists() else 0
        self.launch()

        def announced():
            assert self._service.is_running(), f"kmsd ended at once:\n{self._service.text()}"
            output = self.log.read_bytes()[seen:].decode(errors="replace")
            return re.search(r"^kmsd: listening on https://127\.0\.0\.1:(\d+)$", output, re.MULTILINE)

        self.port = int(wait_until(announced, "kmsd's start")[1])

    def stop(self, signal_number=signal.SIGTERM) -> int:
        return self._service.stop(signal_number) if self._service else 0

    def kill9(self):
        self.stop(signal.SIGKILL)

    def resident_bytes(self) -> int:
        """What kmsd holds in memory now."""
        return self._memory("VmRSS")

    def peak_bytes(self) -> int:
        """The most that it has held since its start or the last `forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self):
        Path(f"/proc/{self._service.process.pid}/clear_refs").write_text("5")

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self._service.process.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._service.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self._service.process.pid}/fd"))

    def verify(self) -> str:
        """What `kmsd verify` says, also while the server works; anything it finds is a failure."""
        environment = clean_environment(**self.environment)
        return output_of(run(self.program, "verify", "--data", self.data, env=environment)).strip()

    def connect(self, authorization: str | None = None) -> REST:
        return REST(self, authorization)

    def admin_session(self) -> REST:
        return self.user_session(self.admin, self.password)

    def user_session(self, email: str, password: str, account: str | None = None) -> REST:
        """A connection of a user who has selected the account, which may be left out when there is only one."""
        rest = self.connect(basic(f"{email}:{password}"))
        token = rest.expect(200, "POST", "/sys/v1/session/auth").json()["access_token"]
        rest.authorization = f"Bearer {token}"
        if account is None:
            (account,) = rest.expect(200, "GET", "/sys/v1/users/accounts").json()
        rest.expect(200, "POST", "/sys/v1/session/select_account", {"acct_id": account})
        return rest

    def sql(self, query: str, *arguments):
        """The first row of a question to the database itself, which is read and never written; None: no row."""
        self.settle()
        database = sqlite3.connect(f"file:{self.data / 'kmsd.sqlite'}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return database.execute(query, arguments).fetchone()
        finally:
            database.close()

    def settle(self):
        """Waits until the database has what was recorded so far; that of a server that was killed gets it at the next start."""
        if self._service is not None and self._service.is_running():
            wait_until_settled(self.data)

    def attribute(self, kid: str, name: str):
        """An attribute of a security object, as it is stored."""
        row = self.sql("SELECT json_extract(attributes, '$.' || ?) FROM sobject WHERE kid = ?", name, kid)
        return row and row[0]

    def make_app(self, name: str) -> str:
        """A group and an app of that name; answers the API key."""
        admin = self.admin_session()
        group = admin.expect(201, "POST", "/sys/v1/groups", {"name": name}).json()["group_id"]
        app = admin.expect(
            201, "POST", "/sys/v1/apps", {"name": name, "add_groups": [group], "default_group": group}
        ).json()["app_id"]
        secret = admin.expect(200, "GET", f"/sys/v1/apps/{app}/credential").json()["credential"]["secret"]
        admin.close()
        return base64.b64encode(f"{app}:{secret}".encode()).decode()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture(scope="module")
def server(binaries, tmp_path_factory):
    """A kmsd of this module's own, logging all it has to say."""
    kms = Server(binaries.kmsd, tmp_path_factory.mktemp("kmsd"), log_level="trace")
    kms.start()
    try:
        yield kms
    finally:
        kms.stop()


@pytest.fixture(scope="module")
def quiet_server(binaries, tmp_path_factory):
    """One with the default log level. With more, each request goes the way on which it is logged."""
    kms = Server(binaries.kmsd, tmp_path_factory.mktemp("quiet"))
    kms.start()
    try:
        yield kms
    finally:
        kms.stop()


@pytest.fixture(scope="module")
def app(server) -> REST:
    """A connection of an app with full rights in its group, with the API key on every request."""
    rest = REST(server, f"Basic {server.make_app('app')}")
    yield rest
    rest.close()


@pytest.fixture(scope="module")
def cli(server, tmp_path_factory) -> Client:
    """Fortanix's own client, for this module's server."""
    return Client(server.url, server.ca_file, tmp_path_factory.mktemp("sdkms-cli"))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """For `@pytest.mark.command(NAME, PROOF)`: the test must run that command, and its report says so."""
    marks = [mark.args for mark in pyfuncitem.iter_markers("command")]
    used = pyfuncitem.funcargs["cli"].used if marks else []
    used.clear()
    pyfuncitem.user_properties.extend((PROPERTY, mark) for mark in marks)
    result = yield
    missing = {command for command, _ in marks} - set(used)
    assert not missing, f"the test claims to run {missing} and does not"
    return result


@pytest.fixture
def connect(server):
    """Further connections to the same kmsd."""
    opened = []

    def open_one(authorization: str | None = None) -> REST:
        opened.append(REST(server, authorization))
        return opened[-1]

    yield open_one
    for rest in opened:
        rest.close()


@pytest.fixture
def new_kms(binaries, tmp_path):
    """Makes data directories that no other test sees; what is still running at the end is stopped."""
    made = []

    def make(name: str = "kmsd", initialize: bool = True) -> Server:
        made.append(Server(binaries.kmsd, tmp_path / name, initialize=initialize))
        return made[-1]

    yield make
    for kms in made:
        kms.stop()


@pytest.fixture(scope="module")
def new_module_kms(binaries, tmp_path_factory):
    """As `new_kms`, for a module."""
    made = []

    def make(name: str = "kmsd") -> Server:
        made.append(Server(binaries.kmsd, tmp_path_factory.mktemp(name)))
        return made[-1]

    yield make
    for kms in made:
        kms.stop()


@pytest.fixture(scope="session")
def openssl_der():
    """Runs openssl and answers its output, which is DER."""

    def make(*arguments, input: bytes = b"") -> bytes:
        return run("openssl", *arguments, input=input).stdout

    return make


@pytest.fixture
def rest_client():
    """The class itself, for tests that stop and start their server."""
    return REST
