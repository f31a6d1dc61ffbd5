"""The measurements. Each answers plain numbers; what they mean is in README.md."""

import json
import os
import re
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from processes import cpu_seconds, machine_cpu_seconds, memory_mib, wait_for_quiet
from servers import Failure, Kmsd, Program

CONNECTIONS = 8
SPEED = ["openssl", "speed", "-mr"]
MESSAGE = b"what is signed"


def run(command: list, environment: dict[str, str] | None = None) -> str:
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=600, env=environment
    )
    if result.returncode != 0:
        raise Failure(f"{' '.join(str(part) for part in command)} failed:\n{result.stderr}")
    return result.stdout


class Load:
    """The load program with one server and one request."""

    def __init__(self, program: Path, server: Program, request: bytes, file: Path):
        file.write_bytes(request)
        self._command = [program, server.port, server.ca_file, file, CONNECTIONS]
        self._server = server
        self.count(2 * CONNECTIONS)

    def seconds(self, seconds: float) -> dict[str, float]:
        return self._measured("--seconds", seconds)

    def count(self, requests: int) -> dict[str, float]:
        return self._measured("--count", requests)

    def _measured(self, *limit) -> dict[str, float]:
        before = cpu_seconds(self._server.pid)
        result = json.loads(run([*self._command, *limit]))
        result["server_cpu_us"] = (cpu_seconds(self._server.pid) - before) * 1e6 / result["requests"]
        return result


def openssl_speed(algorithm: str, seconds: int) -> dict[str, float]:
    """Signatures per second of two processes together, and the CPU time of one while both cores sign.

    With -multi the program counts seconds of the clock, without it those of its own CPU time. Only the latter are true
    while other programs use the cores, too.
    """
    together = speed_result(algorithm, run([*SPEED, "-seconds", seconds, "-multi", 2, algorithm]))
    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(run, [[*SPEED, "-seconds", 1, algorithm]] * 2))
    alone = statistics.mean(speed_result(algorithm, output) for output in outputs)
    return {"per_second": together, "cpu_us": 1e6 / alone}


def speed_result(algorithm: str, output: str) -> float:
    match = re.search(r"^\+F\d:\d+:\d+:([\d.]+):", output, re.MULTILINE)
    if not match:
        raise Failure(f"openssl speed {algorithm} did not say how fast it was:\n{output}")
    return float(match[1])


def others_during(own_pids: list[int], work) -> tuple[dict[str, float], float]:
    """What `work` answers, and the cores that programs other than ours and `own_pids` used meanwhile."""
    wait_for_quiet()

    def own() -> float:
        times = os.times()
        servers = sum(cpu_seconds(pid) for pid in own_pids)
        return servers + times.user + times.system + times.children_user + times.children_system

    machine, ours, begin = machine_cpu_seconds(), own(), time.monotonic()
    result = work()
    wall = time.monotonic() - begin
    return result, max(0, (machine_cpu_seconds() - machine - (own() - ours)) / wall)


def in_rounds(work: dict, rounds: int, own_pids: list[int], say, what: str) -> list[dict]:
    """Within each round everything that is compared is measured one after the other."""
    results = []
    for number in range(rounds):
        say(f"{what}, round {number + 1} of {rounds}")
        measured: dict = {"others": 0.0}
        for name, step in work.items():
            measured[name], others = others_during(own_pids, step)
            measured["others"] += others / len(work)
        results.append(measured)
    return results


def list_all(kms: Kmsd) -> tuple[int, float]:
    """Objects seen, and the seconds from each request to the last byte of its answer, for all pages together."""
    seen, seconds, start = 0, 0.0, ""
    while True:
        begin = time.monotonic()
        page = kms.app.send("GET", f"/crypto/v1/keys?sort=kid&limit=1000{start}")
        seconds += time.monotonic() - begin
        keys = json.loads(page)
        if not keys:
            return seen, seconds
        seen += len(keys)
        start = "&start=" + keys[-1]["kid"]


def listing(kms: Kmsd, rounds: int) -> dict[str, float]:
    counts, durations, memory = [], [], [memory_mib(kms.pid)]
    for _ in range(rounds):
        count, seconds = list_all(kms)
        counts.append(count)
        durations.append(seconds)
        memory.append(memory_mib(kms.pid))
    if len(set(counts)) != 1:
        raise Failure(f"the listings do not agree on the number of keys: {counts}")
    durations.sort()
    return {
        "keys": counts[0],
        "seconds": durations[len(durations) // 2],
        "memory_before": memory[0],
        "memory_first": memory[1],
        "memory_last": memory[-1],
    }


def endurance(load: Load, kms: Kmsd, signatures: int, samples: int) -> dict[str, float]:
    """Memory and disk over many signatures."""
    disk = kms.stored_bytes()
    memory = []
    for _ in range(samples):
        load.count(signatures // samples)
        memory.append(memory_mib(kms.pid))
    return {
        "signatures": signatures // samples * samples,
        "memory_first": memory[0],
        "memory_most": max(memory),
        "memory_last": memory[-1],
        "record_bytes": (kms.stored_bytes() - disk) / (signatures // samples * samples),
    }
