"""Where the module's lines go, what the line of a failed call says, and what no line ever says."""

import re
import socket

import pytest
from certificates import make_rsa_key, public_half
from kms import wrong_secret
from processes import free_port, output_of
from wiretap import Wiretap

FAILED = re.compile(
    r"error: C_Login: login: 401 .* \[(https://\S+), 1 attempt, \d+ ms, request ([0-9A-Za-z-]+)\]$", re.MULTILINE
)


@pytest.fixture
def system_log(tmp_path):
    """A socket in the place of /dev/log."""
    path = tmp_path / "log.socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(5)
        yield path, receiver


@pytest.fixture
def identity(authority, tmp_path):
    """A key and a certificate for localhost."""

    def issue(name: str):
        key = make_rsa_key(tmp_path / f"{name}.key")
        return key, authority.issue(public_half(key), f"{tmp_path.name}-{name}", "localhost")

    return issue


def test_a_failed_call_is_one_line(tool, talkative_kms):
    kms = talkative_kms
    output = output_of(tool(kms.url, kms.ca_file, level="error").fail())
    found = FAILED.findall(output)
    assert len(found) == 1 and found[0][0] == kms.url, output
    assert output.count("kms-pkcs11[") == 1
    # The KMS has the same request in its log.
    assert found[0][1] in kms.log.read_text()


def test_attempts_are_counted_and_named(tool):
    url = f"https://127.0.0.1:{free_port()}"
    logging = tool(url, level="error")
    output = output_of(logging("-O", "--login", "--pin", logging.pin, check=False))
    line = re.search(r"error: C_Login: .* \[" + re.escape(url) + r", (\d+) attempts, (\d+) ms\]$", output, re.MULTILINE)
    assert line and int(line[1]) > 1 and int(line[2]) > 100, output


def test_a_file(tool, tmp_path):
    log = tmp_path / "module.log"
    result = tool(level="info", file=str(log)).fail()
    assert "kms-pkcs11[" not in output_of(result)
    text = log.read_text()
    assert FAILED.search(text) and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z kms-pkcs11\[\d+\] ", text)
    assert log.stat().st_mode & 0o777 == 0o640
    # Both, when that is said.
    assert FAILED.search(output_of(tool(level="info", file=str(log), stderr=True).fail()))


def test_a_file_that_cannot_be_written_loses_nothing(tool, tmp_path):
    assert FAILED.search(output_of(tool(level="info", file=str(tmp_path / "none" / "log")).fail()))


def test_the_systems_log(tool, system_log):
    path, receiver = system_log
    result = tool(level="error", system=True, system_socket=str(path)).fail()
    assert "kms-pkcs11[" not in output_of(result)
    line = receiver.recv(8192).decode()
    # Facility user, severity error.
    assert re.match(r"<11>kms-pkcs11\[\d+\]: error: C_Login: login: 401 ", line)
    path.unlink()
    assert FAILED.search(output_of(tool(level="error", system=True, system_socket=str(path)).fail()))


@pytest.mark.parametrize("level, words", [("debug", True), ("info", False), ("off", False)])
def test_levels(tool, level, words):
    assert ("debug: C_OpenSession: CKR_OK" in output_of(tool(level=level).list())) == words
    assert bool(FAILED.search(output_of(tool(level=level).fail()))) == (level != "off")
    # The variable comes first.
    quiet = tool(level="debug")
    quiet.env["KMS_PKCS11_LOG"] = "off"
    assert "kms-pkcs11[" not in output_of(quiet.fail())


def test_slow_calls(tool):
    output = output_of(tool(slow_call_millis=1).list())
    # Logging in takes longer than a millisecond.
    assert re.search(r"warning: slow: POST /sys/v1/session/auth took \d+ ms \(https://\S+, 1 attempt, ", output), output
    assert "slow:" not in output_of(tool(slow_call_millis=0).list())
    assert "slow:" not in output_of(tool(slow_call_millis=60_000).list())


def test_no_secret_in_any_place(tool, kms, authority, identity, tmp_path, system_log, canary):
    """At level debug, with right and wrong PINs, to all places at once; and in the counters."""
    path, receiver = system_log
    receiver.settimeout(0.2)
    key, certificate = identity("tap")
    counters = tmp_path / "counters"
    counters.mkdir()
    with Wiretap(certificate, key, kms.port) as tap:
        talkative = tool(f"https://localhost:{tap.port}", authority.certificate, level="debug",
                         file=str(tmp_path / "log"), system=True, system_socket=str(path), stderr=True,
                         slow_call_millis=1, counters_dir=str(counters))  # fmt: skip
        datagrams = []

        def drain():
            try:
                while True:
                    datagrams.append(receiver.recv(65536).decode())
            except TimeoutError:
                pass

        outputs = []
        for pin in (kms.api_key, f"file:{kms.api_key_file}", canary, wrong_secret(kms.api_key)):
            outputs.append(output_of(talkative("-O", "--login", "--pin", pin, check=False)))
            drain()
    places = ["".join(outputs), (tmp_path / "log").read_text(), "".join(datagrams)]
    places += [file.read_text() for file in counters.iterdir()]
    assert len(places) == 7
    travelled = {secret for secret in tap.credentials() if len(secret) > 20}
    assert kms.api_key in travelled and len(travelled) >= 2
    for place in places:
        assert "kms-pkcs11[" in place or "kms_pkcs11_requests_total" in place
        assert not any(secret in place for secret in travelled | {canary, kms.api_key[:-8]}), "a place shows a secret"

