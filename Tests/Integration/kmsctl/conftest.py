"""kmsctl with an environment of the test's choice."""

import json
import re
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import PATIENCE, clean_environment


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self) -> list:
        """Of JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict:
        """The error under --json."""
        return json.loads(self.err)["error"]

    @property
    def all(self) -> str:
        return self.out + self.err


class Kmsctl:
    def __init__(self, binary: Path, **environment: str):
        self.binary = binary
        self.environment = environment
        self.outcomes: list[Outcome] = []

    def __call__(self, *args, input: bytes = b"", **changes: str | None) -> Outcome:
        """Runs a command; a change of None takes the variable away."""
        environment = clean_environment(**self.environment) | changes
        result = subprocess.run(
            [str(self.binary), *map(str, args)],
            env={name: str(value) for name, value in environment.items() if value is not None},
            input=input, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip
        outcome = Outcome(result.returncode, result.stdout.decode(), result.stderr.decode())
        self.outcomes.append(outcome)
        return outcome

    def done(self, *args, **changes) -> Outcome:
        outcome = self(*args, **changes)
        assert outcome.code == 0, f"{args}: exit code {outcome.code}\n{outcome.all}"
        return outcome


@pytest.fixture
def kmsctl(binaries, kms, tmp_path) -> Kmsctl:
    """kmsctl before anybody has logged in."""
    return Kmsctl(
        binaries.kmsctl, KMSCTL_ENDPOINT=kms.url, KMSCTL_CA_FILE=str(kms.ca_file), HOME=str(tmp_path),
        KMSCTL_SESSION=str(tmp_path / "kmsctl" / "session.json"),
    )  # fmt: skip


@pytest.fixture
def admin(kmsctl, kms) -> Kmsctl:
    """kmsctl after the administrator has logged in."""
    kmsctl.done("login", "--user", kms.admin, "--password-file", kms.password_file)
    return kmsctl


@pytest.fixture
def name(request, kms) -> str:
    """A name that no other test uses. The KMS is shared, so keys whose names begin with it are deleted afterwards."""
    own = re.sub(r"[^A-Za-z0-9]+", "-", f"{request.node.name[:60]}-{uuid.uuid4().hex[:8]}")
    yield own
    for key in kms.json("key", "list"):
        if key["name"].startswith(own):
            kms.run_kmsctl("key", "delete", key["kid"], "--yes")
