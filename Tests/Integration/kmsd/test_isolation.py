"""Two apps in two groups: whatever the one tries with the other's objects, it is told what it would be told of objects
that do not exist: the same status, the same text, the same headers.

Every route that takes an object is in `ROUTES`; a route of the server that is not there fails the run. Each request is
made three times: with a foreign object, with none, and by the owner, for whom it must succeed: so it was in order.
"""

import base64
import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

MISSING = "00000000-0000-4000-8000-000000000000"
B64 = base64.b64encode(bytes(16)).decode()
DIGEST = base64.b64encode(bytes(32)).decode()
CTR = {"alg": "AES", "mode": "CTR", "iv": B64}
OPERATIONS = {
    "AES": "ENCRYPT DECRYPT WRAPKEY UNWRAPKEY DERIVEKEY MACGENERATE MACVERIFY EXPORT APPMANAGEABLE",
    "HMAC": "MACGENERATE MACVERIFY EXPORT APPMANAGEABLE",
    "EC": "SIGN VERIFY AGREEKEY EXPORT APPMANAGEABLE",
}
KINDS = {
    "aes": {"obj_type": "AES", "key_size": 256},
    "early": {"obj_type": "AES", "key_size": 256, "state": "PreActive"},
    "hmac": {"obj_type": "HMAC", "key_size": 256},
    "ec": {"obj_type": "EC", "elliptic_curve": "NistP256"},
}
# Answers that say nothing of an object.
VOLATILE = {"x-request-id", "date"}


@dataclass
class Party:
    """An app with a group of its own, and a key of each kind to go with somebody else's."""

    rest: object
    group: str
    # Of the app or user.
    id: str

    def __post_init__(self):
        self.aes, self.ec = self.make("aes"), self.make("ec")

    def make(self, kind: str) -> dict:
        operations = OPERATIONS[KINDS[kind]["obj_type"]].split()
        body = KINDS[kind] | {"name": fresh(), "key_ops": operations, "group_id": self.group}
        return self.rest.expect(201, "POST", "/crypto/v1/keys", body).json()

    def post(self, path: str, body) -> dict:
        return self.rest.expect(200, "POST", path, body).json()


def fresh() -> str:
    return f"key {uuid.uuid4()}"


@pytest.fixture(scope="module")
def apps(server) -> tuple[Party, Party]:
    """The owner and the intruder, which are apps."""
    return an_app(server, "owner"), an_app(server, "intruder")


@pytest.fixture(scope="module", params=["app", "member"])
def parties(request, server, apps) -> tuple[Party, Party]:
    """The same, or with a user as the intruder who is a member of the account and of a group."""
    return apps[0], apps[1] if request.param == "app" else a_member(server, apps[1].group)


def an_app(server, name: str) -> Party:
    key = server.make_app(name)
    rest = server.connect(f"Basic {key}")
    (group,) = rest.expect(200, "GET", "/sys/v1/groups").json()
    return Party(rest, group["group_id"], base64.b64decode(key).decode().split(":")[0])


def a_member(server, group: str) -> Party:
    admin = server.admin_session()
    email, password = f"member-{uuid.uuid4()}@localhost", str(uuid.uuid4())
    user = {
        "user_email": email, "user_password": password, "account_role": ["ACCOUNTMEMBER"],
        "add_groups": {group: ["GROUPADMINISTRATOR"]},
    }  # fmt: skip
    user_id = admin.expect(201, "POST", "/sys/v1/users", user).json()["user_id"]
    admin.close()
    return Party(server.user_session(email, password), group, user_id)


@dataclass(frozen=True)
class Try:
    """A request about an object.

    `path` and `body` get the descriptor of the object that it is about and the app that asks. `prepare` makes what only
    the owner can make, from the owner and the descriptor of its object, and goes into the body.
    """

    kind: str
    body: Callable | None = None
    path: Callable | None = None
    prepare: Callable | None = None
    # How a body may name the object; none of them: it is in the path.
    by: tuple[str, ...] = ("kid", "name")
    status: int = 200


def in_path(kind: str, body=None, status: int = 200, prepare=None) -> list[Try]:
    return [Try(kind, body and (lambda d, me, ready: body(me, ready)), by=(), status=status, prepare=prepare)]


def use(name: str, kind: str, body, status: int = 200, prepare=None, by=("kid", "name")) -> dict[str, list[Try]]:
    """A use of a key, in both styles."""
    return {
        f"POST /crypto/v1/{name}": [
            Try(kind, lambda d, me, ready: {"key": d, **body(me, ready)}, prepare=prepare, status=status, by=by)
        ],
        f"POST /crypto/v1/keys/:kid/{name}": in_path(kind, body, status, prepare),
    }


def batch(name: str, kind: str, body) -> dict[str, list[Try]]:
    def item(d, me, ready):
        if name in ("encrypt", "decrypt"):
            return [{"kid": d["kid"], "request": body(me, ready)}]
        return [{"key": d, **body(me, ready)}]

    by = ("kid",) if name in ("encrypt", "decrypt") else ("kid", "name")
    return {f"POST /crypto/v1/keys/batch/{name}": [Try(kind, item, by=by)]}


def state(direction: str):
    """Of an operation in parts that the owner has begun."""

    def begin(owner: Party, d) -> str:
        return owner.post(f"/crypto/v1/{direction}/init", {"key": d, **CTR})["state"]

    return begin


def wrapped(owner: Party, d) -> str:
    body = {"key": d, "subject": {"kid": owner.aes["kid"]}, "alg": "AES", "mode": "KW"}
    return owner.post("/crypto/v1/wrapkey", body)["wrapped_key"]


def sign(me, ready):
    return {"hash_alg": "SHA256", "hash": DIGEST}


def verify(me, ready):
    return {"hash_alg": "SHA256", "hash": DIGEST, "signature": B64}


def encrypt(me, ready):
    return {**CTR, "plain": B64}


def decrypt(me, ready):
    return {**CTR, "cipher": B64}


def mac(me, ready):
    return {"alg": "SHA256", "data": B64}


def macverify(me, ready):
    return {"alg": "SHA256", "data": B64, "mac": DIGEST}


def derive(me, ready):
    encrypted = {"alg": "AES", "mode": "CBCNOPAD", "plain": B64, "iv": B64}
    made = {"name": fresh(), "group_id": me.group, "key_type": "AES", "key_size": 128}
    return {**made, "mechanism": {"encrypt_data": encrypted}}


def agree(d, me, own_side: str):
    sides = {own_side: {"kid": me.ec["kid"]}, "public_key" if own_side == "private_key" else "private_key": d}
    made = {"name": fresh(), "group_id": me.group, "key_type": "SECRET", "key_size": 256}
    return {**sides, **made, "mechanism": "diffie_hellman"}


ROUTES: dict[str, list[Try]] = {
    "GET /crypto/v1/keys/:kid": in_path("aes"),
    "GET /crypto/v1/keys/:kid/export": in_path("aes"),
    "PATCH /crypto/v1/keys/:kid": in_path("aes", lambda me, ready: {"description": "mine"}),
    "DELETE /crypto/v1/keys/:kid": in_path("aes", status=204),
    "DELETE /crypto/v1/keys/:kid/private": in_path("ec", status=204),
    "POST /crypto/v1/keys/:kid/activate": in_path("early", status=204),
    "POST /crypto/v1/keys/:kid/revoke": in_path("aes", lambda me, ready: {"code": "Superseded"}, status=204),
    "POST /crypto/v1/keys/:kid/destroy": in_path("aes", status=204),
    "POST /crypto/v1/keys/info": [Try("aes", lambda d, me, ready: d)],
    "POST /crypto/v1/keys/export": [Try("aes", lambda d, me, ready: d)],
    "POST /crypto/v1/keys/kcv": [Try("aes", lambda d, me, ready: d)],
    "POST /crypto/v1/keys/digest": [Try("aes", lambda d, me, ready: {"key": d, "alg": "SHA256"})],
    "POST /crypto/v1/keys/key_attestation": [Try("ec", lambda d, me, ready: {"key": d})],
    "POST /crypto/v1/keys/copy": [Try("aes", lambda d, me, ready: {"key": d, "name": fresh()}, status=201)],
    "POST /crypto/v1/keys/rekey": [Try("aes", lambda d, me, ready: d, by=("name",))],
    "POST /crypto/v1/keys/replace": [
        Try(
            "aes", status=204,
            body=lambda d, me, ready: {"replaced": d, "replaced_new_name": fresh(), "replacement": {"kid": me.aes["kid"]}},
        ),
        Try(
            "aes", status=204,
            body=lambda d, me, ready: {"replaced": {"kid": me.aes["kid"]}, "replaced_new_name": fresh(), "replacement": d},
        ),
    ],
    "POST /crypto/v1/agree": [
        Try("ec", lambda d, me, ready: agree(d, me, "private_key"), status=201),
        Try("ec", lambda d, me, ready: agree(d, me, "public_key"), status=201),
    ],
    **use("sign", "ec", sign),
    **use("verify", "ec", verify),
    **use("encrypt", "aes", encrypt),
    **use("decrypt", "aes", decrypt),
    **use("mac", "hmac", mac),
    **use("macverify", "hmac", macverify),
    **use("derive", "aes", derive, status=201),
    **use("encrypt/init", "aes", lambda me, ready: CTR),
    **use("decrypt/init", "aes", lambda me, ready: CTR),
    **use("encrypt/update", "aes", lambda me, ready: {"plain": B64, "state": ready}, prepare=state("encrypt")),
    **use("decrypt/update", "aes", lambda me, ready: {"cipher": B64, "state": ready}, prepare=state("decrypt")),
    **use("encrypt/final", "aes", lambda me, ready: {"state": ready}, prepare=state("encrypt")),
    **use("decrypt/final", "aes", lambda me, ready: {"state": ready}, prepare=state("decrypt")),
    **use(
        "wrapkey", "aes", lambda me, ready: {"subject": {"kid": me.aes["kid"]}, "alg": "AES", "mode": "KW"},
    ),
    **use(
        "unwrapkey", "aes", prepare=wrapped, status=201,
        body=lambda me, ready: {
            "alg": "AES", "mode": "KW", "obj_type": "AES", "name": fresh(), "group_id": me.group, "wrapped_key": ready,
        },
    ),
    **batch("sign", "ec", sign),
    **batch("verify", "ec", verify),
    **batch("encrypt", "aes", encrypt),
    **batch("decrypt", "aes", decrypt),
    **batch("mac", "hmac", mac),
    **batch("macverify", "hmac", macverify),
}  # fmt: skip
# The other object of a wrapping: what leaves the KMS.
ROUTES["POST /crypto/v1/wrapkey"] += [
    Try("aes", lambda d, me, ready: {"key": {"kid": me.aes["kid"]}, "subject": d, "alg": "AES", "mode": "KW"})
]
ROUTES["POST /crypto/v1/keys/:kid/wrapkey"] += [
    Try(
        "aes", lambda d, me, ready: {"subject": d, "alg": "AES", "mode": "KW"},
        path=lambda me: f"/crypto/v1/keys/{me.aes['kid']}/wrapkey",
    )
]  # fmt: skip
# Routes that take no object, or have a test of their own below.
OTHERS = {
    "GET /crypto/v1/keys", "POST /crypto/v1/keys", "PUT /crypto/v1/keys", "POST /crypto/v1/digest",
    "POST /crypto/v1/keys/persist", "POST /crypto/v1/keys/kcv/verify",
}  # fmt: skip


def routes_of_the_server(root: Path) -> set[str]:
    """As the controllers register them."""
    found = set()
    for path in (root / "Sources/KMSServer").rglob("*.swift"):
        source = path.read_text()
        found |= {f"{method.upper()} {route}" for method, route in re.findall(
            r'\b(?:on|open)\(\s*\.(\w+),\s*"(/crypto/v1/?[^"]*)"', source
        )}  # fmt: skip
        names = re.findall(r'\bonKey\(\s*(?:making: )?"([^"]+)"', source)
        names += [way + rest for rest in re.findall(r'\bonKey\(\s*name \+ "([^"]+)"', source) for way in ("encrypt", "decrypt")]
        for name in names:
            found |= {f"POST /crypto/v1/{name}", f"POST /crypto/v1/keys/:kid/{name}"}
        found |= {f"POST /crypto/v1/keys/batch/{name}" for name in re.findall(r'\bon\("(\w+)", routes', source)}
    # These are the beginnings of names that are put together, not routes.
    return {route for route in found if not route.endswith("/")}


def routes_of_the_description(root: Path) -> set[str]:
    """As the OpenAPI description has them."""
    found, path = set(), ""
    for line in (root / "pkcs11-conf/doc/kmsd-openapi.yaml").read_text().splitlines():
        if match := re.fullmatch(r"  (/\S+):", line):
            path = re.sub(r"\{(\w+)\}", r":\1", match[1])
        elif (match := re.fullmatch(r"    (get|post|put|patch|delete):", line)) and path.startswith("/crypto/v1"):
            found.add(f"{match[1].upper()} {path}")
    return found


def test_the_table_has_every_route(root):
    known = ROUTES.keys() | OTHERS
    assert routes_of_the_server(root) == known
    if (root / "pkcs11-conf/doc/kmsd-openapi.yaml").exists():
        assert routes_of_the_description(root) <= known


def told(answer) -> tuple:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    # The order of an object's members is no message: it differs from answer to answer.
    body = answer.json() if headers.get("content-type") == "application/json" else answer.text
    return answer.status, body, {name: value for name, value in headers.items() if name not in VOLATILE}


def assert_unknown(answer, route: str):
    """404, or the same in a batch's item."""
    if "/keys/batch/" in route:
        assert answer.status == 200 and answer.json() == [{"status": 404, "error": "sobject does not exist"}]
    else:
        assert (answer.status, answer.text) == (404, "sobject does not exist"), route


def ask(me: Party, route: str, one: Try, descriptor: dict, kid: str, ready):
    """The request itself, and the same as the item of a generic batch."""
    method, path = route.split(" ")
    path = one.path(me) if one.path else path.replace(":kid", kid)
    body = one.body(descriptor, me, ready) if one.body else None
    return method, path, body


def in_batch(method: str, path: str, body) -> dict:
    return {"SingleItem": {"method": method, "operation": path, "body": body}}


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_a_foreign_object_is_as_one_that_does_not_exist(parties, server, route):
    owner, intruder = parties
    for one in ROUTES[route]:
        for by in one.by or ("kid",):
            target = owner.make(one.kind)
            ready = one.prepare(owner, {"kid": target["kid"]}) if one.prepare else None
            before = server.sql("SELECT attributes, sealed_value FROM sobject WHERE kid = ?", target["kid"])
            foreign = ask(intruder, route, one, {by: target[by]}, target["kid"], ready)
            missing = ask(intruder, route, one, {by: MISSING if by == "kid" else fresh()}, MISSING, ready)
            answers = [intruder.rest.ask(*request) for request in (foreign, missing)]
            assert told(answers[0]) == told(answers[1])
            assert_unknown(answers[0], route)
            if "/keys/batch/" not in route:
                results = [intruder.post("/batch/v1", in_batch(*request)) for request in (foreign, missing)]
                expected = {"SingleItem": {"Result": {"status": 404, "body": "sobject does not exist"}}}
                assert results == [expected, expected]
            assert server.sql("SELECT attributes, sealed_value FROM sobject WHERE kid = ?", target["kid"]) == before
            answer = owner.rest.ask(*ask(owner, route, one, {by: target[by]}, target["kid"], ready))
            assert answer.status == one.status, f"{route} {by}: {answer.status} {answer.text}"
            if "/keys/batch/" in route:
                assert [item["status"] for item in answer.json()] == [200]


def test_a_foreign_transient_key_is_as_a_damaged_one(parties):
    """On every route that takes one in its body. Nobody but who made it can use it, so it is no object to others."""
    owner, intruder = parties
    blobs = {}
    for kind in KINDS.keys() - {"early"}:
        body = KINDS[kind] | {"transient": True, "key_ops": OPERATIONS[KINDS[kind]["obj_type"]].split()}
        blobs[kind] = owner.rest.expect(201, "POST", "/crypto/v1/keys", body).json()["transient_key"]
    tried = 0
    for route, tries in ROUTES.items():
        for one in tries:
            if one.by != ("kid", "name") or one.kind == "early":
                continue
            blob = blobs[one.kind]
            ready = one.prepare(owner, {"transient_key": blob}) if one.prepare else None
            damaged = base64.b64encode(base64.b64decode(blob)[:-1] + b"\0").decode()
            answers = [
                intruder.rest.ask(*ask(intruder, route, one, {"transient_key": text}, "", ready)) for text in (blob, damaged)
            ]
            assert told(answers[0]) == told(answers[1])
            assert_unknown(answers[0], route)
            tried += 1
    assert tried > 20
    for name in (fresh(), fresh()):
        for text in (blobs["aes"], damaged):
            body = {"transient_key": text, "name": name, "group_id": intruder.group}
            answer = intruder.rest.ask("POST", "/crypto/v1/keys/persist", body)
            assert_unknown(answer, "")
    owner.rest.expect(201, "POST", "/crypto/v1/keys/persist", {"transient_key": blobs["aes"], "name": fresh()})


def test_a_foreign_state_is_as_a_damaged_one(parties):
    """Of an operation in parts: with a key of one's own, somebody else's state is of no use."""
    owner, intruder = parties
    for direction, field in (("encrypt", "plain"), ("decrypt", "cipher")):
        stolen = state(direction)(owner, {"kid": owner.aes["kid"]})
        damaged = base64.b64encode(base64.b64decode(stolen)[:-1] + b"\0").decode()
        key = {"kid": intruder.aes["kid"]}
        for step, more in (("update", {field: B64}), ("final", {})):
            answers = [
                told(intruder.rest.ask("POST", f"/crypto/v1/{direction}/{step}", {"key": key, "state": text, **more}))
                for text in (stolen, damaged)
            ]
            assert answers[0] == answers[1] and answers[0][0] == 400


def test_lists_hold_nothing_foreign(parties):
    """By every filter, with counts, in every order and place."""
    owner, intruder = parties
    secret = {"colour": f"secret {uuid.uuid4()}", "pkcs11-label": fresh(), "pkcs11-id": "%01"}
    body = KINDS["aes"] | {"name": fresh(), "custom_metadata": secret, "description": "secret"}
    target = owner.rest.expect(201, "POST", "/crypto/v1/keys", body).json()
    own = {one["kid"] for one in intruder.rest.expect(200, "GET", "/crypto/v1/keys").json()}
    assert own >= {intruder.aes["kid"], intruder.ec["kid"]}
    filters = [
        {"name": target["name"]}, {"group_id": owner.group}, {"creator": owner.id},
        {"custom_metadata.colour": secret["colour"]}, {"pkcs11_label": secret["pkcs11-label"]}, {"pkcs11_id": "AQ=="},
        {"filter": {"kid": target["kid"]}}, {"filter": {"name": {"$in": [target["name"]]}}},
        {"filter": {"group_id": owner.group}}, {"filter": {"group_name": "owner"}}, {"filter": {"description": "secret"}},
        {"filter": {"creator_id": owner.id}}, {"filter": {"custom_attributes.colour": {"$gte": secret["colour"]}}},
    ]  # fmt: skip
    for query in filters:
        query = {key: json.dumps(value) if key == "filter" else value for key, value in query.items()}
        found = owner.rest.expect(200, "GET", "/crypto/v1/keys?" + encoded(query)).json()
        assert target["kid"] in {one["kid"] for one in found}, query
        page = intruder.rest.expect(200, "GET", "/crypto/v1/keys?" + encoded(query | {"with_metadata": "true"})).json()
        assert page == {"metadata": {"total_count": len(own), "filtered_count": 0}, "items": []}, query
    for sort, start in product(("kid:asc", "kid:desc", "name:asc", "name:desc"), (None, "", target["kid"], target["name"])):
        query = {"sort": sort} | ({"start": start} if start is not None else {})
        listed = {one["kid"] for one in intruder.rest.expect(200, "GET", "/crypto/v1/keys?" + encoded(query)).json()}
        assert listed <= own
    negated = encoded({"filter": json.dumps({"$not": {"name": intruder.aes["name"]}}), "with_metadata": "true"})
    page = intruder.rest.expect(200, "GET", f"/crypto/v1/keys?{negated}").json()
    assert page["metadata"] == {"total_count": len(own), "filtered_count": len(own) - 1}


def encoded(query: dict) -> str:
    from urllib.parse import urlencode

    return urlencode(query)


def test_the_audit_log_holds_nothing_foreign(apps):
    owner, intruder = apps
    target = owner.make("aes")
    intruder.rest.ask("GET", f"/crypto/v1/keys/{target['kid']}")
    hits = intruder.rest.expect(200, "GET", "/sys/v1/logs").json()["hits"]
    assert hits
    for hit in hits:
        assert intruder.group in hit["_source"]["group_ids"]
        assert target["name"] not in hit["_source"]["message"] and owner.group not in hit["_source"]["group_ids"]
    for query in (f"object_id={target['kid']}", f"actor_id={owner.id}", f"object_id={MISSING}"):
        assert intruder.rest.expect(200, "GET", f"/sys/v1/logs?{query}").json() == {"hits": []}


def test_a_taken_name_tells_no_more_than_that(parties):
    """Names are unique in the account, so a foreign one is taken: the same answer as for one's own."""
    owner, intruder = parties
    theirs, mine = owner.make("aes")["name"], intruder.aes["name"]
    own = {"group_id": intruder.group}
    transient = KINDS["aes"] | own | {"transient": True}
    blob = intruder.rest.expect(201, "POST", "/crypto/v1/keys", transient).json()["transient_key"]
    key = {"kid": intruder.aes["kid"]}
    requests = {
        "POST /crypto/v1/keys": KINDS["aes"] | own,
        "PUT /crypto/v1/keys": {"obj_type": "AES", "value": B64} | own,
        "POST /crypto/v1/keys/copy": {"key": key},
        "POST /crypto/v1/keys/persist": {"transient_key": blob} | own,
        "POST /crypto/v1/derive": {"key": key, **derive(intruder, None)},
        "POST /crypto/v1/agree": agree({"kid": intruder.ec["kid"]}, intruder, "private_key"),
        "POST /crypto/v1/unwrapkey": {
            "key": key, "alg": "AES", "mode": "KW", "obj_type": "AES", "wrapped_key": wrapped(intruder, key), **own,
        },
        f"PATCH /crypto/v1/keys/{intruder.ec['kid']}": {},
        "POST /crypto/v1/keys/replace": {"replaced": {"kid": intruder.make("aes")["kid"]}, "replacement": key},
    }  # fmt: skip
    for route, body in requests.items():
        answers = [
            told(intruder.rest.ask(*route.split(" "), body | {"name": name, "replaced_new_name": name}))
            for name in (theirs, mine)
        ]
        assert answers[0] == answers[1], route
        assert answers[0][:2] == (409, "sobject already exists"), route
    page = intruder.rest.expect(200, "GET", "/crypto/v1/keys?" + encoded({"name": theirs})).json()
    assert page == []


def test_foreign_groups_and_apps_are_as_missing_ones(apps):
    owner, intruder = apps
    own = intruder.make("aes")["kid"]
    admin_only = [
        ("GET", "/sys/v1/apps/{app}"), ("DELETE", "/sys/v1/apps/{app}"), ("GET", "/sys/v1/apps/{app}/credential"),
        ("POST", "/sys/v1/apps/{app}/reset_secret"), ("GET", "/sys/v1/groups/{group}"),
        ("DELETE", "/sys/v1/groups/{group}"), ("GET", "/sys/v1/accounts/{group}"),
    ]  # fmt: skip
    for method, path in admin_only:
        answers = [
            told(intruder.rest.ask(method, path.format(app=app, group=group)))
            for app, group in ((owner.id, owner.group), (MISSING, MISSING))
        ]
        assert answers[0] == answers[1] and answers[0][0] in (403, 404), path
    for method, path, body in (
        ("POST", "/crypto/v1/keys", KINDS["aes"]), ("PUT", "/crypto/v1/keys", {"obj_type": "AES", "value": B64}),
        ("POST", "/crypto/v1/keys/copy", {"key": {"kid": own}}), ("PATCH", f"/crypto/v1/keys/{own}", {}),
    ):  # fmt: skip
        answers = [
            told(intruder.rest.ask(method, path, body | {"name": fresh(), "group_id": group}))
            for group in (owner.group, MISSING)
        ]
        assert answers[0] == answers[1] and answers[0][0] in (400, 404), path
    groups = intruder.rest.expect(200, "GET", "/sys/v1/groups").json()
    listed = intruder.rest.expect(200, "GET", "/sys/v1/apps").json()
    assert [one["group_id"] for one in groups] == [intruder.group] and [one["app_id"] for one in listed] == [intruder.id]


def test_public_keys_are_not_published(apps):
    """The route is there on the real service, for objects with `publish_public_key`; here nothing is published."""
    owner, _ = apps
    account = owner.ec["acct_id"]
    anonymous = owner.rest.kms.connect()
    answers = [
        told(anonymous.ask("GET", f"/crypto/v1/pubkey/{account}/{name}")) for name in ("owner's", "nobody's")
    ]
    assert [status for status, _, _ in answers] == [404, 404]
    answer = owner.rest.ask("POST", "/crypto/v1/keys", KINDS["ec"] | {"name": fresh(), "publish_public_key": {"a": 1}})
    assert answer.status == 400 and "publish_public_key" in answer.text


def test_a_plugin_reaches_nothing_foreign(apps, server):
    owner, intruder = apps
    admin = server.admin_session()
    plugin = admin.expect(
        201, "POST", "/sys/v1/plugins",
        {
            "name": "intruder's", "add_groups": [intruder.group], "default_group": intruder.group,
            "source": {"language": "lua", "code": "-- kmsd: native x509-ca\n"},
        },
    ).json()["plugin_id"]  # fmt: skip
    theirs = owner.make("ec")["name"]
    fields = {"subject_key": intruder.ec["name"], "issuer_key": intruder.ec["name"], "issuer_cert": intruder.ec["name"]}
    for field in fields:
        answers = [
            told(intruder.rest.ask(
                "POST", f"/sys/v1/plugins/{plugin}",
                {"subject_dn": {"CN": "x"}, "cert_lifetime": 60, **fields, field: name},
            ))
            for name in (theirs, fresh())
        ]  # fmt: skip
        assert answers[0] == answers[1] and answers[0][0] in (400, 404), field
    answers = [told(owner.rest.ask("POST", f"/sys/v1/plugins/{kid}", {})) for kid in (plugin, MISSING)]
    assert answers[0] == answers[1] and answers[0][0] == 404


# Logins


def credential(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def test_refused_logins_are_all_alike(server, connect):
    """Wrong secrets, disabled apps and deleted ones, with the right secret and a wrong one; users, and nobody."""
    admin = server.admin_session()
    group = admin.expect(201, "POST", "/sys/v1/groups", {"name": "logins"}).json()["group_id"]
    apps = {}
    for name, enabled in (("existing", True), ("disabled", False), ("deleted", True)):
        body = {"name": name, "add_groups": [group], "default_group": group, "enabled": enabled}
        app = admin.expect(201, "POST", "/sys/v1/apps", body).json()["app_id"]
        secret = admin.expect(200, "GET", f"/sys/v1/apps/{app}/credential").json()["credential"]["secret"]
        apps[name] = app, secret
    deleted = connect(credential(*apps["deleted"]))
    session = deleted.expect(200, "POST", "/sys/v1/session/auth").json()["access_token"]
    admin.expect(204, "DELETE", f"/sys/v1/apps/{apps['deleted'][0]}")
    wrong = "x" * 86
    attempts = {
        "wrong secret": (apps["existing"][0], wrong), "half a secret": (apps["existing"][0], apps["existing"][1][:43]),
        "no secret": (apps["existing"][0], ""), "no such app": (str(uuid.uuid4()), wrong),
        "disabled": apps["disabled"], "disabled, wrong": (apps["disabled"][0], wrong),
        "deleted": apps["deleted"], "deleted, wrong": (apps["deleted"][0], wrong),
        "other app's secret": (apps["disabled"][0], apps["existing"][1]),
        "wrong password": (server.admin, "wrong"), "no password": (server.admin, ""),
        "no such user": ("nobody@localhost", "wrong"), "an app's name": ("existing", apps["existing"][1]),
    }  # fmt: skip
    answers = {what: told(connect(credential(*pair)).ask("POST", "/sys/v1/session/auth")) for what, pair in attempts.items()}
    assert answers["wrong secret"][0] == 401
    assert [what for what, answer in answers.items() if answer != answers["wrong secret"]] == []
    # The same without a session. (After five failures for one name it would be told to wait, whoever it is.)
    for what in ("wrong secret", "no such app", "disabled", "deleted"):
        answer = told(connect(credential(*attempts[what])).ask("GET", "/crypto/v1/keys"))
        assert answer == answers["wrong secret"], what
    # A session of somebody who is gone is as one that never was.
    answers = [told(connect(f"Bearer {token}").ask("GET", "/crypto/v1/keys")) for token in (session, "x" * 86)]
    assert answers[0] == answers[1] and answers[0][0] == 401
    answer = connect().ask("POST", "/sys/v1/session/auth/discover", {"user_email": server.admin})
    assert told(answer) == told(connect().ask("POST", "/sys/v1/session/auth/discover", {"user_email": "nobody@localhost"}))


def test_the_time_of_a_login_does_not_tell_a_user(server, connect):
    """Checking a password takes long on purpose, and as long for nobody's: else the quick answer says there is none."""
    rest = connect()

    def quickest(email: str) -> float:
        times = []
        for _ in range(4):
            start = time.monotonic()
            assert rest.ask("POST", "/sys/v1/session/auth", headers={"Authorization": credential(email, "no")}).status == 401
            times.append(time.monotonic() - start)
        return min(times)

    rest.expect(200, "GET", "/sys/v1/version")
    server.admin_session().close()
    existing, missing = quickest(server.admin), quickest(f"{uuid.uuid4()}@localhost")
    # The password's hash takes tens of milliseconds; everything else takes less than one.
    assert 0.25 < missing / existing < 4, (missing, existing)
