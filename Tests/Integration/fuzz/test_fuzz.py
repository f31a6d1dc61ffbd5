"""Sequences of C_* calls with hostile arguments, made up by libFuzzer, under the address and undefined behaviour
sanitizers.

FUZZ_SECONDS: how long. FUZZ_CORPUS: a directory to begin with and to keep inputs in. `make fuzz` sets both.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import corpus
import pytest
from kms import KMS, write_configuration
from processes import clean_environment

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / ".build-asan"
SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))
# What a KMS leaves to its administrator, what is refused for good, and what waits for a KMS to go.
NEVER = """
    C_InitToken C_InitPIN C_SetPIN C_SeedRandom C_GetFunctionStatus C_CancelFunction C_WaitForSlotEvent
""".split()


@pytest.fixture
def fuzzed_kms(binaries, tmp_path):
    """A kmsd of its own, because it is filled with rubbish."""
    server = KMS(binaries, tmp_path / "kms")
    server.initialize()
    server.start()
    try:
        server.run_kmsctl("group", "create", server.group)
        server.run_kmsctl("app", "create", server.app, "--group", server.group)
        server.run_kmsctl("app", "show-key", server.app, "--output", server.api_key_file)
        yield server
    finally:
        server.stop()


def module_configuration(path: Path, ca_file: Path) -> Path:
    write_configuration(path, ca_file, session_keys="local")
    with path.open("a") as file:
        file.write('[log]\nlevel = "off"\n')
    return path


def start(server: KMS, directory: Path, inputs: list[Path]) -> subprocess.CompletedProcess:
    program = BUILD / "debug" / "cryptoki-fuzz"
    if not program.exists():
        pytest.fail(f"{program} is missing: run `make asan-build` first.")
    environment = clean_environment(
        FORTANIX_API_ENDPOINT=server.url,
        KMS_PKCS11_CONF=str(module_configuration(directory / "kms-pkcs11.conf", server.ca_file)),
        FUZZ_PIN=f"file:{server.api_key_file}",
        # Swift keeps references with bits that are none of the address, so what is in use looks leaked.
        ASAN_OPTIONS="detect_leaks=0",
        UBSAN_OPTIONS="print_stacktrace=1",
    )
    options = [f"-max_total_time={SECONDS}", "-max_len=1024", "-timeout=30", "-rss_limit_mb=3000"]
    options += ["-malloc_limit_mb=256", "-print_final_stats=1", f"-artifact_prefix={directory}/"]
    # A pipe would have to be read all the time.
    with (directory / "log").open("wb") as log:
        return subprocess.run(
            [program, *options, *inputs], env=environment, stdout=log, stderr=log, timeout=SECONDS + 300, cwd=directory
        )


@pytest.mark.timeout(SECONDS + 400)
def test_hostile_calls(fuzzed_kms, tmp_path):
    found = Path(os.environ.get("FUZZ_CORPUS") or tmp_path / "corpus")
    found.mkdir(parents=True, exist_ok=True)
    count = corpus.write(tmp_path / "seeds")
    result = start(fuzzed_kms, tmp_path, [found, tmp_path / "seeds"])
    log = (tmp_path / "log").read_text(errors="replace")
    inputs = [path for kind in ("crash", "timeout", "oom", "slow-unit") for path in tmp_path.glob(f"{kind}-*")]
    kept = [shutil.copy(path, BUILD) for path in inputs]
    shown = "\n".join(line for line in log.splitlines() if not re.match(r"#\d+\s+(NEW|REDUCE)", line))
    assert result.returncode == 0 and not kept, f"inputs: {kept}\n{shown[-8000:]}"
    print("\n".join(line for line in log.splitlines() if line.startswith(("stat::", "note")) or "DONE" in line))
    executed = re.search(r"stat::number_of_executed_units: (\d+)", log)
    assert executed and int(executed[1]) > count
    # An input that gets nowhere finds nothing: every function must have been made to work.
    idle = set(re.findall(r"^note  never worked: (\w+)$", log, re.MULTILINE))
    assert idle <= set(NEVER)
