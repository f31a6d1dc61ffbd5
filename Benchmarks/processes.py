"""What the kernel says of processes and of the machine: CPU seconds and memory."""

import os
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and its children, theirs included."""
    members = [pid]
    for member in members:
        for task in Path(f"/proc/{member}/task").iterdir():
            members += [int(child) for child in (task / "children").read_text().split()]
    return members


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, since they started."""
    ticks = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def machine_cpu_seconds() -> float:
    """What all cores have worked since the machine started."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle, waiting = fields[3], fields[4]
    return (sum(fields) - idle - waiting) / TICK


def memory_mib(pid: int) -> float:
    """Resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended")


def wait_for_quiet(cores: float = 0.3, patience: float = 5) -> None:
    """Until other programs use less than this many cores; goes on after `patience` seconds in any case."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        before = machine_cpu_seconds()
        time.sleep(0.25)
        if (machine_cpu_seconds() - before) / 0.25 < cores:
            return
