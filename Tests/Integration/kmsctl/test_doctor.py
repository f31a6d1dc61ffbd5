"""kmsctl doctor: every step passes, or the one that fails is named with its remedy."""

import http.server
import json
import os
import re
import ssl
import threading
import time
from email.utils import formatdate

import pytest
from certificates import make_rsa_key, public_half
from kms import write_configuration
from pkcs11_tool import PKCS11Tool
from processes import clean_environment, free_port
from tls_front import ConnectProxy, TLSFront

STEPS = ["configuration", "dns", "tcp", "tls", "clock", "authentication", "list", "signature"]


@pytest.fixture
def doctor(kmsctl, kms, tmp_path):
    """Runs doctor with a configuration file like the module's own, without kmsctl's variables."""

    def run(*arguments, environment=None, **values):
        settings = {"api_endpoint": kms.url, "api_key": f"file:{kms.api_key_file}"} | values
        ca_file = settings.pop("ca_certs_file", kms.ca_file)
        configuration = write_configuration(tmp_path / "kms-pkcs11.conf", ca_file, **settings)
        return kmsctl("doctor", *arguments, **({
            "KMS_PKCS11_CONF": str(configuration), "KMSCTL_ENDPOINT": None, "KMSCTL_CA_FILE": None,
        } | (environment or {})))  # fmt: skip

    return run


def failed(outcome, step: str, code: int, *words: str):
    assert outcome.code == code, outcome.all
    result = json.loads(outcome.out)
    assert not result["ok"] and result["failed_step"] == step and result["exit_code"] == code
    states = {entry["step"]: entry["state"] for entry in result["steps"]}
    assert list(states) == STEPS
    position = STEPS.index(step)
    assert all(states[name] == "ok" for name in STEPS[:position])
    assert all(states[name] == "skipped" for name in STEPS[position + 1 :])
    culprit = next(entry for entry in result["steps"] if entry["state"] == "failed")
    assert culprit["remedy"]
    for word in words:
        assert word in culprit["detail"] + culprit["remedy"]


def test_all_steps(doctor, kms):
    outcome = doctor("--key", "app.aserracorp.com-key", "--key", "p256-key")
    assert outcome.code == 0, outcome.all
    lines = outcome.out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == [*STEPS, "signature"]
    assert all(line.startswith("✓") for line in lines[:-1])
    assert "RSA-PSS" in outcome.out and "ECDSA" in outcome.out and kms.api_key not in outcome.all
    assert doctor("--key", "p256-key", environment={"LC_ALL": "C"}).out.isascii()


def test_json(doctor):
    outcome = doctor("--json", "--key", "p256-key")
    assert outcome.code == 0 and outcome.json["ok"] and outcome.json["exit_code"] == 0
    assert [step["step"] for step in outcome.json["steps"]] == STEPS
    assert all(step["state"] == "ok" and step["milliseconds"] >= 0 for step in outcome.json["steps"])


def test_every_key_by_default(doctor):
    subjects = {step.get("subject") for step in doctor("--json").json["steps"] if step["step"] == "signature"}
    assert {"app.aserracorp.com-key", "p256-key", "p384-key", "p521-key", "rsa3072-key", "rsa4096-key"} <= subjects


def test_environment_of_the_published_recipe(doctor, kms):
    outcome = doctor(
        "--key", "p256-key", environment={"FORTANIX_API_ENDPOINT": kms.url, "FORTANIX_API_KEY": kms.api_key},
        api_endpoint="https://kms.invalid", api_key="file:/nowhere",
    )  # fmt: skip
    assert outcome.code == 0, outcome.all


def test_configuration(doctor, tmp_path):
    failed(doctor("--json", colour=1), "configuration", 2, "kms-pkcs11.conf:4: unknown key", "colour")
    failed(doctor("--json", ca_certs_file=tmp_path / "missing"), "configuration", 2, "kms-pkcs11.conf:1", "No such file")
    failed(doctor("--json", api_endpoint="http://x"), "configuration", 2, "https")
    failed(doctor("--json", environment={"KMS_PKCS11_CONF": "/no/such.conf"}), "configuration", 2, "/no/such.conf")
    failed(doctor("--json", "--slot", "Other"), "configuration", 5, "Other", "Fortanix Token")
    (tmp_path / "empty.conf").write_text("")
    outcome = doctor("--json", environment={"KMS_PKCS11_CONF": str(tmp_path / "empty.conf")})
    failed(outcome, "configuration", 2, "FORTANIX_API_ENDPOINT")


def test_dns(doctor):
    failed(doctor("--json", api_endpoint="https://kms.invalid"), "dns", 3, "kms.invalid")


def test_tcp(doctor):
    port = free_port()
    failed(doctor("--json", api_endpoint=f"https://127.0.0.1:{port}"), "tcp", 3, str(port), "refused")


def test_tls(doctor, authority):
    failed(doctor("--json", ca_certs_file=authority.certificate), "tls", 3, "ca_certs_file")


def test_silent_server(doctor, kms):
    kms.suspend()
    try:
        failed(doctor("--json", retry_timeout_millis=2000), "tls", 3)
    finally:
        kms.resume()


def test_authentication(doctor, kms, canary):
    wrong = kms.api_key[:-8] + "AAAAAAAA"
    outcome = doctor("--json", api_key=wrong)
    failed(outcome, "authentication", 4)
    assert wrong not in outcome.all
    outcome = doctor("--json", api_key=canary)
    failed(outcome, "authentication", 4)
    assert canary not in outcome.all


def test_no_credential(kmsctl, kms, tmp_path):
    configuration = write_configuration(tmp_path / "kms-pkcs11.conf", kms.ca_file, api_endpoint=kms.url)
    outcome = kmsctl("doctor", "--json", KMS_PKCS11_CONF=configuration)
    failed(outcome, "authentication", 4, "no API key")
    assert kmsctl("doctor", "--key", "p256-key", "--api-key-file", kms.api_key_file, KMS_PKCS11_CONF=configuration).code == 0


def test_signature(doctor, admin, kms, name):
    failed(doctor("--json", "--key", "no-such-key"), "signature", 5, "no-such-key")
    admin.done("group", "create", name)
    admin.done("key", "generate", name, "--type", "ec", "--group", name)
    failed(doctor("--json", "--key", name), "signature", 5, "group")
    public = kms.public_key_file("p256-key")
    admin.done("key", "import", name + "-public", "--file", public, "--group", kms.group)
    failed(doctor("--json", "--key", name + "-public"), "signature", 1, "may sign")


def test_app_without_keys(doctor, admin, name, tmp_path):
    admin.done("group", "create", name)
    admin.done("app", "create", name, "--group", name)
    admin.done("app", "show-key", name, "--output", tmp_path / "key")
    failed(doctor("--json", api_key=f"file:{tmp_path / 'key'}"), "signature", 5, "key import")


def test_human_failure(doctor):
    outcome = doctor(api_endpoint="https://kms.invalid")
    assert outcome.code == 3
    lines = outcome.out.splitlines()
    assert lines[1].startswith("✗ dns") and lines[2].strip().startswith("->") and lines[3].startswith("· tcp")
    assert "All steps pass" not in outcome.out


def test_world_readable_key(doctor, kms, tmp_path):
    configuration = write_configuration(
        tmp_path / "open.conf", kms.ca_file, api_endpoint=kms.url, api_key=kms.api_key)
    os.chmod(configuration, 0o644)
    outcome = doctor("--json", environment={"KMS_PKCS11_CONF": str(configuration)})
    failed(outcome, "configuration", 2, "open.conf:3", "chmod o-rwx")
    assert kms.api_key not in outcome.all


def test_the_certificate_is_described(doctor, kms, authority):
    detail = next(step["detail"] for step in doctor("--json").json["steps"] if step["step"] == "tls")
    assert "trusted by the configured CA" in detail and "DNS:localhost" in detail and "IP Address:127.0.0.1" in detail
    assert "days more" in detail and "its pin is sha256//" in detail
    # Also when it is not trusted.
    outcome = doctor("--json", ca_certs_file=str(authority.certificate))
    failed(outcome, "tls", 3, "ca_certs_file", "DNS:localhost", "its pin is sha256//")


def test_pins(doctor):
    detail = next(step["detail"] for step in doctor("--json").json["steps"] if step["step"] == "tls")
    pin = detail.rpartition("its pin is ")[2]
    assert doctor("--key", "p256-key", pinned_public_keys=[pin]).code == 0
    other = "sha256//YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE="
    failed(doctor("--json", pinned_public_keys=[other]), "tls", 3, "pinned_public_keys", pin)


def test_clock(doctor, authority, tmp_path):
    """The KMS's clock is an hour ahead."""
    steps = {step["step"]: step for step in doctor("--json").json["steps"]}
    assert steps["clock"]["state"] == "ok" and "agree" in steps["clock"]["detail"]
    key = make_rsa_key(tmp_path / "late.key")
    certificate = authority.issue(public_half(key), "late", "localhost")

    class Late(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def date_time_string(self, timestamp=None):
            return formatdate(time.time() + 3600, usegmt=True)

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Late)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"https://localhost:{server.server_port}"
        outcome = doctor("--json", api_endpoint=url, ca_certs_file=authority.certificate)
    finally:
        server.shutdown()
        server.server_close()
    step = next(step for step in outcome.json["steps"] if step["step"] == "clock")
    assert step["state"] == "warning" and "behind the KMS's" in step["detail"] and "timedatectl" in step["remedy"]
    # A warning is no failure: what fails is the log-in.
    assert outcome.json["failed_step"] == "authentication"


def test_a_certificate_that_ends_soon(doctor, kms, authority, tmp_path):
    key = make_rsa_key(tmp_path / "soon.key")
    certificate = authority.issue(public_half(key), "soon", "localhost", days=5)
    with TLSFront(certificate, key, kms.port) as front:
        outcome = doctor("--json", "--key", "p256-key", api_endpoint=f"https://localhost:{front.port}",
                         ca_certs_file=authority.certificate)  # fmt: skip
    warning = next(step for step in outcome.json["steps"] if step["state"] == "warning")
    assert outcome.code == 0 and warning["step"] == "tls" and "Renew it before" in warning["remedy"]
    assert re.search(r"ends in [45] days", warning["detail"])


def test_proxy(doctor, kms):
    with ConnectProxy() as proxy:
        outcome = doctor("--json", "--key", "p256-key", proxy=proxy.url)
        steps = {step["step"]: step for step in outcome.json["steps"]}
        assert outcome.code == 0 and steps["proxy"]["state"] == "ok" and steps["proxy"]["subject"] == proxy.url
        assert steps["dns"]["state"] == steps["tcp"]["state"] == "skipped" and "kms-pkcs11.conf:" in steps["dns"]["detail"]
        assert f"127.0.0.1:{kms.port}" in proxy.targets
    with ConnectProxy(status=403) as proxy:
        outcome = doctor("--json", proxy=proxy.url)
        assert outcome.code == 3 and outcome.json["failed_step"] == "tls"


def test_counters(doctor, kms, binaries, tmp_path):
    folder = tmp_path / "counters"
    settings = {"log.counters_dir": str(folder)}
    outcome = doctor("--json", "--key", "p256-key", **settings)
    assert outcome.code == 2 and outcome.json["failed_step"] == "counters" and "Make the folder" in outcome.out
    folder.mkdir()
    outcome = doctor("--json", "--key", "p256-key", **settings)
    assert outcome.code == 0 and "no process" in outcome.json["steps"][-1]["detail"]
    tool = PKCS11Tool(binaries.module, clean_environment(KMS_PKCS11_CONF=str(tmp_path / "kms-pkcs11.conf")))
    tool("-O", "--login", "--pin", kms.api_key)
    outcome = doctor("--json", "--key", "p256-key", **settings)
    detail = outcome.json["steps"][-1]["detail"]
    assert outcome.code == 0 and detail.startswith("0 processes alive, 1 with counters, requests ")
    assert "connects 1" in detail and "half of the requests within 0." in detail
