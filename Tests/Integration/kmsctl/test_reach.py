"""A KMS that is not there, not trusted, or not a KMS."""

import http.server
import ssl
import threading
from contextlib import contextmanager

import pytest
from certificates import Authority
from processes import free_port, run


def test_nobody_listens(kmsctl, kms):
    url = f"https://127.0.0.1:{free_port()}"
    outcome = kmsctl("login", "--user", kms.admin, "--password-file", kms.password_file, KMSCTL_ENDPOINT=url)
    assert outcome.code == 3 and url in outcome.err
    outcome = kmsctl("key", "list", "--json", "--api-key-file", kms.api_key_file, "--endpoint", url)
    assert outcome.code == 3 and outcome.error["code"] == "unreachable" and outcome.error["exit_code"] == 3


def test_unknown_host(kmsctl, kms):
    outcome = kmsctl("key", "list", "--api-key-file", kms.api_key_file, "--endpoint", "https://kms.invalid")
    assert outcome.code == 3 and "kms.invalid" in outcome.err


def test_authority(kmsctl, kms, authority, tmp_path):
    login = ("login", "--user", kms.admin, "--password-file", kms.password_file)
    outcome = kmsctl(*login, "--ca-file", authority.certificate)
    assert outcome.code == 3 and "--ca-file" in outcome.err
    outcome = kmsctl(*login, KMSCTL_CA_FILE=None)
    assert outcome.code == 3
    outcome = kmsctl(*login, "--ca-file", tmp_path / "missing.pem")
    assert outcome.code == 2 and "missing.pem" in outcome.err
    outcome = kmsctl(*login, "--ca-file", kms.password_file)
    assert outcome.code == 2 and "no PEM certificate" in outcome.err
    # The configuration file of the module is good enough.
    configuration = tmp_path / "kms-pkcs11.conf"
    configuration.write_text(f'ca_certs_file = "{kms.ca_file}"\napi_endpoint = "{kms.url}"\n')
    kmsctl.done(*login, KMSCTL_CA_FILE=None, KMSCTL_ENDPOINT=None, KMS_PKCS11_CONF=configuration)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "ftp://x", "https://", "https://a:b", "https://u:canary@h"])
def test_addresses(kmsctl, kms, address):
    outcome = kmsctl("key", "list", "--api-key-file", kms.api_key_file, "--endpoint", address)
    assert outcome.code == 2 and "address" in outcome.err and "canary" not in outcome.all


def test_no_address(kmsctl):
    outcome = kmsctl("key", "list", KMSCTL_ENDPOINT=None)
    assert outcome.code == 2 and "KMSCTL_ENDPOINT" in outcome.err


@contextmanager
def https_server(handler, tmp_path):
    """Its address and the file of its authority."""
    key = tmp_path / "server.key"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    public = tmp_path / "server.pub"
    run("openssl", "pkey", "-in", key, "-pubout", "-out", public)
    certificate = Authority(tmp_path / "authority").issue(public, "server", "localhost")
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://localhost:{server.server_port}", tmp_path / "authority" / "ca.pem"
    finally:
        server.shutdown()
        server.server_close()


def test_another_server(kmsctl, kms, authority, tmp_path):
    """An HTTPS server that is no KMS: whatever it answers is a clear failure, and it cannot write on the terminal."""

    class Handler(http.server.BaseHTTPRequestHandler):
        status = 200
        body = b"<html>hello</html>"

        def do_POST(self):
            self.send_response(self.status)
            self.send_header("Content-Length", str(len(self.body)))
            self.end_headers()
            self.wfile.write(self.body)

        def log_message(self, *_):
            pass

    with https_server(Handler, tmp_path) as (url, ca_file):
        arguments = ("key", "list", "--api-key-file", kms.api_key_file, "--endpoint", url, "--ca-file", ca_file)
        outcome = kmsctl(*arguments)
        assert outcome.code == 1 and "not what a KMS says" in outcome.err
        outcome = kmsctl(*arguments, "--endpoint", url.replace("localhost", "127.0.0.1"))
        assert outcome.code == 3 and "certificate" in outcome.err
        Handler.status, Handler.body = 400, b"no\x1b[31mred\x07\nsecond line"
        outcome = kmsctl(*arguments)
        assert outcome.code == 1 and "HTTP 400" in outcome.err and "\x1b" not in outcome.err
        Handler.status, Handler.body = 503, b""
        outcome = kmsctl(*arguments, "--timeout", "2")
        assert outcome.code == 3


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect(kmsctl, kms, authority, tmp_path, status):
    """A front that redirects is not followed: another server would get the credential."""
    visits = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            visits.append(self.path)
            self.send_response(status)
            self.send_header("Location", f"https://localhost:{self.server.server_port}/elsewhere{self.path}?query=1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass

    with https_server(Handler, tmp_path) as (url, ca_file):
        arguments = ("key", "list", "--api-key-file", kms.api_key_file, "--endpoint", url, "--ca-file", ca_file)
        outcome = kmsctl(*arguments, "--json")
    assert outcome.code == 3 and visits == ["/sys/v1/session/auth"]
    assert f"redirects to {url}/elsewhere/sys/v1/session/auth (HTTP {status})" in outcome.error["message"]
    assert "nothing was sent" in outcome.error["message"] and "--endpoint" in outcome.error["remedy"]


def test_timeout_and_progress(kmsctl, kms):
    """A KMS that accepts and says nothing: after a second we say what we wait for, at the deadline we stop."""
    kms.suspend()
    try:
        arguments = ("key", "list", "--api-key-file", kms.api_key_file, "--timeout", "3")
        outcome = kmsctl(*arguments)
        assert outcome.code == 3 and "takes a while" in outcome.err
        outcome = kmsctl(*arguments, "--json")
        assert outcome.code == 3 and outcome.error["code"] == "unreachable" and "takes a while" not in outcome.err
    finally:
        kms.resume()


def test_usage(kmsctl):
    assert kmsctl("--help").code == 0 and "Exit codes" in kmsctl("--help").out
    assert kmsctl("key", "frobnicate").code == 64
    assert kmsctl("key", "show").code == 64
    assert kmsctl("key", "list", "--timeout", "0").code == 64
    outcome = kmsctl("key", "show", "--json")
    assert outcome.code == 64 and outcome.error["exit_code"] == 64
