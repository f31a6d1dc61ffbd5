"""With every log at its most talkative, no credential appears in any output."""

import base64

import pytest
from certificates import make_rsa_key, public_half
from kms import KMS, P256_KEY, RSA_KEY
from pkcs11_tool import PKCS11Tool
from processes import output_of, run
from samples import render_openssl_cnf
from tls_client import both_versions, handshakes
from web_server import recipe, rsa_by_label
from wiretap import Wiretap


@pytest.fixture(scope="module")
def talkative_kms(binaries, authority, tmp_path_factory):
    server = KMS(binaries, tmp_path_factory.mktemp("talkative") / "kms", log_level="trace")
    server.initialize()
    server.start()
    try:
        server.populate(authority)
        yield server
    finally:
        server.stop()


@pytest.fixture
def wiretap(talkative_kms, authority, tmp_path):
    key = make_rsa_key(tmp_path / "wiretap.pem")
    certificate = authority.issue(public_half(key), "wiretap", host="localhost")
    with Wiretap(certificate, key, talkative_kms.port) as tap:
        yield tap


def forms(secret: str) -> set[str]:
    """A secret as it might be written: itself, decoded, and what is in it."""
    found = {secret}
    try:
        decoded = base64.b64decode(secret, validate=True).decode()
        found |= {decoded, decoded.partition(":")[2]}
    except ValueError:
        pass
    return {form for form in found if len(form) >= 8}


def assert_absent(secrets: set[str], outputs: dict[str, str]):
    assert secrets
    for source, text in outputs.items():
        assert text, f"{source} printed nothing, which proves nothing"
        for secret in secrets:
            # Not the secret itself in the message: a report of a failure is an output too.
            assert not any(form in text for form in forms(secret)), f"{source} shows a credential"


def test_module_and_server(binaries, talkative_kms, authority, wiretap, tmp_path, canary):
    """Successful and failed logins and signatures, through pkcs11-tool, the engine and NGINX."""
    kms, outputs = talkative_kms, {}
    server = recipe(binaries, kms, tmp_path, ca_file=authority.certificate)
    server.environment |= {
        "FORTANIX_API_ENDPOINT": f"https://localhost:{wiretap.port}",
        "KMS_PKCS11_LOG": "debug",
        "SOME_PIN": kms.api_key,
    }

    tool = PKCS11Tool(binaries.module, server.environment)
    for pin in (kms.api_key, f"file:{kms.api_key_file}", "env:SOME_PIN", canary, "*" + kms.api_key[1:]):
        outputs[f"pkcs11-tool {len(outputs)}"] = output_of(tool("-O", "--login", "--pin", pin, check=False))

    message = tmp_path / "message"
    message.write_bytes(b"message")
    for pin, key in ((kms.api_key, RSA_KEY), (kms.api_key, P256_KEY), (canary, RSA_KEY)):
        openssl_cnf = render_openssl_cnf(tmp_path / "engine.cnf", binaries.module, pin)
        result = run(
            "openssl", "dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine", "-sign", f"label_{key}",
            "-out", tmp_path / "signature", message,
            env=server.environment | {"OPENSSL_CONF": str(openssl_cnf)}, check=False,
        )  # fmt: skip
        assert (result.returncode == 0) == (pin != canary)
        outputs[f"openssl {len(outputs)}"] = output_of(result)

    server.configure(rsa=rsa_by_label(kms))
    server.start()
    try:
        assert not [one for one in handshakes(20, server.port, both_versions(authority.certificate)) if one.error]
    finally:
        server.stop()
    outputs["NGINX's error log"] = server.error_log()
    outputs["kmsd"] = kms.log.read_text()

    travelled = wiretap.credentials()
    assert kms.api_key in travelled and len(travelled) >= 2, "the tap saw no login"
    password = kms.password_file.read_text().strip()
    assert_absent(travelled | {kms.api_key, canary, kms.api_key[1:], password}, outputs)


def test_command_line_tool(binaries, talkative_kms, authority, wiretap, canary):
    kms, outputs = talkative_kms, {}
    environment = {
        "KMSCTL_ENDPOINT": f"https://localhost:{wiretap.port}",
        "KMSCTL_CA_FILE": str(authority.certificate),
        "KMS_PKCS11_LOG": "debug",
    }
    password = kms.password_file.read_text().strip()
    for name, arguments, more in (
        ("login", ("login", "--user", kms.admin, "--password-file", kms.password_file), {}),
        ("wrong login", ("login", "--user", kms.admin), {"KMSCTL_PASSWORD": canary}),
        ("keys", ("key", "list"), {}),
        ("keys, as JSON", ("key", "list", "--json"), {}),
        ("a key", ("key", "show", RSA_KEY, "--json"), {}),
        ("apps", ("app", "list", "--json"), {}),
        ("audit", ("audit", "--json"), {}),
        ("keys of the app", ("key", "list", "--api-key-file", kms.api_key_file), {}),
        ("doctor", ("doctor",), {"FORTANIX_API_KEY": kms.api_key}),
        ("doctor, wrong key", ("doctor",), {"FORTANIX_API_KEY": canary}),
    ):
        result = kms.run_kmsctl(*arguments, check=False, **(environment | more))
        assert (result.returncode == 0) == ("wrong" not in name), f"{name}: {output_of(result)}"
        outputs[f"kmsctl: {name}"] = output_of(result)
    outputs["kmsd"] = kms.log.read_text()
    travelled = wiretap.credentials()
    assert len(travelled) >= 2, "the tap saw no login"
    assert_absent(travelled | {kms.api_key, canary, password}, outputs)
