"""The module, and NGINX with it: what is measured in rounds, what is counted once, and the lines that follow."""

import json
import statistics
from collections.abc import Callable
from pathlib import Path

import nginx
from measures import in_rounds, run
from processes import cpu_seconds
from servers import Answers, Kmsd, Program
from table import Row, median, quieter_half
from tokens import KEY, Stage, softhsm_token

SIGNATURES = 10_000
SEARCHES = 1_000
RECONNECTS = 10
# The server closes what was idle for so long, and the client waits longer.
IDLE_MS, PAUSE_US = 200, 400_000
# Handshakes under way at the same time.
VISITORS = 4

Work = dict[str, Callable[[], dict[str, float]]]


def module_rows(
    programs: Path, module: Path, kms: Kmsd, seconds: float, rounds: int, directory: Path, say: Callable[[str], None]
) -> list[Row]:
    servers: list[Program] = []
    try:
        stage = Stage(programs, module, kms, directory)
        instant, slow, closing = stage.instant(), stage.instant(delay_us=2_000), stage.instant(idle_ms=IDLE_MS)
        servers += [instant, slow, closing]
        work = signing_work(stage, instant, slow, seconds)
        work["softhsm 1"] = lambda: softhsm.work("sign", 1, "--seconds", seconds)
        softhsm = softhsm_token(programs, stage.keys, directory)
        work |= handshake_work(stage, softhsm, programs, seconds, directory, servers)
        pids = [kms.pid, *(one.pid for one in servers)]
        measured = quieter_half(in_rounds(work, rounds, pids, say, "Module and NGINX"))
        say("Counting requests and connections")
        counted = count_rows(stage, instant) + reconnect_rows(stage, instant, closing)
    finally:
        for server in servers:
            server.stop()
    return signing_rows(measured) + handshake_rows(measured) + counted + loading_rows(programs, module)


def signing_work(stage: Stage, instant: Answers, slow: Answers, seconds: float) -> Work:
    """Signatures through the module, and the same requests without it. Against servers that repeat one signature it
    cannot be verified; against kmsd it is, as is the default."""
    limit = ("--seconds", seconds)
    default = stage.token(stage.kms, "kmsd")
    quick = stage.token(instant, "instant", verify_signatures="off")
    delayed = stage.token(slow, "slow", verify_signatures="off")
    work: Work = {}
    for threads in (1, 8):
        work[f"kmsd bare {threads}"] = lambda threads=threads: stage.bare(stage.kms, threads, *limit)
        work[f"kmsd module {threads}"] = lambda threads=threads: default.work("sign", threads, *limit)
        work[f"slow module {threads}"] = lambda threads=threads: delayed.work("sign", threads, *limit)
    for threads in (1, 2, 8):
        work[f"instant bare {threads}"] = lambda threads=threads: stage.bare(instant, threads, *limit)
        work[f"instant module {threads}"] = lambda threads=threads: quick.work("sign", threads, *limit)
    return work


def signing_rows(rounds: list[dict]) -> list[Row]:
    def ratio(above: str, below: str, field: str = "per_second") -> float:
        return median(rounds, lambda m: m[above][field] / m[below][field])

    def beyond(server: str) -> float:
        above, below = f"{server} module 1", f"{server} bare 1"
        return median(rounds, lambda m: m[above]["client_cpu_us"] - m[below]["client_cpu_us"])

    rows = [
        Row(f"Module ÷ libcurl, {kms}, {threads}", ratio(f"{name} module {count}", f"{name} bare {count}"), target=target)
        for kms, name, count, threads, target in [
            ("kmsd", "kmsd", 1, "one thread", 0.95),
            ("kmsd", "kmsd", 8, "eight threads", 0.95),
            ("instant KMS", "instant", 1, "one thread", 0.8),
            ("instant KMS", "instant", 2, "two threads", 0.8),
            ("instant KMS", "instant", 8, "eight threads", 0.8),
        ]
    ]
    return rows + [
        Row("The same, one thread, latency of 99 %", ratio("instant module 1", "instant bare 1", "p99_us"), "", 1.3, True),
        Row("Module, KMS of 2 ms, eight threads ÷ one", ratio("slow module 8", "slow module 1"), target=7),
        Row("Client CPU beyond libcurl, instant KMS", beyond("instant"), " µs", 10, at_most=True),
        Row("The same, kmsd, signatures verified", beyond("kmsd"), " µs"),
        Row("Client CPU of bare libcurl", median(rounds, lambda m: m["instant bare 1"]["client_cpu_us"]), " µs"),
        Row("Module and kmsd ÷ SoftHSM, RSA-2048, one thread", ratio("kmsd module 1", "softhsm 1"), target=1.5),
        Row("Module and kmsd, one thread: signatures/s", median(rounds, lambda m: m["kmsd module 1"]["per_second"])),
        Row("Module and kmsd, eight threads: signatures/s", median(rounds, lambda m: m["kmsd module 8"]["per_second"])),
    ]


def handshake_work(
    stage: Stage, softhsm, programs: Path, seconds: float, directory: Path, servers: list[Program]
) -> Work:
    """TLS 1.3 handshakes with keys in files, at kmsd, and in SoftHSM."""
    keys = stage.keys
    token = stage.token(stage.kms, "nginx")
    made = {
        "rsa local 1": nginx.local(directory / "rsa-local", 1, keys.rsa, keys.rsa_certificate),
        "rsa module 1": nginx.remote(directory / "rsa-module", 1, token, keys.rsa_certificate),
        "rsa softhsm 1": nginx.remote(directory / "rsa-softhsm", 1, softhsm, keys.rsa_certificate),
        "rsa module 2": nginx.remote(directory / "rsa-module-2", 2, token, keys.rsa_certificate),
        "rsa softhsm 2": nginx.remote(directory / "rsa-softhsm-2", 2, softhsm, keys.rsa_certificate),
        "ec local 1": nginx.local(directory / "ec-local", 1, keys.ec, keys.ec_certificate),
        "ec module 1": nginx.remote(directory / "ec-module", 1, token, keys.ec_certificate, f"{KEY}-ec"),
    }
    servers += made.values()

    def handshakes(server: Program, *limit) -> dict[str, float]:
        before = cpu_seconds(server.pid)
        result = json.loads(run([programs / "handshakes", server.port, VISITORS, *limit]))
        result["server_cpu_us"] = (cpu_seconds(server.pid) - before) * 1e6 / result["requests"]
        return result

    for server in made.values():
        # The first signature of a worker opens its connection.
        handshakes(server, "--count", 8 * VISITORS)
    return {name: lambda server=server: handshakes(server, "--seconds", seconds) for name, server in made.items()}


def handshake_rows(rounds: list[dict]) -> list[Row]:
    def ratio(above: str, below: str, field: str) -> float:
        return median(rounds, lambda m: m[above][field] / m[below][field])

    def worker_cpu(kind: str) -> float:
        return ratio(f"{kind} module 1", f"{kind} local 1", "server_cpu_us")

    def per_second(name: str) -> float:
        return median(rounds, lambda m: m[name]["per_second"])

    one, two = (ratio(f"rsa module {count}", f"rsa softhsm {count}", "per_second") for count in (1, 2))
    return [
        Row("NGINX worker CPU, RSA-2048, module ÷ key file", worker_cpu("rsa"), "", 0.7, at_most=True),
        Row("NGINX worker CPU, P-256, module ÷ key file", worker_cpu("ec"), "", 1.2, at_most=True),
        Row("NGINX, module and kmsd ÷ SoftHSM, one worker", one, target=1),
        Row("NGINX, module and kmsd ÷ SoftHSM, two workers", two, target=1),
        Row("NGINX, module and kmsd, one worker: handshakes/s", per_second("rsa module 1")),
        Row("NGINX, key file, one worker: handshakes/s", per_second("rsa local 1")),
    ]


def count_rows(stage: Stage, server: Answers) -> list[Row]:
    """What reaches the KMS. The server counts; its own count of connections has the one that asks."""
    token = stage.token(server, "counted", verify_signatures="off")
    threads = 8

    def counted(*work) -> dict[str, int]:
        before = server.counts()
        token.work(*work)
        after = server.counts()
        return {name: after[name] - before[name] - (name == "connections") for name in after}

    signing = counted("sign", threads, "--count", SIGNATURES)
    # Each thread signs once before the count begins.
    per_signature = signing["/crypto/v1/sign"] / (SIGNATURES + threads)
    # Opening the session lists the key; all later searches are answered from memory.
    least = counted("find", 1, "--count", 1)
    searching = counted("find", 1, "--count", 1 + SEARCHES)
    more = sum(searching[name] - least[name] for name in searching)
    return [
        Row("Requests per signature", per_signature, "", 1, True),
        Row(f"Connections for {SIGNATURES:,} signatures, eight threads", signing["connections"], "", threads, True),
        Row(f"Requests for {SEARCHES:,} searches and {4 * SEARCHES:,} attributes", more, "", 0, True),
    ]


def reconnect_rows(stage: Stage, staying: Answers, closing: Answers) -> list[Row]:
    """What it costs that the server has closed the connection while it was idle, with the system's authorities trusted
    as well. A signature that fails ends the benchmark."""

    def cpu_us(server: Answers, name: str) -> float:
        token = stage.token(server, name, verify_signatures="off", ca_certs_system=True)
        return token.work("sign", 1, "--count", RECONNECTS, pause_us=PAUSE_US)["client_cpu_us"]

    before = closing.counts()["connections"]
    cost = cpu_us(closing, "closing") - cpu_us(staying, "staying")
    reconnects = closing.counts()["connections"] - before - 2
    return [
        Row("Reconnect after the KMS closed the connection: client CPU", cost / 1000, " ms", 2, True),
        Row(f"Connections lost in {RECONNECTS} signatures, none of which failed", reconnects),
    ]


def loading_rows(programs: Path, module: Path) -> list[Row]:
    """Medians of fresh processes."""
    results = [json.loads(run([programs / "loading", module])) for _ in range(15)]

    def middle(field: str) -> float:
        return statistics.median(result[field] for result in results)

    return [
        Row("dlopen and C_GetFunctionList", middle("milliseconds"), " ms", 8, True),
        Row("Private memory that they take", middle("private_mib"), " MiB", 8, True),
        Row("Threads that they start", middle("threads"), "", 0, True),
    ]
