"""kmsctl plugin: a CA in the KMS from nothing but commands, whose certificate OpenSSL accepts."""

import json

import pytest
from processes import run


@pytest.fixture
def plugin(admin, kms, name):
    """x509-ca under the test's name, taken away again."""
    made = admin.done("plugin", "install", "x509-ca", "--name", name, "--group", kms.group, "--json").json
    yield made
    if any(other["name"] == name for other in admin.done("plugin", "list", "--json").json):
        admin.done("plugin", "delete", name, "--yes")


def test_a_certificate_from_a_ca_in_the_kms(admin, kms, name, plugin, tmp_path):
    run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
        "-subj", "/CN=CA", "-keyout", tmp_path / "ca.key", "-out", tmp_path / "ca.pem",
    )  # fmt: skip
    admin.done("key", "import", f"{name}-ca", "--file", tmp_path / "ca.key", "--group", kms.group)
    admin.done("cert", "import", f"{name}-ca-cert", "--file", tmp_path / "ca.pem", "--group", kms.group)
    admin.done("key", "generate", f"{name}-leaf", "--type", "ec", "--curve", "P-256", "--group", kms.group)
    request = {
        "subject_dn": {"CN": "www.example.com"}, "subject_key": f"{name}-leaf", "issuer_key": f"{name}-ca",
        "issuer_cert": f"{name}-ca-cert", "cert_lifetime": 3600, "dns_names": ["www.example.com"],
    }  # fmt: skip
    (tmp_path / "input.json").write_text(json.dumps(request))
    for outcome in (
        admin.done("plugin", "invoke", name, "--input", tmp_path / "input.json"),
        admin.done("plugin", "invoke", plugin["plugin_id"], "--input", "-", input=json.dumps(request).encode()),
        admin.done("plugin", "invoke", name, "--input", tmp_path / "input.json", "--api-key-file", kms.api_key_file),
    ):
        (tmp_path / "leaf.pem").write_text(outcome.out)
        assert outcome.out.endswith("-----END CERTIFICATE-----\n")
        run("openssl", "verify", "-CAfile", tmp_path / "ca.pem", "-verify_hostname", "www.example.com", tmp_path / "leaf.pem")
    printed = admin.done("plugin", "invoke", name, "--input", tmp_path / "input.json", "--json").out
    assert json.loads(printed).startswith("-----BEGIN CERTIFICATE-----\n")


def test_plugins_are_listed_and_deleted(admin, kms, name, plugin):
    (listed,) = [other for other in admin.done("plugin", "list", "--json").json if other["name"] == name]
    assert listed["plugin_id"] == plugin["plugin_id"] and listed["runs"] == "x509-ca"
    assert [group["name"] for group in listed["groups"]] == [kms.group]
    assert name in admin.done("plugin", "list").out
    refused = admin("plugin", "delete", name)
    assert refused.code == 64 and "--yes" in refused.err
    assert f"Deleted plugin {name}" in admin.done("plugin", "delete", name, "--yes").out


def test_what_does_not_work_says_why(admin, kms, name, plugin, tmp_path):
    outcome = admin("plugin", "install", "x509-ca", "--name", name, "--group", kms.group)
    assert outcome.code == 1 and "already exists" in outcome.err and "another name" in outcome.err
    outcome = admin("plugin", "install", "lua", "--name", f"{name}-2", "--group", kms.group)
    assert outcome.code == 1 and 'no built-in plugin "lua"' in outcome.err and "has x509-ca" in outcome.err
    assert admin("plugin", "install", "x509-ca").code == 64
    assert admin("plugin", "install", "x509-ca", "--group", "no such group").code == 5
    assert admin("plugin", "invoke", "no such plugin").code == 5
    outcome = admin("plugin", "invoke", name)
    assert outcome.code == 1 and "invalid input" in outcome.err and "--input FILE" in outcome.err
    assert admin("plugin", "invoke", name, "--input", tmp_path / "missing").code == 2
