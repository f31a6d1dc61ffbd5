"""The C hosts linked with Cryptoki itself, built with a sanitizer: `make tsan-build` and `make asan-build`."""

from pathlib import Path

import pytest
from host_program import HostPrograms, host, program_directory  # noqa: F401, fixtures

ROOT = Path(__file__).resolve().parents[3]


def sanitized(host: HostPrograms, sanitizer: str, program: str, *options, **variables: str) -> str:
    """Runs a program of a sanitizer's build directory, which ends with an exit code of its own after a report."""
    path = ROOT / f".build-{sanitizer}" / "debug" / program
    if not path.exists():
        pytest.fail(f"{path} is missing: run `make {sanitizer}-build` first.")
    host.env = host.env | variables
    # "-": there is no module to load, it is part of the program.
    host.arguments[0] = "-"
    return "\n".join(host(str(path), *options, timeout=900))


@pytest.mark.timeout(1000)
@pytest.mark.parametrize("options", [(), ("--disturb",)], ids=["plain", "disturbed"])
def test_threads_without_a_data_race(host, options):
    output = sanitized(
        host, "tsan", "cryptoki-threads", "--threads", 8, "--signatures", 200, "--deadline", 800, *options,
        TSAN_OPTIONS="exitcode=66",
    )
    assert "signatures by 8 threads" in output
    assert "WARNING: ThreadSanitizer" not in output


@pytest.mark.timeout(1000)
def test_bad_input_without_a_memory_error(host):
    # The process ends without C_Finalize in some groups, so what is still allocated says nothing.
    output = sanitized(host, "asan", "cryptoki-badinput", ASAN_OPTIONS="detect_leaks=0")
    assert "ERROR: AddressSanitizer" not in output
