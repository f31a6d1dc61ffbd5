#!/usr/bin/env python3
"""kmsd beside `openssl speed` and OpenBao, the module and NGINX beside bare libcurl, key files and SoftHSM, as one table of
ratios. See README.md."""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from measures import MESSAGE, Load, endurance, in_rounds, listing, openssl_speed
from module import module_rows
from processes import memory_mib
from servers import Failure, Kmsd, OpenBao
from table import Row, machine, markdown, median, quieter_half


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kmsd", type=Path, required=True, help="the program under test")
    parser.add_argument("--module", type=Path, help="the module under test; needed unless --only is memory")
    parser.add_argument("--programs", type=Path, required=True, help="folder with the programs of load/")
    parser.add_argument("--bao", type=Path, help="OpenBao's program; needed unless --only is given")
    parser.add_argument("--seconds", type=int, default=3, help="length of each measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=6, help="how often each is taken (%(default)s)")
    parser.add_argument("--keys", type=int, default=10_000, help="keys in the listing (%(default)s)")
    parser.add_argument("--signatures", type=int, default=200_000, help="for the memory at the end (%(default)s)")
    parser.add_argument(
        "--only", choices=["memory", "module"], help="nothing but the memory during --signatures, or module and NGINX"
    )
    parser.add_argument("--results", type=Path, help="file to write the table to")
    options = parser.parse_args()
    if not options.only and not options.bao:
        parser.error("--bao is missing")
    if options.only != "memory" and not options.module:
        parser.error("--module is missing")
    for name in "load", "request", "sign", "answer", "handshakes", "loading":
        if not (options.programs / name).exists():
            parser.error(f"{options.programs / name} is missing: run `make bench-programs`")
    return options


def say(text: str) -> None:
    print(f"== {text}", file=sys.stderr, flush=True)


def signing_load(options: argparse.Namespace, kms: Kmsd, directory: Path, name: str, **kind) -> Load:
    """Signatures with a new key, of which openssl has verified one."""
    kid = kms.make_key(name, **kind)
    kms.check_signature(kid, MESSAGE, directory)
    return Load(options.programs / "load", kms, kms.sign_request(kid, MESSAGE), directory / f"{name}.request")


def speed(options: argparse.Namespace, kms: Kmsd, bao: OpenBao, directory: Path) -> tuple[list[dict], Load]:
    rsa_load = signing_load(options, kms, directory, "rsa", obj_type="RSA", key_size=2048)
    ec_load = signing_load(options, kms, directory, "ec", obj_type="EC", elliptic_curve="NistP256")
    bao.make_key("ec", "ecdsa-p256")
    bao_load = Load(options.programs / "load", bao, bao.sign_request("ec", MESSAGE), directory / "bao.request")
    work = {
        "openssl_rsa": lambda: openssl_speed("rsa2048", options.seconds),
        "kmsd_rsa": lambda: rsa_load.seconds(options.seconds),
        "openssl_ec": lambda: openssl_speed("ecdsap256", options.seconds),
        "kmsd_ec": lambda: ec_load.seconds(options.seconds),
        "bao_ec": lambda: bao_load.seconds(options.seconds),
    }
    return in_rounds(work, options.rounds, [kms.pid, bao.pid], say, "Signing"), ec_load


def signing_rows(rounds: list[dict]) -> list[Row]:
    def ratio(above: str, below: str) -> float:
        return median(rounds, lambda m: m[above]["per_second"] / m[below]["per_second"])

    def beyond(kind: str) -> float:
        return median(rounds, lambda m: m[f"kmsd_{kind}"]["server_cpu_us"] - m[f"openssl_{kind}"]["cpu_us"])

    rows = [
        Row("RSA-2048 signatures/s ÷ openssl speed", ratio("kmsd_rsa", "openssl_rsa"), target=0.75),
        Row("P-256 signatures/s ÷ openssl speed", ratio("kmsd_ec", "openssl_ec"), target=0.25),
        Row("P-256 signatures/s ÷ OpenBao Transit", ratio("kmsd_ec", "bao_ec"), target=3),
        Row("P-256: server CPU beyond the signature", beyond("ec"), " µs", 60, at_most=True),
        Row("RSA-2048: server CPU beyond the signature", beyond("rsa"), " µs", 60, at_most=True),
    ]
    for title, name in [("RSA-2048", "kmsd_rsa"), ("P-256", "kmsd_ec"), ("OpenBao, P-256", "bao_ec")]:
        rows += [
            Row(f"{title}: signatures/s", median(rounds, lambda m: m[name]["per_second"])),
            Row(f"{title}: latency, half of the requests", median(rounds, lambda m: m[name]["p50_us"]), " µs"),
            Row(f"{title}: latency, 99 %", median(rounds, lambda m: m[name]["p99_us"]), " µs"),
            Row(f"{title}: server CPU per request", median(rounds, lambda m: m[name]["server_cpu_us"]), " µs"),
        ]
    rows += [
        Row("Client CPU per request (P-256)", median(rounds, lambda m: m["kmsd_ec"]["client_cpu_us"]), " µs"),
        Row("openssl speed -multi 2 rsa2048: signatures/s", median(rounds, lambda m: m["openssl_rsa"]["per_second"])),
        Row("openssl speed -multi 2 ecdsap256: signatures/s", median(rounds, lambda m: m["openssl_ec"]["per_second"])),
        Row("Cores used by other programs meanwhile", median(rounds, lambda m: m["others"])),
    ]
    return rows


def make_keys(kms: Kmsd, count: int) -> None:
    """EC keys with a label, as programs make them."""

    def make(part: range) -> None:
        for number in part:
            kms_of_thread = connections[part.start]
            kms_of_thread.send(
                "POST",
                "/crypto/v1/keys",
                {
                    "name": f"key {number:06}",
                    "obj_type": "EC",
                    "elliptic_curve": "NistP256",
                    "custom_metadata": {"pkcs11-label": f"label {number}", "pkcs11-id": f"%{number % 256:02X}"},
                },
            )

    threads = 4
    parts = [range(first, count, threads) for first in range(threads)]
    connections = {part.start: kms.connect(kms.app.headers["Authorization"]) for part in parts}
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(make, parts))


def listing_rows(kms: Kmsd, count: int) -> list[Row]:
    say(f"Making {count:,} keys")
    make_keys(kms, count)
    say("Listing them")
    result = listing(kms, rounds=10)
    return [
        Row(f"Listing {result['keys']:,} keys in pages of 1,000", result["seconds"], " s", 1.5, at_most=True),
        Row("Memory before the listing", result["memory_before"], " MiB"),
        Row("Memory after it", result["memory_first"], " MiB"),
        Row("Memory growth over nine more", result["memory_last"] - result["memory_first"], " MiB", 5, at_most=True),
    ]


def endurance_rows(options: argparse.Namespace, kms: Kmsd, load: Load, at_rest: float) -> list[Row]:
    say(f"Making {options.signatures:,} signatures")
    result = endurance(load, kms, options.signatures, samples=10)
    tenth = f"{result['signatures'] // 10:,}"
    return [
        Row("Memory at rest, after the start", at_rest, " MiB"),
        Row(f"Memory after {tenth} more signatures", result["memory_first"], " MiB"),
        Row(f"Memory after {result['signatures']:,} signatures", result["memory_last"], " MiB"),
        Row("Most memory in ten samples", result["memory_most"], " MiB"),
        Row("Memory growth from the first of them", result["memory_most"] - result["memory_first"], " MiB", 5, at_most=True),
        Row("Disk per signature's audit record", result["record_bytes"], " bytes"),
    ]


def module(options: argparse.Namespace, kms: Kmsd, directory: Path) -> list[Row]:
    return module_rows(
        options.programs, options.module.resolve(), kms, options.seconds, options.rounds, directory, say
    )


def bench(options: argparse.Namespace, directory: Path) -> list[Row]:
    kms = bao = None
    try:
        kms = Kmsd(options.kmsd.resolve(), directory)
        at_rest = memory_mib(kms.pid)
        if options.only == "memory":
            load = signing_load(options, kms, directory, "ec", obj_type="EC", elliptic_curve="NistP256")
            return endurance_rows(options, kms, load, at_rest)
        if options.only == "module":
            return module(options, kms, directory)
        bao = OpenBao(options.bao.absolute(), directory)
        rounds, load = speed(options, kms, bao, directory)
        bao.stop()
        rows = signing_rows(quieter_half(rounds))
        rows += module(options, kms, directory)
        rows += listing_rows(kms, options.keys)
        return rows + endurance_rows(options, kms, load, at_rest)
    finally:
        for server in (kms, bao):
            if server:
                server.stop()


def main() -> int:
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="kmsd-bench-") as directory:
        try:
            table = markdown(bench(options, Path(directory)))
        except Failure as failure:
            print(f"bench: {failure}", file=sys.stderr)
            return 1
    how = "memory alone" if options.only == "memory" else f"{options.rounds} rounds of {options.seconds} s"
    about = f"{machine(options.kmsd, with_openbao=not options.only)}\n- Measured: {datetime.now(UTC):%Y-%m-%d}, {how}"
    text = f"{table}\n\n{about}\n"
    print(text)
    if options.results:
        options.results.write_text(f"# Results\n\nWritten by `make bench`; README.md says what each line means.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
