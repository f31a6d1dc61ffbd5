"""kmsd and its OpenAPI description agree, for every operation and for whatever Schemathesis makes of it."""

import os

import pytest
import yaml
from api_fuzzer import APIFuzzer
from openapi_spec_validator import validate

# A run of `make test` sends so many requests to each operation for each caller; `make fuzz-api` more.
PER_OPERATION = int(os.environ.get("FUZZ_API_REQUESTS", "4"))
SEED = int(os.environ.get("FUZZ_API_SEED", "1"))
# The plugins that kmsd has need an input, which this request cannot have.
NEVER_GRANTED = {"GET /sys/v1/plugins/invoke/{id}"}


@pytest.fixture(scope="module")
def description(root):
    return root / "pkcs11-conf/doc/kmsd-openapi.yaml"


def test_description_is_valid(description):
    validate(yaml.safe_load(description.read_text()))


@pytest.fixture(scope="module")
def fuzzer(server, description):
    return APIFuzzer(description, server, server.make_app("fuzzed"))


def test_generated_requests(fuzzer, server):
    """No 5xx, no undescribed status or content type, no answer of another shape, from app and administrator."""
    before = server.resident_bytes()
    reports = [
        fuzzer.run(fuzzer.app, PER_OPERATION, SEED),
        fuzzer.run(fuzzer.admin, PER_OPERATION, SEED + 1),
    ]
    failures = reports[0].failures | reports[1].failures
    assert not failures, "\n\n".join(f"{title}\n{text}" for title, text in failures.items())
    labels = {operation.label for operation in fuzzer.operations}
    for report in reports:
        print(f"{report.requests} requests, {report.granted} granted, {server.resident_bytes() - before:+} bytes")
        print(report.shares())
        assert set(report.statuses) == labels
        assert report.requests >= PER_OPERATION * len(labels)
        assert report.granted >= report.requests / 4
    # What nobody was ever granted was not tested.
    refused = labels - NEVER_GRANTED - reports[0].granted_operations() - reports[1].granted_operations()
    assert PER_OPERATION < 20 or refused == set()
    fuzzer.admin.expect(200, "GET", "/sys/v1/version")
    assert server.resident_bytes() - before < 256 * 1024 * 1024
