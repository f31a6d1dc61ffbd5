"""The remedy that doctor names fits the cause; a certificate authority is asked for only when trust is the problem."""

import http.server
import socket
import threading

import pytest
from kms import KMS, write_configuration
from processes import Service, clean_environment, free_port, run, wait_until


@pytest.fixture
def diagnose(kmsctl, kms, tmp_path):
    """Runs doctor and returns exit code, and the detail and remedy of the step that failed."""

    def run(*arguments, environment=None, **values):
        settings = {"api_endpoint": kms.url, "api_key": f"file:{kms.api_key_file}"} | values
        configuration = write_configuration(tmp_path / "kms-pkcs11.conf", settings.pop("ca", kms.ca_file), **settings)
        outcome = kmsctl("doctor", "--json", *arguments, **({
            "KMS_PKCS11_CONF": str(configuration), "KMSCTL_ENDPOINT": None, "KMSCTL_CA_FILE": None,
        } | (environment or {})))  # fmt: skip
        step = next((step for step in outcome.json["steps"] if step["state"] == "failed"), None)
        assert step, outcome.all
        return step["step"], outcome.code, step["detail"], step["remedy"]

    return run


def about_trust(text: str) -> bool:
    return "ca_certs_file" in text or "--ca-file" in text


def test_trust(diagnose, authority):
    step, code, _, remedy = diagnose(ca=authority.certificate)
    assert (step, code) == ("tls", 3) and about_trust(remedy)


def test_no_tls(diagnose, kmsctl, kms):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"https://127.0.0.1:{server.server_port}"
        step, code, _, remedy = diagnose(api_endpoint=url)
        assert (step, code) == ("tls", 3) and "does not speak TLS" in remedy and not about_trust(remedy)
        outcome = kmsctl("key", "list", "--api-key-file", kms.api_key_file, "--endpoint", url)
        assert outcome.code == 3 and "does not speak TLS" in outcome.err and not about_trust(outcome.err)
    finally:
        server.shutdown()
        server.server_close()


def test_host_name_that_is_not_in_the_certificate(diagnose, kms):
    step, code, _, remedy = diagnose(api_endpoint=f"https://127.0.0.2:{kms.port}")
    # kmsd listens on 127.0.0.1 only.
    assert (step, code) == ("tcp", 3) and not about_trust(remedy)


def test_proxy(diagnose):
    port = free_port()
    for variable in ("https_proxy", "ALL_PROXY"):
        step, code, _, remedy = diagnose(environment={variable: f"http://user:canary@127.0.0.1:{port}"})
        assert (step, code) == ("proxy", 3) and variable in remedy
        assert "no_proxy" in remedy and not about_trust(remedy) and "canary" not in remedy


def test_proxy_that_is_not_for_this_host(kmsctl, kms):
    environment = {"https_proxy": f"http://127.0.0.1:{free_port()}", "no_proxy": "example.com, 127.0.0.1"}
    kmsctl.done("doctor", "--key", "p256-key", "--api-key-file", kms.api_key_file, **environment)


def test_certificate_and_key_of_the_client(diagnose, tmp_path):
    certificate, key, other = tmp_path / "c.pem", tmp_path / "c.key", tmp_path / "other.key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
        "-keyout", key, "-out", certificate)  # fmt: skip
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", other)
    other.chmod(0o600)
    step, code, detail, remedy = diagnose(cert_file=str(certificate), key_file=str(other))
    # The configuration is read, and with it the two are compared.
    assert (step, code) == ("configuration", 2) and "key_file: it is not the key of the certificate" in detail
    assert not about_trust(remedy)


def test_silent_kms(diagnose, kms):
    kms.suspend()
    try:
        step, code, _, remedy = diagnose(retry_timeout_millis=2000)
    finally:
        kms.resume()
    assert (step, code) == ("tls", 3) and "hangs" in remedy and not about_trust(remedy)


def test_endpoint_with_a_path(diagnose, kmsctl, kms):
    step, code, _, remedy = diagnose(api_endpoint=f"{kms.url}/kms")
    assert (step, code) == ("authentication", 3)
    assert f"Is {kms.url}/kms the API of the KMS?" in remedy and "without /kms" in remedy
    outcome = kmsctl("key", "list", "--api-key-file", kms.api_key_file, "--endpoint", f"{kms.url}/kms")
    assert outcome.code == 3 and "the API of the KMS?" in outcome.err


def test_certificate_instead_of_a_key(diagnose):
    step, code, detail, remedy = diagnose("--key", "p256-cert")
    assert (step, code) == ("signature", 1) and "is a certificate, not a key" in detail and "private key" in remedy


def test_no_api_key(kmsctl, kms, tmp_path):
    configuration = write_configuration(tmp_path / "kms-pkcs11.conf", kms.ca_file, api_endpoint=kms.url)
    outcome = kmsctl("doctor", KMS_PKCS11_CONF=configuration)
    assert outcome.code == 4 and "--api-key-file /etc/kms-pkcs11/api-key" in outcome.out


def test_every_address_is_tried(binaries, kmsctl, tmp_path):
    """localhost has two addresses; the KMS listens on the second only."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    kms = KMS(binaries, tmp_path / "kms")
    kms.initialize()
    for address in ("[::1]", "127.0.0.1"):
        log = tmp_path / f"log of {address}"
        command = [binaries.kmsd, "serve", "--data", kms.data, "--listen", f"{address}:0"]
        service = Service(command, clean_environment(), log)
        service.start()
        try:
            marker = "kmsd: listening on https://"
            line = wait_until(
                lambda: next((line for line in service.text().splitlines() if line.startswith(marker)), None), "start")
            port = line.rsplit(":", 1)[1]
            outcome = kmsctl("doctor", "--json", KMSCTL_ENDPOINT=f"https://localhost:{port}", KMSCTL_CA_FILE=kms.ca_file)
            steps = {step["step"]: step for step in outcome.json["steps"]}
            assert steps["tcp"]["state"] == "ok" and address.strip("[]") in steps["tcp"]["detail"], outcome.all
            assert steps["tls"]["state"] == "ok"
        finally:
            service.stop()
