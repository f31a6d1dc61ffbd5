"""kmsctl approval: a guarded operation is asked for, approved by others, and its result fetched."""

import base64
import json

import pytest


@pytest.fixture
def people(admin, kms, name, tmp_path):
    """A guarded group with a key; who asks, and two who approve. Taken away again by the two approvers."""
    password = tmp_path / "password"
    password.write_text("a long enough password\n")
    password.chmod(0o600)
    group = admin.done("group", "create", name, "--json").json["group_id"]
    admin.done("key", "generate", f"{name}-key", "--type", "ec", "--group", name)
    found = {}
    for who, role in (("asker", "administrator"), ("first", "auditor"), ("second", "auditor")):
        email = f"{name}-{who}@example.org".lower()
        admin.done("user", "create", email, "--group", f"{name}={role}", "--password-file", password)
        session = tmp_path / who / "session.json"
        found[who] = type(admin)(admin.binary, **admin.environment | {"KMSCTL_SESSION": str(session)})
        found[who].done("login", "--user", email, "--password-file", password)
        found[who].email = email
    members = ("--approver", found["first"].email, "--approver", found["second"].email)
    made = admin.done("group", "update", name, *members, "--json").json
    assert made["approval_policy"]["quorum"]["n"] == 2
    assert [made["group_id"], "needed"] == admin.done("group", "list").out.partition(f"\n{name} ")[2].split()[:2]
    yield found
    end = {"approval_policy": "remove"}
    ask = ("approval", "request", "PATCH", f"/sys/v1/groups/{group}", "--body", "-", "--json")
    request = admin.done(*ask, input=json.dumps(end).encode()).json["request_id"]
    for who in ("first", "second"):
        found[who].done("approval", "approve", request)
    assert admin.done("approval", "result", request, "--json").json["status"] == 200
    for who in found.values():
        admin.done("user", "delete", who.email, "--yes")


def test_a_key_is_deleted_by_three_people(admin, people, name):
    asker, first, second = people.values()
    outcome = asker("key", "delete", f"{name}-key", "--yes")
    assert outcome.code == 1 and "requires approval" in outcome.err
    # The remedy is the command to give.
    command = outcome.err.partition("kmsctl approval request ")[2].strip().rstrip(".").split()
    assert command[0] == "DELETE"
    made = asker.done("approval", "request", *command, "--description", "worn out").out
    request = made.split()[2]
    assert f"kmsctl approval result {request}" in made

    for who in (asker, first, second):
        listed = who.done("approval", "list", "--status", "pending").out
        assert request in listed and f"DELETE {command[1]}" in listed
    # Members are told of no other users than themselves.
    assert asker.email in asker.done("approval", "list").out
    assert "no approval request" in admin.done("approval", "list").out
    shown = first.done("approval", "show", request).out
    for part in (request, "PENDING", "worn out", first.email):
        assert part in shown
    view = second.done("approval", "show", request, "--json").json
    assert view["method"] == "DELETE" and view["created_at"].endswith("Z") and "-" in view["created_at"]

    assert "PENDING" in asker("approval", "result", request).err
    assert asker("approval", "approve", request).code == 1
    assert "more approvals" in first.done("approval", "approve", request).out
    assert "APPROVED" in second.done("approval", "approve", request).out
    assert "APPROVED already" in second("approval", "deny", request).err
    refused = first("approval", "result", request)
    assert refused.code == 1 and "only who made" in refused.err
    assert asker("key", "show", f"{name}-key").code == 0
    assert "204" in asker.done("approval", "result", request).out
    assert asker("key", "show", f"{name}-key").code == 5
    # It ran once; the answer stays.
    assert asker.done("approval", "result", request, "--json").json == {"status": 204}


def test_a_signature_and_a_denial(people, name, tmp_path):
    asker, first, second = people.values()
    body = {"key": {"name": f"{name}-key"}, "hash_alg": "SHA256", "data": base64.b64encode(b"data").decode()}
    (tmp_path / "body.json").write_text(json.dumps(body))
    ask = ("approval", "request", "post", "/crypto/v1/sign", "--body", tmp_path / "body.json", "--json")
    request = asker.done(*ask).json["request_id"]
    assert f'"data":"{body["data"]}"' in first.done("approval", "show", request).out
    for who in (first, second):
        who.done("approval", "approve", request)
    assert base64.b64decode(asker.done("approval", "result", request).json["signature"])

    request = asker.done(*ask).json["request_id"]
    assert "Denied POST /crypto/v1/sign" in first.done("approval", "deny", request).out
    assert "DENIED already" in second("approval", "approve", request).err
    assert "DENIED" in asker("approval", "result", request).err
    denied = asker.done("approval", "list", "--status", "denied", "--json").json
    assert [view["request_id"] for view in denied] == [request]


def test_what_is_approved_and_fails(people, name):
    """The answer of the KMS to the approved request is not that of kmsctl's own."""
    asker, first, second = people.values()
    body = json.dumps({"key": {"name": f"{name}-key"}, "hash_alg": "SHA256", "data": "not base64"}).encode()
    ask = ("approval", "request", "POST", "/crypto/v1/sign", "--body", "-", "--json")
    request = asker.done(*ask, input=body).json["request_id"]
    for who in (first, second):
        who.done("approval", "approve", request)
    outcome = asker("approval", "result", request)
    assert outcome.code == 1 and "was refused" in outcome.err and "HTTP 400" in outcome.err
    assert "file another request" in outcome.err


def test_wrong_usage(admin, kms, tmp_path):
    (tmp_path / "text").write_text("no JSON")
    for arguments, code, part in [
        (("approval", "show", "no-such-id"), 5, "does not exist"),
        (("approval", "approve"), 64, "<id>"),
        (("approval", "list", "--status", "lost"), 64, "pending"),
        (("approval", "request", "SIGN", "/crypto/v1/sign"), 64, "POST"),
        (("approval", "request", "POST", "/crypto/v1/sign", "--body", tmp_path / "text"), 2, "no JSON"),
        (("approval", "request", "POST", "/crypto/v1/sign", "--body", tmp_path / "missing"), 2, "missing"),
        (("approval", "request", "GET", "/elsewhere"), 1, "must begin with one of"),
        (("approval", "request", "DELETE", "/crypto/v1/keys/none"), 1, "needs an approval"),
        (("group", "update", kms.group), 64, "Nothing to change"),
        (("group", "update", kms.group, "--required", "1", "--description", "x"), 64, "--required"),
        (("group", "update", kms.group, "--approver", kms.admin, "--required", "2"), 64, "--required"),
        (("group", "update", kms.group, "--approver", kms.admin, "--no-approval"), 64, "exclude"),
        (("group", "update", kms.group, "--approver", "nobody"), 5, "kmsctl user list"),
        (("group", "update", "no such group", "--description", "x"), 5, "kmsctl group list"),
    ]:
        outcome = admin(*arguments)
        assert outcome.code == code and part in outcome.all, (arguments, outcome)
    assert admin.done("group", "update", kms.group, "--description", "of the tests", "--json").json["description"]
