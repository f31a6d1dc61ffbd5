"""A network that swallows packets: of one connection, as a firewall that has forgotten it, and of all."""

import json
import sys
from pathlib import Path

from processes import as_root, clean_environment, run

HERE = Path(__file__).parent
# Of one call, in seconds, and what a busy machine may take on top of that.
DEADLINE, MARGIN = 8.0, 8.0


def test_packets_that_are_swallowed(binaries, tmp_path):
    environment = clean_environment(PYTHONPATH=str(HERE.parent / "support"))
    command = [*as_root(), "unshare", "--net", "env", *(f"{name}={value}" for name, value in environment.items())]
    programs = [binaries.module, binaries.kmsd, binaries.kmsctl]
    output = run(*command, sys.executable, HERE / "dead_peer.py", *programs, tmp_path, timeout=300).stdout
    results = json.loads(output.splitlines()[-1])
    # A connection that is not acknowledged ends after three seconds, and a new one does the work.
    assert results["forgotten"]["value"] == "CKR_OK" and results["forgotten"]["seconds"] < DEADLINE
    assert results["dead"]["value"] == "CKR_DEVICE_ERROR" and results["dead"]["seconds"] < DEADLINE + MARGIN
    assert results["alive"]["value"] == "CKR_OK"
