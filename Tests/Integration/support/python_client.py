"""A script of our own that uses a PKCS#11 package, run in a process of its own for each of its checks."""

import re
import sys
from pathlib import Path

from client_token import ClientToken
from processes import run


def checks(script: Path) -> list[str]:
    """The functions of a script that a test runs: those whose names begin with `check_`."""
    return re.findall(r"^def (check_\w+)\(", script.read_text(), re.MULTILINE)


def run_check(script: Path, check: str, token: ClientToken):
    # Packages of the environment that runs the tests, and no byte code beside the sources.
    env = token.env | {
        "CLIENT_MODULE": str(token.module),
        "CLIENT_LABEL": token.label,
        "CLIENT_PIN": token.pin,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    result = run(sys.executable, script, check, env=env)
    assert result.stdout.decode().splitlines()[-1:] == ["done"], result.stdout
