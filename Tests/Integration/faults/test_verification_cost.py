"""What `verify_signatures` costs, per kind of key; the README's table comes from here (`make verification-cost`)."""

import json
import sys
from pathlib import Path
from statistics import median

import pytest
from kms import P256_KEY, RSA_KEY, write_configuration
from openssl_program import make_key
from processes import clean_environment, run

SCRIPT = Path(__file__).with_name("signing_cost.py")
KEYS = [RSA_KEY, "rsa3072-key", "rsa4096-key", P256_KEY, "p384-key", "ed25519-key"]
ROUNDS, COUNT = 5, 400


@pytest.mark.soak
def test_cost_of_verification(kms, binaries, tmp_path):
    key = make_key(tmp_path / "ed25519.pem", "-algorithm", "ED25519")
    kms.run_kmsctl("key", "import", "ed25519-key", "--file", key, "--group", kms.group)
    costs = {"on": [], "off": []}
    for _ in range(ROUNDS):
        for setting, results in costs.items():
            path = write_configuration(
                tmp_path / f"{setting}.conf", kms.ca_file, api_endpoint=kms.url, verify_signatures=setting
            )
            env = clean_environment(KMS_PKCS11_CONF=str(path), PYTHONPATH=str(SCRIPT.parents[1] / "support"))
            output = run(
                sys.executable, SCRIPT, binaries.module, kms.api_key_file, COUNT, *KEYS, env=env, timeout=300
            )
            results.append(json.loads(output.stdout))
    print("\nprocessor time of a signature in µs: without verification, with it, the difference")
    for key in KEYS:
        off, on = (median(one[key] for one in costs[setting]) for setting in ("off", "on"))
        print(f"{key:24} {off:7.0f} {on:7.0f} {on - off:7.0f}")
        assert on > 0 and off > 0
