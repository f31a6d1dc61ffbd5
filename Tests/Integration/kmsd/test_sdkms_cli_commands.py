"""Every command of sdkms-cli has a test in test_sdkms_cli_*.py that carries its name, and so a verdict in the table."""

import importlib.util
from pathlib import Path

from sdkms_client import all_commands


def claimed() -> set[str]:
    """The names in the marks of the tests, whichever of them this run selects."""
    names = set()
    for path in Path(__file__).parent.glob("test_sdkms_cli_*.py"):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for value in vars(module).values():
            marks = getattr(value, "pytestmark", [])
            names |= {mark.args[0] for mark in marks if mark.name == "command"}
    return names


def test_every_command_has_a_verdict():
    commands = all_commands()
    assert len(commands) >= 65, "the client has lost commands"
    assert claimed() == commands
