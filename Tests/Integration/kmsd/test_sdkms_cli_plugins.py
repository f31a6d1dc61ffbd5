"""The commands of the official client about plugins and about operations that need somebody's approval."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from processes import run
from sdkms_client import KID

command = pytest.mark.command


@pytest.fixture
def call(cli, server):
    """The client, with the administrator logged in and no app."""
    (cli.directory / "token").unlink(missing_ok=True)
    cli("user-login", "--username", server.admin, "--password", server.password)
    return cli


def openssl(*arguments) -> bytes:
    return run("openssl", *arguments).stdout


@command("create-plugin", "in the database; a client of REST sees it")
@command("update-plugin", "the new name is in the database")
@command("invoke-plugin", "openssl verifies the certificate that it issued with the CA's, by name and by id")
@command("delete-plugin", "gone from the database")
def test_plugins(call, server, connect, tmp_path):
    rest = connect("Basic " + server.make_app("plugins"))
    (group,) = server.sql('SELECT group_id FROM "group" WHERE name = ?', "plugins")
    (tmp_path / "code.lua").write_text("-- kmsd: native x509-ca\n")
    plugin = call.kid("create-plugin", "--name", "a CA", "--in", tmp_path / "code.lua", "--group-id", group)
    assert server.sql("SELECT name FROM plugin WHERE plugin_id = ?", plugin) == ("a CA",)
    assert plugin in {one["plugin_id"] for one in rest.expect(200, "GET", "/sys/v1/plugins").json()}
    update = ("update-plugin", "--id", plugin, "--in", tmp_path / "code.lua", "--group-id", group)
    assert call.kid(*update) == plugin
    assert server.sql("SELECT name FROM plugin WHERE plugin_id = ?", plugin) == ("a CA",)
    call(*update, "--name", "the CA")
    assert server.sql("SELECT name FROM plugin WHERE plugin_id = ?", plugin) == ("the CA",)

    ca = tmp_path / "ca.pem"
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-noenc", "-keyout", tmp_path / "ca.key", "-out", ca, "-days", "9"),
        *("-subj", "/CN=issuer"),
    )
    values = {
        "issuer": ("RSA", openssl("pkey", "-in", tmp_path / "ca.key", "-outform", "DER")),
        "issuer certificate": ("CERTIFICATE", openssl("x509", "-in", ca, "-outform", "DER")),
    }
    for name, (obj_type, value) in values.items():
        body = {"name": name, "obj_type": obj_type, "value": base64.b64encode(value).decode()}
        rest.expect(201, "PUT", "/crypto/v1/keys", body)
    rest.expect(201, "POST", "/crypto/v1/keys", {"name": "subject", "obj_type": "EC", "elliptic_curve": "NistP256"})
    wanted = {
        "subject_dn": {"CN": "www.example.com"}, "subject_key": "subject", "issuer_key": "issuer",
        "issuer_cert": "issuer certificate", "cert_lifetime": 3600,
    }  # fmt: skip
    (tmp_path / "in.json").write_text(json.dumps(wanted))
    for which in (("--name", "the CA"), ("--id", plugin)):
        call("invoke-plugin", *which, "--in", tmp_path / "in.json", "--out", tmp_path / "out.json")
        (tmp_path / "issued.pem").write_text(json.loads((tmp_path / "out.json").read_text()))
        assert openssl("verify", "-CAfile", ca, tmp_path / "issued.pem").endswith(b": OK\n")
        assert b"www.example.com" in openssl("x509", "-in", tmp_path / "issued.pem", "-noout", "-subject")
    assert "Error: 404" in call.refused("invoke-plugin", "--id", group)
    call("delete-plugin", "--id", plugin)
    assert server.sql("SELECT count(*) FROM plugin WHERE plugin_id = ?", plugin) == (0,)
    by_name = call.kid("create-plugin", "--name", "another CA", "--in", tmp_path / "code.lua", "--group-id", group)
    call("delete-plugin", "--name", "another CA")
    assert server.sql("SELECT count(*) FROM plugin WHERE plugin_id = ?", by_name) == (0,)


@pytest.fixture
def approved(call, server):
    """Approves a request, as the administrator over REST, after the client has found it pending."""

    def approve(printed: str) -> str:
        request = KID.search(printed.partition("request_id: ")[2])[0]
        assert printed.strip().endswith("Status: PENDING")
        assert json.loads(call("task-result", "--request-id", request))["status"] == "PENDING"
        admin = server.admin_session()
        admin.expect(200, "POST", f"/sys/v1/approval_requests/{request}/approve", {})
        admin.close()
        assert server.sql("SELECT status FROM approval_request WHERE request_id = ?", request) == ("APPROVED",)
        return request

    return approve


@command("task-result", "before approval it is pending, after it the result: openssl verifies the approved signature")
@command("create-group", "with a quorum policy, the group's keys need approval")
@command("sign", "with --quorum, openssl verifies what the approved request answers")
@command("wrap-key", "with --quorum, cryptography unwraps what the approved request answers")
@command("unwrap-key", "with --quorum, the approved request's object has the wrapped value")
@command("export-object", "with --quorum, the approved request answers the value")
@command("update-object", "with --quorum, the approved request's description is in the database")
def test_quorum(call, server, approved, tmp_path):
    (user,) = server.sql("SELECT user_id FROM user WHERE email = ?", server.admin)
    group = call.kid("create-group", "--name", "guarded", "--add-quorum-policy", "--n", "1", "--users", user)
    call("create-app", "--name", "guarded", "--groups", "guarded", "--default-group", "guarded")
    api_key = call("get-app-api-key", "--name", "guarded").strip()
    call("user-logout")
    call("app-login", "--api-key", api_key)
    rest = server.connect(f"Basic {api_key}")
    value = base64.b64encode(bytes(range(32))).decode()
    (tmp_path / "ec.key").write_bytes(openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    der = base64.b64encode(openssl("pkey", "-in", tmp_path / "ec.key", "-outform", "DER")).decode()

    def stored(name: str, **body) -> str:
        body |= {"name": name, "group_id": group}
        answer = rest.ask("PUT", "/crypto/v1/keys", body)
        if answer.status == 403:
            # That the policy covers imports, too, is the server's choice.
            created = rest.expect(
                201, "POST", "/sys/v1/approval_requests",
                {"method": "PUT", "operation": "/crypto/v1/keys", "body": body},
            ).json()["request_id"]  # fmt: skip
            server.admin_session().expect(200, "POST", f"/sys/v1/approval_requests/{created}/approve", {})
            result = rest.expect(200, "POST", f"/sys/v1/approval_requests/{created}/result").json()
            assert result["status"] == 201, result
            return result["body"]["kid"]
        assert answer.status == 201, answer.text
        return answer.json()["kid"]

    ec = stored("guarded ec", obj_type="EC", value=der)
    aes = stored("guarded aes", obj_type="AES", value=value)
    subject = stored("guarded subject", obj_type="AES", value=base64.b64encode(bytes(16)).decode())
    data, out = tmp_path / "data", tmp_path / "out"
    data.write_bytes(b"data")

    def result(request: str, *more) -> dict:
        return json.loads(call("task-result", "--request-id", request, *more).splitlines()[0])

    sign = ("sign", "--kid", ec, "--hash-alg", "SHA256", "--in", data)
    assert "This operation requires approval" in call.refused(*sign, "--out", out)
    result(approved(call(*sign, "--quorum")), "--out", out)
    (tmp_path / "public.pem").write_bytes(openssl("pkey", "-in", tmp_path / "ec.key", "-pubout"))
    verified = openssl("dgst", "-sha256", "-verify", tmp_path / "public.pem", "-signature", out, data)
    assert b"Verified OK" in verified

    result(approved(call("export-object", "--kid", aes, "--quorum")), "--out", out)
    assert out.read_bytes() == bytes(range(32))

    wrap = ("wrap-key", "--kid", subject, "--wrapping-kid", aes, "--alg", "AES", "--mode", "GCM", "--tag-len", "128")
    result(approved(call(*wrap, "--quorum")), "--out", out)
    iv, tag = (bytes.fromhex((tmp_path / f"out.{name}").read_text()) for name in ("iv", "tag"))
    assert AESGCM(bytes(range(32))).decrypt(iv, out.read_bytes() + tag, None) == bytes(16)

    unwrap = ("unwrap-key", "--in", out, "--wrapping-kid", aes, "--alg", "AES", "--mode", "GCM", "--obj-type", "AES")
    more = ("--iv", iv.hex(), "--tag", tag.hex(), "--name", "guarded again", "--exportable")
    again = result(approved(call(*unwrap, *more, "--quorum")))["body"]["kid"]
    assert server.attribute(again, "kcv") == server.attribute(subject, "kcv")

    update = ("update-object", "--kid", aes, "--description", "approved", "--quorum")
    request = approved(call(*update))
    assert result(request)["body"]["description"] == "approved" == server.attribute(aes, "description")
