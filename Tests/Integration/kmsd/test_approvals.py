"""Quorum: what a group's approval policy covers needs approvals, over the API and with Fortanix's own client."""

import base64
import hashlib
import json
import re
import sqlite3
from contextlib import closing

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from processes import run

NEEDED = "This operation requires approval"
REQUESTS = "/sys/v1/approval_requests"
DIGEST = hashlib.sha256(b"data").digest()
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Office:
    """A guarded group with a working app in it, two approving apps beside it, and a stranger in the group."""

    def __init__(self, server, connect, name: str, required: int = 2):
        self.name = name
        self.connect = connect
        self.admin = server.admin_session()
        users = self.admin.expect(200, "GET", "/sys/v1/users").json()
        self.user = next(user["user_id"] for user in users if user["user_email"] == server.admin)
        self.group = self.admin.expect(201, "POST", "/sys/v1/groups", {"name": name}).json()["group_id"]
        self.outside = self.admin.expect(201, "POST", "/sys/v1/groups", {"name": f"{name} board"}).json()["group_id"]
        self.worker, self.worker_id = self.add_app("worker", self.group)
        self.stranger, _ = self.add_app("stranger", self.group)
        self.first, self.first_id = self.add_app("first", self.outside)
        self.second, self.second_id = self.add_app("second", self.outside)
        self.members = [{"app": self.first_id}, {"app": self.second_id}, {"user": self.user}]
        self.kids = {}
        self.make("key", {"obj_type": "EC", "elliptic_curve": "NistP256"})
        self.make("secret", {"obj_type": "AES", "key_size": 256})
        self.policy = {"quorum": {"n": required, "members": self.members, "require_2fa": False, "require_password": False}}
        answer = self.admin.expect(200, "PATCH", f"/sys/v1/groups/{self.group}", {"approval_policy": self.policy}).json()
        assert answer["approval_policy"] == self.policy

    def add_app(self, name: str, group: str):
        body = {"name": f"{self.name} {name}", "add_groups": [group]}
        app = self.admin.expect(201, "POST", "/sys/v1/apps", body).json()["app_id"]
        secret = self.admin.expect(200, "GET", f"/sys/v1/apps/{app}/credential").json()["credential"]["secret"]
        return self.connect("Basic " + base64.b64encode(f"{app}:{secret}".encode()).decode()), app

    def make(self, name: str, kind: dict):
        everything = {
            "EC": ["SIGN", "VERIFY", "AGREEKEY", "EXPORT", "APPMANAGEABLE"],
            "AES": ["ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "MACGENERATE", "MACVERIFY", "EXPORT", "APPMANAGEABLE"],
        }  # fmt: skip
        body = {"name": f"{self.name} {name}", "key_ops": everything[kind["obj_type"]], **kind}
        self.kids[name] = self.worker.expect(201, "POST", "/crypto/v1/keys", body).json()["kid"]

    def sign_body(self, name: str = "key") -> dict:
        return {"key": {"kid": self.kids[name]}, "hash_alg": "SHA256", "hash": base64.b64encode(DIGEST).decode()}

    def ask(self, method: str, operation: str, body=None, by=None) -> dict:
        request = {"method": method, "operation": operation, "body": body, "description": "please"}
        return (by or self.worker).expect(201, "POST", REQUESTS, request).json()

    def approve(self, request: dict, *approvers) -> str:
        for approver in approvers:
            answer = approver.expect(200, "POST", f"{REQUESTS}/{request['request_id']}/approve", {}).json()
        return answer["status"]

    def result(self, request: dict, by=None, status: int = 200):
        return (by or self.worker).expect(status, "POST", f"{REQUESTS}/{request['request_id']}/result")

    def verify(self, signature: str, name: str = "key"):
        stored = self.worker.expect(200, "GET", f"/crypto/v1/keys/{self.kids[name]}").json()["pub_key"]
        key = serialization.load_der_public_key(base64.b64decode(stored))
        key.verify(base64.b64decode(signature), b"data", ec.ECDSA(hashes.SHA256()))


@pytest.fixture(scope="module")
def opened(server, app):
    opened = []

    def connect(authorization):
        opened.append(type(app)(server, authorization))
        return opened[-1]

    yield connect
    for rest in opened:
        rest.close()


@pytest.fixture(scope="module")
def office(server, opened):
    office = Office(server, opened, "office")
    yield office
    office.admin.close()


def test_every_use_and_change_of_a_guarded_key_needs_approval(office):
    key, secret = office.kids["key"], office.kids["secret"]
    iv = base64.b64encode(bytes(16)).decode()
    cbc = {"alg": "AES", "mode": "CBC", "iv": iv}
    operations = [
        ("POST", "/crypto/v1/sign", office.sign_body()),
        ("POST", f"/crypto/v1/keys/{key}/sign", {"hash_alg": "SHA256", "hash": base64.b64encode(DIGEST).decode()}),
        ("POST", "/crypto/v1/encrypt", {"key": {"kid": secret}, "plain": iv, **cbc}),
        ("POST", "/crypto/v1/decrypt", {"key": {"kid": secret}, "cipher": iv, **cbc}),
        ("POST", "/crypto/v1/encrypt/init", {"key": {"kid": secret}, **cbc}),
        ("POST", "/crypto/v1/keys/digest", {"key": {"kid": secret}, "alg": "SHA256"}),
        ("POST", "/crypto/v1/mac", {"key": {"kid": secret}, "data": iv}),
        ("POST", "/crypto/v1/wrapkey", {"key": {"kid": secret}, "subject": {"kid": key}, "alg": "AES", "mode": "KWP"}),
        ("GET", f"/crypto/v1/keys/{key}/export", None),
        ("POST", "/crypto/v1/keys/export", {"name": "office key"}),
        ("PATCH", f"/crypto/v1/keys/{key}", {"description": "changed"}),
        ("PATCH", f"/crypto/v1/keys/{key}", {"group_id": office.outside}),
        ("POST", f"/crypto/v1/keys/{key}/revoke", {"code": "Superseded"}),
        ("POST", f"/crypto/v1/keys/{key}/destroy", None),
        ("DELETE", f"/crypto/v1/keys/{key}/private", None),
        ("DELETE", f"/crypto/v1/keys/{key}", None),
        ("POST", "/crypto/v1/keys/rekey", {"name": "office key"}),
        ("POST", "/crypto/v1/keys/copy", {"key": {"kid": key}, "name": "office copy"}),
    ]
    for method, path, body in operations:
        # The app is not in the other group, so it is told of that first.
        callers = [office.admin] if body and "group_id" in body else [office.worker, office.admin]
        for caller in callers:
            answer = caller.ask(method, path, body)
            assert (answer.status, answer.text) == (403, NEEDED), f"{method} {path}: {answer.status} {answer.text}"
    batch = {"Batch": {"batch_execution_type": "Serial", "items": [
        {"SingleItem": {"method": "POST", "operation": "/crypto/v1/sign", "body": office.sign_body()}}
    ]}}  # fmt: skip
    (item,) = office.worker.expect(200, "POST", "/batch/v1", batch).json()["Batch"]["items"]
    assert item["SingleItem"]["Result"] == {"status": 403, "body": NEEDED}
    request = {"kid": key, "request": {"hash_alg": "SHA256", "hash": base64.b64encode(DIGEST).decode()}}
    answer = office.worker.ask("POST", "/crypto/v1/keys/batch/sign", [{"key": {"kid": key}, **request["request"]}])
    assert answer.json()[0]["status"] == 403 and answer.json()[0]["error"] == NEEDED
    # Looking, and checking what others made, needs none.
    assert office.worker.expect(200, "GET", f"/crypto/v1/keys/{key}").json()["state"] == "Active"
    assert office.worker.expect(200, "GET", "/crypto/v1/keys?name=office+key").json()


def test_a_signature_with_two_approvals(office):
    request = office.ask("POST", "/crypto/v1/sign", office.sign_body())
    assert request["status"] == "PENDING" and UUID.fullmatch(request["request_id"])
    assert request["requester"] == {"app": office.worker_id} and request["approvers"] == []
    assert {"sobject": office.kids["key"]} in request["subjects"] and request["expiry"] > request["created_at"]
    assert sorted(map(str, request["reviewers"])) == sorted(map(str, office.members))
    assert request["body"] == office.sign_body() and request["description"] == "please"
    assert "PENDING" in office.result(request, status=400).text
    assert office.approve(request, office.first) == "PENDING"
    assert office.approve(request, office.first) == "PENDING"  # once more is not two
    assert office.approve(request, office.admin) == "APPROVED"
    result = office.result(request).json()
    assert result["status"] == 200
    office.verify(result["body"]["signature"])
    # The answer can be read again, and it is the same: the key was used once.
    assert office.result(request).json() == result
    hits = office.admin.expect(200, "GET", f"/sys/v1/logs?object_id={office.kids['key']}").json()["hits"]
    assert sum("signed with" in hit["_source"]["message"] for hit in hits) == 1
    hits = office.admin.expect(200, "GET", f"/sys/v1/logs?object_id={request['request_id']}").json()["hits"]
    messages = [hit["_source"]["message"] for hit in hits[::-1]]
    for verb in ("asked for", "approved POST", "started the approved", "got status 200", "read again"):
        assert any(verb in message for message in messages), verb
    # Another signature needs another approval.
    assert office.worker.expect(403, "POST", "/crypto/v1/sign", office.sign_body()).text == NEEDED


def test_an_approval_is_for_one_request_only(office):
    office.make("other", {"obj_type": "EC", "elliptic_curve": "NistP256"})
    request = office.ask("POST", "/crypto/v1/sign", office.sign_body("other"))
    office.approve(request, office.first, office.second)
    office.verify(office.result(request).json()["body"]["signature"], "other")
    assert office.worker.expect(403, "POST", "/crypto/v1/sign", office.sign_body("other")).text == NEEDED


def test_a_denial_ends_it(office):
    request = office.ask("POST", "/crypto/v1/sign", office.sign_body())
    answer = office.second.expect(200, "POST", f"{REQUESTS}/{request['request_id']}/deny").json()
    assert answer["status"] == "DENIED" and answer["denier"] == {"app": office.second_id}
    for path in ("approve", "deny", "result"):
        caller = office.worker if path == "result" else office.first
        assert "DENIED" in caller.expect(400, "POST", f"{REQUESTS}/{request['request_id']}/{path}").text


def test_only_requester_and_approvers_know_of_it(office, app):
    request = office.ask("POST", "/crypto/v1/sign", office.sign_body())
    path = f"{REQUESTS}/{request['request_id']}"
    for caller in (office.stranger, app):
        assert caller.expect(200, "GET", REQUESTS).json() == []
        for method, end in (("GET", ""), ("POST", "/approve"), ("POST", "/deny"), ("POST", "/result"), ("DELETE", "")):
            assert caller.expect(404, method, path + end).text == "approval request does not exist"
    # Those who see it may not do what is others' to do.
    office.worker.expect(403, "POST", path + "/approve")
    office.first.expect(403, "POST", path + "/result")
    office.first.expect(403, "DELETE", path)
    assert office.first.expect(200, "GET", path).json()["body"] == office.sign_body()
    # Nobody learns by asking for approval of what they do not see.
    foreign = {"method": "POST", "operation": "/crypto/v1/sign", "body": office.sign_body()}
    unknown = {**foreign, "body": {**office.sign_body(), "key": {"kid": "00000000-0000-0000-0000-000000000000"}}}
    answers = [app.expect(400, "POST", REQUESTS, body).text for body in (foreign, unknown)]
    assert answers[0] == answers[1]
    office.worker.expect(204, "DELETE", path)
    office.worker.expect(404, "GET", path)


def test_lists_have_filters(office):
    made = [office.ask("POST", "/crypto/v1/sign", office.sign_body())["request_id"] for _ in range(3)]
    office.first.expect(200, "POST", f"{REQUESTS}/{made[0]}/deny")

    def listed(query: str, by=None) -> set[str]:
        answer = (by or office.admin).expect(200, "GET", f"{REQUESTS}?{query}").json()
        return {request["request_id"] for request in answer} & set(made)

    assert listed("") == set(made)
    assert listed("status=DENIED") == {made[0]} and listed("status=pending") == set(made[1:])
    assert listed(f"requester={office.worker_id}") == set(made) and listed(f"requester={office.user}") == set()
    assert listed(f"reviewer={office.first_id}") == set(made) and listed(f"reviewer={office.worker_id}") == set()
    assert listed(f"subject={office.kids['key']}") == set(made) and listed(f"subject={office.kids['secret']}") == set()
    assert len(office.admin.expect(200, "GET", f"{REQUESTS}?limit=2").json()) == 2
    office.admin.expect(400, "GET", f"{REQUESTS}?status=nope")
    for request in made:
        office.worker.expect(204, "DELETE", f"{REQUESTS}/{request}")


def test_the_requesters_own_rights_still_count(office):
    body = {"key": {"kid": office.kids["key"]}, "plain": "AAAA", "alg": "AES", "mode": "CBC"}
    request = office.ask("POST", "/crypto/v1/encrypt", body)
    office.approve(request, office.first, office.second)
    result = office.result(request).json()
    assert result["status"] == 403 and "not allowed" in result["body"]
    path = f"{REQUESTS}/{request['request_id']}"
    assert office.worker.expect(200, "GET", path).json()["status"] == "FAILED"
    assert office.result(request).json() == result


def test_a_batch_and_a_wrap_are_run_with_their_approval(office):
    batch = [{k: v for k, v in office.sign_body().items()}] * 3
    request = office.ask("POST", "/crypto/v1/keys/batch/sign", batch)
    office.approve(request, office.first, office.second)
    for item in office.result(request).json()["body"]:
        office.verify(item["body"]["signature"])
    wrap = {
        "key": {"name": "office secret"}, "subject": {"kid": office.kids["key"]}, "alg": "AES", "mode": "KWP"
    }  # fmt: skip
    request = office.ask("POST", "/crypto/v1/wrapkey", wrap)
    office.approve(request, office.second, office.admin)
    assert office.result(request).json()["body"]["wrapped_key"]


def test_the_policy_guards_itself(office):
    path = f"/sys/v1/groups/{office.group}"
    for body in ({"approval_policy": "remove"}, {"approval_policy": {"user": office.user}}, {"name": "renamed"}):
        assert office.admin.expect(403, "PATCH", path, body).text == NEEDED
    assert office.admin.expect(403, "DELETE", path).text == NEEDED
    request = office.ask("PATCH", path, {"description": "with approval"}, by=office.admin)
    assert {"group": office.group} in request["subjects"]
    # The requester is a member too, and has one vote.
    assert office.approve(request, office.admin) == "PENDING"
    assert office.approve(request, office.first) == "APPROVED"
    assert office.result(request, by=office.admin).json()["body"]["description"] == "with approval"


def test_a_policy_can_be_changed_and_taken_away_with_approval(server, opened):
    office = Office(server, opened, "closing")
    try:
        path = f"/sys/v1/groups/{office.group}"
        early = office.ask("POST", "/crypto/v1/sign", office.sign_body())
        assert office.approve(early, office.first, office.second) == "APPROVED"
        stricter = {"quorum": {"n": 3, "members": office.members}}
        request = office.ask("PATCH", path, {"approval_policy": stricter}, by=office.admin)
        assert office.approve(request, office.first, office.second) == "APPROVED"
        assert office.result(request, by=office.admin).json()["status"] == 200
        # What was approved by two is not approved by three.
        assert office.result(early, status=403).text == NEEDED
        assert office.approve(early, office.admin) == "APPROVED"
        office.verify(office.result(early).json()["body"]["signature"])
        request = office.ask("PATCH", path, {"approval_policy": "remove"}, by=office.admin)
        office.approve(request, office.first, office.second, office.admin)
        assert "approval_policy" not in office.result(request, by=office.admin).json()["body"]
        office.verify(office.worker.expect(200, "POST", "/crypto/v1/sign", office.sign_body()).json()["signature"])
    finally:
        office.admin.close()


def test_quorums_within_quorums(server, opened):
    office = Office(server, opened, "nested", required=1)
    try:
        inner = {"quorum": {"n": 1, "members": [{"app": office.first_id}, {"app": office.second_id}]}}
        policy = {"quorum": {"n": 2, "members": [{"user": office.user}, inner]}}
        request = office.ask("PATCH", f"/sys/v1/groups/{office.group}", {"approval_policy": policy}, by=office.admin)
        office.approve(request, office.first)
        assert office.result(request, by=office.admin).json()["status"] == 200
        request = office.ask("POST", "/crypto/v1/sign", office.sign_body())
        assert office.approve(request, office.first, office.second) == "PENDING"
        assert office.approve(request, office.admin) == "APPROVED"
        office.verify(office.result(request).json()["body"]["signature"])
    finally:
        office.admin.close()


def test_policies_that_could_not_be_kept_are_refused(office):
    user, app = {"user": office.user}, {"app": office.first_id}
    nobody = "00000000-0000-0000-0000-000000000000"
    deep = user
    for _ in range(6):
        deep = {"quorum": {"n": 1, "members": [deep]}}
    for policy in (
        {}, [], "nope", 5, {"user": office.user, "app": office.first_id}, {"user": nobody}, {"app": nobody}, deep,
        {"quorum": {"n": 0, "members": [user]}}, {"quorum": {"n": 2, "members": [user]}},
        {"quorum": {"n": 1, "members": []}}, {"quorum": {"n": 2, "members": [user, user]}},
        {"quorum": {"n": 2, "members": [user, {"quorum": {"n": 1, "members": [user, app]}}]}},
        {"quorum": {"n": 1, "members": [user], "require_2fa": True}},
        {"quorum": {"n": 1, "members": [user], "require_password": True}},
        {"user": office.user, "protect_crypto_operations": False}, {"user": office.user, "protect_permissions": ["SIGN"]},
    ):  # fmt: skip
        answer = office.admin.ask("POST", "/sys/v1/groups", {"name": "bad", "approval_policy": policy})
        assert answer.status == 400 and "approval_policy" in answer.text, f"{policy}: {answer.status} {answer.text}"


@pytest.mark.parametrize(
    "body",
    [
        {}, {"method": "POST"}, {"method": "NOPE", "operation": "/crypto/v1/sign"}, {"method": "POST", "operation": "sign"},
        {"method": "POST", "operation": "/batch/v1"}, {"method": "POST", "operation": "/sys/v1/approval_requests"},
        {"method": "POST", "operation": "/crypto/v1/sign"}, {"method": "POST", "operation": "/crypto/v1/../../sys/v1/apps"},
        {"method": "POST", "operation": "/crypto/v1/sign\n"}, {"method": "GET", "operation": "/crypto/v1/" + "x" * 3000},
    ],
)  # fmt: skip
def test_requests_that_no_approval_could_be_for_are_refused(office, body):
    office.worker.expect(400, "POST", REQUESTS, body)


def test_what_waits_is_limited_in_size(office):
    request = {"method": "POST", "operation": f"/crypto/v1/keys/{office.kids['key']}/sign"}
    answer = office.worker.expect(413, "POST", REQUESTS, request | {"body": {"data": "A" * 65_536}})
    assert answer.text.startswith('Field "body" has 65547 bytes')
    path = office.worker.expect(201, "POST", REQUESTS, request | {"body": {"data": "A" * 65_500}}).json()["request_id"]
    office.worker.expect(204, "DELETE", f"{REQUESTS}/{path}")


def test_a_plugin_uses_no_guarded_key_without_approval(office, tmp_path):
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-keyout", tmp_path / "k", "-out", tmp_path / "c",
        "-subj", "/CN=CA", "-days", "2")  # fmt: skip
    for name, kind, command in (("ca", "RSA", ("pkey", "-in", tmp_path / "k")), ("ca cert", "CERTIFICATE", ("x509", "-in", tmp_path / "c"))):
        value = base64.b64encode(run("openssl", *command, "-outform", "DER").stdout).decode()
        office.worker.expect(201, "PUT", "/crypto/v1/keys", {"name": f"office {name}", "obj_type": kind, "value": value})
    plugin = office.admin.expect(
        201, "POST", "/sys/v1/plugins", {"name": "office CA", "add_groups": [office.group], "source": {"plugin_name": "x509-ca"}}
    ).json()["plugin_id"]
    body = {
        "subject_dn": {"CN": "x"}, "subject_key": "office key", "issuer_key": "office ca", "issuer_cert": "office ca cert",
        "cert_lifetime": 60,
    }  # fmt: skip
    assert office.worker.expect(403, "POST", f"/sys/v1/plugins/{plugin}", body).text == NEEDED
    request = office.ask("POST", f"/sys/v1/plugins/{plugin}", body)
    office.approve(request, office.first, office.second)
    (tmp_path / "leaf").write_text(office.result(request).json()["body"])
    run("openssl", "verify", "-CAfile", tmp_path / "c", tmp_path / "leaf")


def test_what_waits_is_sealed_and_survives_a_restart(new_kms, rest_client, canary):
    server = new_kms()
    server.start()
    opened = []

    def connect(authorization):
        opened.append(rest_client(server, authorization))
        return opened[-1]

    office = Office(server, connect, "sealed")
    plain = base64.b64encode(canary.encode()).decode()
    body = {"key": {"kid": office.kids["secret"]}, "alg": "AES", "mode": "GCM", "plain": plain, "tag_len": 128}
    request = office.ask("POST", "/crypto/v1/encrypt", body)
    expired, interrupted = (office.ask("POST", "/crypto/v1/sign", office.sign_body()) for _ in range(2))
    for one in (expired, interrupted):
        assert office.approve(one, office.first, office.second) == "APPROVED"
    for rest in [*opened, office.admin]:
        rest.close()
    server.kill9()
    assert not any(text in (server.data / "kmsd.sqlite").read_bytes() for text in (canary.encode(), plain.encode()))
    assert not any(text in (server.data / "kmsd.sqlite-wal").read_bytes() for text in (canary.encode(), plain.encode()))
    with closing(sqlite3.connect(server.data / "kmsd.sqlite")) as database, database:
        change = "UPDATE approval_request SET {} = 1 WHERE request_id = ?"
        database.execute(change.format("expiry"), (expired["request_id"],))
        database.execute(change.format("started_at"), (interrupted["request_id"],))
    server.start()
    assert office.approve(request, office.first, office.second) == "APPROVED"
    assert office.result(request).json()["body"]["cipher"]
    # What is too old is gone; what was begun before a crash is not done twice.
    assert office.result(expired, status=404).text == "approval request does not exist"
    assert "outcome is not known" in office.result(interrupted, status=409).text
    for rest in opened:
        rest.close()


def test_an_account_goes_with_its_approval_requests(new_kms):
    """Those that are done stay for days, and are nothing that an administrator would have to delete one by one."""
    kms = new_kms()
    kms.start()
    admin = kms.admin_session()
    account = admin.expect(201, "POST", "/sys/v1/accounts", {"name": "second"}).json()["acct_id"]
    second = kms.user_session(kms.admin, kms.password, account)
    (user,) = (user["user_id"] for user in second.expect(200, "GET", "/sys/v1/users").json())
    body = {"name": "guarded", "approval_policy": {"user": user}}
    group = second.expect(201, "POST", "/sys/v1/groups", body).json()["group_id"]
    request = {"method": "DELETE", "operation": f"/sys/v1/groups/{group}"}
    path = f"{REQUESTS}/{second.expect(201, 'POST', REQUESTS, request).json()['request_id']}"
    second.expect(200, "POST", f"{path}/approve")
    assert second.expect(200, "POST", f"{path}/result").json()["status"] == 204
    second.expect(204, "DELETE", f"/sys/v1/accounts/{account}")
    (left,) = admin.expect(200, "GET", "/sys/v1/users/accounts").json()
    assert left != account


def test_the_official_client_asks_for_approvals_and_takes_the_results(server, cli, opened, tmp_path):
    cli("user-login", "--username", server.admin, "--password", server.password)
    admin = server.admin_session()
    user = next(u["user_id"] for u in admin.expect(200, "GET", "/sys/v1/users").json() if u["user_email"] == server.admin)
    group = cli("create-group", "--name", "cli quorum", "--add-quorum-policy", "--n", "1", "--users", user).strip()
    policy = admin.expect(200, "GET", f"/sys/v1/groups/{group}").json()["approval_policy"]
    assert policy["quorum"]["n"] == 1 and policy["quorum"]["members"] == [{"user": user}]
    cli("create-app", "--name", "cli quorum app", "--groups", "cli quorum", "--default-group", "cli quorum")
    key = cli("get-app-api-key", "--name", "cli quorum app").split()[-1]
    cli("user-logout")
    cli("app-login", "--api-key", key)
    ec_key = cli("create-key", "--name", "cli-quorum-ec", "--obj-type", "EC", "--ec-name", "NistP256", "--exportable", "-f").split()[-1]
    aes = cli("create-key", "--name", "cli-quorum-aes", "--obj-type", "AES", "--key-size", "256").split()[-1]
    (tmp_path / "data").write_bytes(b"data")

    def approved(*command) -> str:
        request = UUID.search(cli(*command).split("request_id:")[1])[0]
        assert json.loads(cli("task-result", "--request-id", request))["status"] == "PENDING"
        assert admin.expect(200, "POST", f"{REQUESTS}/{request}/approve").json()["status"] == "APPROVED"
        return request

    with pytest.raises(AssertionError, match=NEEDED):
        cli("sign", "--kid", ec_key, "--hash-alg", "SHA256", "--in", tmp_path / "data", "--out", tmp_path / "signature")
    request = approved("sign", "--kid", ec_key, "--hash-alg", "SHA256", "--in", tmp_path / "data", "--quorum")
    cli("task-result", "--request-id", request, "--out", tmp_path / "signature")
    cli("verify", "--kid", ec_key, "--hash-alg", "SHA256", "--in", tmp_path / "data", "--sig-in", tmp_path / "signature")
    request = approved("export-object", "--kid", ec_key, "--quorum")
    cli("task-result", "--request-id", request, "--out", tmp_path / "exported")
    exported = run("openssl", "pkey", "-inform", "DER", "-in", tmp_path / "exported", "-pubout", "-outform", "DER").stdout
    app = opened("Basic " + key)
    stored = app.expect(200, "GET", f"/crypto/v1/keys/{ec_key}").json()["pub_key"]
    assert exported == base64.b64decode(stored)
    request = approved("wrap-key", "--kid", ec_key, "--wrapping-kid", aes, "--alg", "AES", "--mode", "KWP", "--quorum")
    cli("task-result", "--request-id", request, "--out", tmp_path / "wrapped")
    assert len((tmp_path / "wrapped").read_bytes()) > 64
    request = approved("update-object", "--kid", ec_key, "--description", "changed", "--quorum")
    cli("task-result", "--request-id", request)
    assert app.expect(200, "GET", f"/crypto/v1/keys/{ec_key}").json()["description"] == "changed"
    cli("app-logout")
    admin.close()
