"""Fortanix's own command line client, and the table that says what became of each of its commands."""

import argparse
import re
import shutil
import sys
from pathlib import Path
from unittest import mock

from processes import clean_environment, output_of, run

KID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# The name under which a test's report carries the verdicts of its commands.
PROPERTY = "sdkms-cli"


class Client:
    """The client as it is installed, with a token file of its own. Certificates are verified."""

    def __init__(self, url: str, ca_file: Path, directory: Path):
        self.directory = directory
        self.used: list[str] = []
        self._program = shutil.which("sdkms-cli", path=f"{Path(sys.executable).parent}:{clean_environment()['PATH']}")
        assert self._program, "sdkms-cli is not installed: run `make venv`"
        self._options = ["--ssl-ca-cert", ca_file]
        self._environment = clean_environment(
            SDKMS_CLI_TOKEN_FILE=str(directory / "token"), FORTANIX_API_ENDPOINT=url, HOME=str(directory)
        )

    def run(self, *arguments, input: bytes | None = None):
        self.used.append(arguments[0])
        return run(
            self._program, *self._options, *arguments, env=self._environment, cwd=self.directory, check=False, input=input
        )

    def raw(self, *arguments, input: bytes | None = None) -> bytes:
        result = self.run(*arguments, input=input)
        assert result.returncode == 0, f"sdkms-cli {' '.join(map(str, arguments))}\n{output_of(result)}"
        return result.stdout

    def __call__(self, *arguments, input: bytes | None = None) -> str:
        """What a command prints that must succeed."""
        return self.raw(*arguments, input=input).decode()

    def kid(self, *arguments) -> str:
        """The id in what it prints."""
        return KID.search(self(*arguments))[0]

    def refused(self, *arguments) -> str:
        """What a command says that must fail, in the client's own words: no traceback."""
        text = self.fails(*arguments)
        assert "[E] " in text and "Traceback" not in text, text
        return text

    def fails(self, *arguments) -> str:
        result = self.run(*arguments)
        assert result.returncode == 1, f"sdkms-cli {' '.join(map(str, arguments))}\n{output_of(result)}"
        return result.stderr.decode()


def all_commands() -> set[str]:
    """Every command of the installed client, from the client's own argument parser."""
    import sdkms_cli.__main__ as program

    class Found(Exception):
        pass

    def intercept(parser, *_):
        raise Found(next(a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)))

    with mock.patch.object(argparse.ArgumentParser, "parse_args", intercept):
        try:
            program.main()
        except Found as found:
            return set(found.args[0])
    raise AssertionError("sdkms-cli parses its arguments in another way than it did")


def print_verdicts(reporter):
    """At the end of a run: each command that was tried, and what was found."""
    verdicts: dict[str, dict[str, None]] = {}
    for category in ("passed", "failed", "error"):
        for report in reporter.getreports(category):
            for name, value in getattr(report, "user_properties", []):
                if name == PROPERTY:
                    command, proof = value
                    verdict = proof if category == "passed" else f"FAILED in {report.nodeid.rpartition('::')[2]}"
                    verdicts.setdefault(command, {})[verdict] = None
    if verdicts:
        reporter.section("sdkms-cli: verdicts")
        width = max(map(len, verdicts))
        for command, found in sorted(verdicts.items()):
            reporter.write_line(f"{command:{width}}  {'; '.join(found)}")
        reporter.write_line(f"{len(verdicts)} commands")
