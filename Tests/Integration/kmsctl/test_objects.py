"""Groups, apps, keys and certificates: text for people, JSON for programs."""

import base64
import os
import re
import stat

import pytest
from processes import run

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_groups(admin, name):
    created = admin.done("group", "create", name, "--description", "of a test", "--json").json
    assert created["name"] == name and UUID.fullmatch(created["group_id"])
    listed = {group["name"]: group for group in admin.done("group", "list", "--json").json}
    assert listed[name]["group_id"] == created["group_id"]
    assert name in admin.done("group", "list").out
    outcome = admin("group", "create", name)
    assert outcome.code == 1 and "409" in outcome.err


def test_apps(admin, name, kms, tmp_path):
    created = admin.done("app", "create", name, "--group", kms.group, "--json").json
    assert UUID.fullmatch(created["app_id"])
    listed = {app["name"]: app for app in admin.done("app", "list", "--json").json}
    assert [group["name"] for group in listed[name]["groups"]] == [kms.group]
    assert name in admin.done("app", "list").out
    key = admin.done("app", "show-key", name).out.strip()
    assert len(key) == 164 and base64.b64decode(key).startswith(created["app_id"].encode() + b":")
    shown = admin.done("app", "show-key", created["app_id"], "--json").json
    assert shown["api_key"] == key and shown["name"] == name

    output = tmp_path / "api-key"
    output.write_text("old")
    output.chmod(0o644)
    outcome = admin.done("app", "show-key", name, "--output", output)
    assert output.read_text() == key + "\n" and stat.S_IMODE(os.stat(output).st_mode) == 0o600
    assert key not in outcome.all
    assert admin.done("app", "show-key", name, "--output", output, "--json").json["output"] == str(output)
    assert admin("app", "show-key", name, "--output", tmp_path / "no" / "folder").code == 2

    assert admin("app", "create", name + "2").code == 64
    assert admin("app", "create", name + "2", "--group", "no-such-group").code == 5
    assert admin("app", "show-key", "no-such-app").code == 5


@pytest.mark.parametrize(
    ("arguments", "size", "curve"),
    [
        (("--type", "rsa"), 2048, None),
        (("--type", "rsa", "--size", "3072"), 3072, None),
        (("--type", "ec"), 256, "NistP256"),
        (("--type", "ec", "--curve", "p-384"), 384, "NistP384"),
        (("--type", "ec", "--curve", "secp521r1"), 521, "NistP521"),
    ],
)
def test_generate(admin, kms, name, arguments, size, curve):
    key = admin.done("key", "generate", name, *arguments, "--group", kms.group, "--id", "00:fF61", "--json").json
    assert (key["key_size"], key.get("elliptic_curve"), key["id"]) == (size, curve, "00ff61")
    assert key["origin"] == "FortanixHSM" and key["never_exportable"] and not key["public_only"]
    assert key["pkcs11_uri"] == f"pkcs11:token=Fortanix%20Token;object={name};id=%00%FF%61;type=private"
    assert key["nginx"] == f"ssl_certificate_key engine:pkcs11:label_{name};"
    text = admin.done("key", "show", key["kid"]).out
    assert name in text and key["kid"] in text and key["pkcs11_uri"] in text and key["nginx"] in text
    assert admin.done("key", "show", name, "--json").json == key
    assert name in admin.done("key", "list").out
    assert key in admin.done("key", "list", "--json").json
    assert admin.done("key", "delete", name, "--yes", "--json").json == {"kid": key["kid"], "name": name, "deleted": True}
    assert admin("key", "show", key["kid"]).code == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ("--type", "dsa"),
        ("--type", "ec", "--size", "256"),
        ("--type", "rsa", "--curve", "P-256"),
        ("--type", "ec", "--curve", "brainpool"),
        ("--type", "ec", "--id", "abc"),
        ("--type", "ec", "--id", "zz"),
        (),
    ],
)
def test_generate_usage(admin, arguments):
    outcome = admin("key", "generate", "x", *arguments)
    assert outcome.code == 64 and "Usage:" in outcome.err
    assert admin("key", "generate", "x", *arguments, "--json").error["code"] == "usage"


def test_refused_by_the_kms(admin, kms):
    outcome = admin("key", "generate", "too-small", "--type", "rsa", "--size", "512", "--group", kms.group)
    assert outcome.code == 1 and "HTTP 400" in outcome.err
    outcome = admin("key", "generate", "p256-key", "--type", "ec", "--group", kms.group, "--json")
    assert outcome.code == 1 and "409" in outcome.error["message"]


def test_unknown_names(admin):
    for command in (("show",), ("delete", "--yes")):
        for name in ("no-such-key", "00000000-0000-4000-8000-000000000000"):
            outcome = admin("key", *command, name, "--json")
            assert outcome.code == 5 and outcome.error["code"] == "not_found" and name in outcome.error["message"]
    outcome = admin("key", "generate", "x", "--type", "ec", "--group", "no-such-group")
    assert outcome.code == 5 and "no-such-group" in outcome.err
    assert admin("audit", "--object", "no-such-key").code == 5


def test_names_that_need_quoting(admin, kms, name):
    strange = f'{name} ä;"&=+%/?#'
    key = admin.done("key", "generate", strange, "--type", "ec", "--group", kms.group, "--json").json
    assert key["name"] == strange
    assert admin.done("key", "show", strange, "--json").json == key
    assert key["nginx"].startswith('ssl_certificate_key "engine:pkcs11:pkcs11:token=')
    assert '"' not in key["pkcs11_uri"] and "object=" + name in key["pkcs11_uri"]
    admin.done("audit", "--object", strange)
    admin.done("key", "delete", strange, "--yes")


def test_group_may_be_left_out_when_there_is_one(admin, kms, name):
    groups = admin.done("group", "list", "--json").json
    outcome = admin("key", "generate", name, "--type", "ec", "--json")
    if len(groups) == 1:
        assert outcome.json["group_id"] == groups[0]["group_id"]
    else:
        assert outcome.code == 2 and "--group" in outcome.error["remedy"]
    as_app = admin.done("key", "generate", name + "-app", "--type", "ec", "--json", FORTANIX_API_KEY=kms.api_key)
    assert as_app.json["name"] == name + "-app"


def test_certificate(admin, kms, authority, name, tmp_path):
    certificate = authority.issue(kms.public_key_file("p256-key"), name)
    view = admin.done("cert", "import", name, "--file", certificate, "--group", kms.group, "--id", "01", "--json").json
    assert view["obj_type"] == "CERTIFICATE" and view["id"] == "01" and view["pkcs11_uri"].endswith(";type=cert")
    der = run("openssl", "x509", "-in", certificate, "-outform", "DER").stdout
    assert base64.b64decode(view["certificate"]) == der and "nginx" not in view

    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"A text before.\n" + certificate.read_bytes() + authority.certificate.read_bytes())
    outcome = admin.done("cert", "import", name + "-chain", "--file", chain, "--group", kms.group)
    assert "1 more certificate" in outcome.err
    shown = admin.done("key", "show", name + "-chain", "--json").json
    assert base64.b64decode(shown["certificate"]) == der

    binary = tmp_path / "certificate.der"
    binary.write_bytes(der)
    admin.done("cert", "import", name + "-der", "--file", binary, "--group", kms.group)
    outcome = admin("cert", "import", "x", "--file", kms.rsa_private_key, "--group", kms.group)
    assert outcome.code == 2 and "key import" in outcome.err
    assert admin("cert", "import", "x", "--file", kms.directory / "session.json", "--group", kms.group).code == 2
