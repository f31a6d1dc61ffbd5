"""Turns generated requests into ones that a kmsd can grant: existing keys, fields that fit each other.

What a schema allows is mostly refused for a reason that no schema can say, and a run in which all is refused tests
nothing but refusals.
"""

import base64
import random
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from schemathesis.core import NotSet

PASSWORD = "correct horse battery staple"
PLAIN = base64.b64encode(bytes(range(32))).decode()


class Stock:
    """Keys, groups, apps and users for the requests to work on, and samples of what operations on them answer."""

    def __init__(self, server, app_key: str):
        self._server = server
        self.admin = admin = server.admin_session()
        self._count = 0
        # Of sessions that have chosen another account, by its id.
        self.authorizations: dict[str, str] = {}
        app_id = base64.b64decode(app_key).decode().split(":")[0]
        self.app = app_id
        app = admin.expect(200, "GET", f"/sys/v1/apps/{app_id}").json()
        self.account, self.group = app["acct_id"], app["default_group"]
        self.aes = self.key(obj_type="AES", key_size=128)
        self.open = self.key(obj_type="AES", key_size=128, key_ops=["EXPORT", "ENCRYPT", "APPMANAGEABLE"])
        self.hmac = self.key(obj_type="HMAC", key_size=256)
        self.ec = self.key(obj_type="EC", elliptic_curve="NistP256")
        self.rsa = self.key(obj_type="RSA", key_size=2048)
        self.kids = [self.aes, self.open, self.hmac, self.ec, self.rsa]
        self.user = admin.expect(200, "GET", "/sys/v1/users").json()[0]["user_id"]
        self.member = self.new_user()["user_id"]
        self._add_guarded_group()
        self._add_authority()
        self.plugin = self.new_plugin()
        self._add_guest()
        self.cipher = self._crypto("encrypt", {"key": {"kid": self.aes}, "mode": "CBC", "plain": PLAIN})
        self.wrapped = self._crypto(
            "wrapkey", {"key": {"kid": self.aes}, "subject": {"kid": self.open}, "alg": "AES", "mode": "KWP"}
        )["wrapped_key"]

    def _crypto(self, name: str, body) -> dict:
        return self.admin.expect(200, "POST", f"/crypto/v1/{name}", body).json()

    def name(self) -> str:
        self._count += 1
        return f"stock {self._count}"

    def key(self, **fields) -> str:
        """A new key's id."""
        return self.new_key(**fields)["kid"]

    def new_key(self, **fields) -> dict:
        body = {"name": self.name(), "group_id": self.group} | fields
        return self.admin.expect(201, "POST", "/crypto/v1/keys", body).json()

    def new_group(self) -> str:
        return self.admin.expect(201, "POST", "/sys/v1/groups", {"name": self.name()}).json()["group_id"]

    def new_app(self) -> str:
        body = {"name": self.name(), "add_groups": [self.group]}
        return self.admin.expect(201, "POST", "/sys/v1/apps", body).json()["app_id"]

    # People and accounts

    def new_user(self) -> dict:
        self._count += 1
        body = {"user_email": f"user{self._count}@localhost", "user_password": PASSWORD}
        return self.admin.expect(201, "POST", "/sys/v1/users", body).json()

    def new_account(self) -> str:
        """An empty account that only the administrator has, and a session in it."""
        account = self.admin.expect(201, "POST", "/sys/v1/accounts", {"name": self.name()}).json()["acct_id"]
        rest = self._server.user_session(self._server.admin, self._server.password, account)
        self.authorizations[account] = rest.authorization
        rest.close()
        return account

    def _add_guest(self):
        """A user who may be invited to another account, with a session."""
        self._inviting = self.new_account()
        self._guest = self.new_user()["user_email"]
        rest = self._server.user_session(self._guest, PASSWORD)
        self.guest_authorization = rest.authorization
        rest.close()

    def invitation(self) -> str:
        """The account that the guest is invited to."""
        rest = self._server.connect(self.authorizations[self._inviting])
        answer = rest.ask("POST", "/sys/v1/users/invite", {"user_email": self._guest})
        # The one before may not be answered yet.
        assert answer.status in (201, 409), answer.text
        rest.close()
        return self._inviting

    def outsider(self) -> str:
        """The email of a user who is not in the account."""
        rest = self._server.connect(self.authorizations[self._inviting])
        body = {"user_email": f"{self.name().replace(' ', '.')}@elsewhere", "user_password": PASSWORD}
        email = rest.expect(201, "POST", "/sys/v1/users", body).json()["user_email"]
        rest.close()
        return email

    # Approvals

    def _add_guarded_group(self):
        """A group in which the app or the administrator must agree, with a key."""
        policy = {"quorum": {"n": 1, "members": [{"app": self.app}, {"user": self.user}]}}
        self.guarded = self.new_group()
        self.guarded_key = self.key(obj_type="HMAC", key_size=256, group_id=self.guarded)
        self.admin.expect(200, "PATCH", f"/sys/v1/apps/{self.app}", {"add_groups": [self.guarded]})
        self.admin.expect(200, "PATCH", f"/sys/v1/groups/{self.guarded}", {"approval_policy": policy})

    def approval_draft(self) -> dict:
        body = {"key": {"kid": self.guarded_key}, "alg": "SHA256", "data": PLAIN}
        return {"method": "POST", "operation": "/crypto/v1/mac", "body": body}

    def approval(self, caller, approved: bool = False) -> str:
        """A new approval request of the caller's. The old ones go when they are many, for their number is limited."""
        path = "/sys/v1/approval_requests"
        me = self.app if caller.authorization.startswith("Basic") else self.user
        old = caller.expect(200, "GET", f"{path}?requester={me}").json()
        for request in old if len(old) > 50 else []:
            caller.expect(204, "DELETE", f"{path}/{request['request_id']}")
        id = caller.expect(201, "POST", path, self.approval_draft()).json()["request_id"]
        if approved:
            caller.expect(200, "POST", f"{path}/{id}/approve")
        return id

    # Plugins

    def new_plugin(self) -> str:
        body = {"name": self.name(), "add_groups": [self.group], "source": {"plugin_name": "x509-ca"}}
        return self.admin.expect(201, "POST", "/sys/v1/plugins", body).json()["plugin_id"]

    def _add_authority(self):
        """A CA's key and certificate, for the plugin x509-ca."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Fuzzed CA")])
        now = datetime.now(timezone.utc)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._authority = {
            "issuer_key": {"kid": self._import("EC", private)},
            "issuer_cert": {"kid": self._import("CERTIFICATE", certificate.public_bytes(Encoding.DER))},
        }

    def _import(self, kind: str, der: bytes) -> str:
        body = {"name": self.name(), "group_id": self.group, "obj_type": kind, "value": base64.b64encode(der).decode()}
        return self.admin.expect(201, "PUT", "/crypto/v1/keys", body).json()["kid"]

    def certificate_request(self) -> dict:
        subject = {"subject_dn": {"CN": "fuzzed"}, "subject_key": {"kid": self.ec}, "cert_lifetime": 3600}
        return subject | self._authority

    def state(self, direction: str, caller) -> dict:
        """Of an operation in parts that has just begun; it belongs to the caller."""
        body = {"key": {"kid": self.aes}, "mode": "CBC"}
        if direction == "decrypt":
            body["iv"] = self.cipher["iv"]
        return caller.expect(200, "POST", f"/crypto/v1/{direction}/init", body).json()["state"]


# Requests that change or end what they name get something of their own for it.
ENDING = {
    "PATCH /crypto/v1/keys/{kid}", "DELETE /crypto/v1/keys/{kid}", "POST /crypto/v1/keys/{kid}/destroy",
    "POST /crypto/v1/keys/{kid}/revoke",
}  # fmt: skip


def id_in_path(label: str, stock: Stock, caller) -> str:
    changes = label.startswith(("DELETE", "PATCH"))
    match label.split("/")[3]:
        case "accounts":
            return stock.new_account() if label.startswith("DELETE") else stock.account
        case "approval_requests":
            return stock.approval(caller, approved=label.endswith("/result"))
        case "groups":
            return stock.new_group() if changes else stock.group
        case "plugins":
            return stock.new_plugin() if changes else stock.plugin
        case "users":
            return stock.new_user()["user_id"] if label.startswith("DELETE") else stock.member
        case _:
            # The stock's own app decides for a group: that group would have to approve to give its credential away.
            return stock.new_app() if changes or label.endswith(("/credential", "/reset_secret")) else stock.app


def path_parameters(label: str, stock: Stock, caller, dice: random.Random) -> dict[str, str]:
    if "/{id}" in label:
        return {"id": id_in_path(label, stock, caller)}
    if label in ENDING:
        return {"kid": stock.key(obj_type="HMAC", key_size=256)}
    if label.endswith("/{kid}/private"):
        return {"kid": stock.key(obj_type="EC", elliptic_curve="NistP256")}
    if label.endswith("/{kid}/activate"):
        return {"kid": stock.key(obj_type="HMAC", key_size=256, state="PreActive")}
    if label.endswith("/{kid}/export"):
        return {"kid": stock.open}
    action = label.split("/crypto/v1/keys/{kid}/")[-1]
    suits = {"mac": "hmac", "sign": "ec", "veri": "ec", "deri": "hmac", "encr": "aes", "decr": "aes", "wrap": "aes"}
    suits |= {"unwr": "aes", "macv": "hmac"}
    return {"kid": getattr(stock, suits.get(action[:4], ""), None) or dice.choice(stock.kids)}


def body(label: str, body, stock: Stock, caller, dice: random.Random):
    """The body with those fields replaced that must fit each other; as it is where any will do."""
    if isinstance(body, list) and "/batch/" in label:
        items = [item for item in body if isinstance(item, dict)]
        return [complete(label.split("/batch/")[1], item, stock, caller, batch=True) for item in items]
    if label == "POST /sys/v1/plugins/{id}" and not isinstance(body, NotSet):
        return stock.certificate_request()
    if not isinstance(body, dict):
        return body
    if label == "POST /batch/v1":
        return batch(body, stock, dice)
    name = label.split("/v1/", 1)[1].replace("keys/{kid}/", "")
    if label.startswith("/sys/", label.index("/")):
        return administer(name, body, stock)
    return complete(f"{label.split()[0]} {name}" if name == "keys" else name, body, stock, caller)


def without(body: dict, *names: str) -> dict:
    return {name: value for name, value in body.items() if name not in names}


def complete(name: str, body: dict, stock: Stock, caller, batch: bool = False) -> dict:
    def key(kid):
        return {"key": {"kid": kid}}

    fresh = {"name": stock.name(), "group_id": stock.group}
    dates = ("activation_date", "deactivation_date")
    plain_object = without(
        body, "key_ops", "rsa", "kcv", "transient", "state", "custom_metadata", "enabled", *dates
    ) | fresh  # fmt: skip
    cipher = without(body, "alg", "iv", "ad", "label", "tag", "tag_len") | {"mode": "CBC"} | key(stock.aes)
    symmetric = without(plain_object, "pub_exponent", "elliptic_curve", "value")
    if batch and name in ("encrypt", "decrypt"):
        inner = body.get("request")
        request = complete(name, inner if isinstance(inner, dict) else {}, stock, caller)
        return body | {"kid": stock.aes, "request": without(request, "key")}
    match name:
        case "sign" | "verify":
            return without(body, "hash", "mode") | {"hash_alg": "SHA256", "data": PLAIN} | key(stock.ec)
        case "encrypt" | "encrypt/init":
            return cipher
        case "decrypt":
            return cipher | {"cipher": stock.cipher["cipher"], "iv": stock.cipher["iv"]}
        case "decrypt/init":
            return cipher | {"iv": stock.cipher["iv"]}
        case "encrypt/update" | "encrypt/final":
            return without(body, "tag", "tag_len") | {"state": stock.state("encrypt", caller)} | key(stock.aes)
        case "decrypt/update":
            return body | {"state": stock.state("decrypt", caller)} | key(stock.aes)
        case "decrypt/final":
            state = stock.state("decrypt", caller)
            part = {"cipher": stock.cipher["cipher"], "state": state} | key(stock.aes)
            state = caller.expect(200, "POST", "/crypto/v1/decrypt/update", part).json()["state"]
            return without(body, "tag", "tag_len") | {"state": state} | key(stock.aes)
        case "mac" | "macverify":
            return without(body, "digest") | {"alg": "SHA256"} | key(stock.hmac)
        case "wrapkey":
            return without(cipher, "kid", "key_format") | {"mode": "KWP", "subject": {"kid": stock.open}}
        case "unwrapkey":
            return without(plain_object, "alg", "iv", "ad", "label", "tag") | {
                "mode": "KWP", "obj_type": "AES", "wrapped_key": stock.wrapped} | key(stock.aes)  # fmt: skip
        case "derive":
            mechanism = {"hkdf": {"hash_alg": "SHA256"}}
            return symmetric | {"key_type": "AES", "key_size": 256, "mechanism": mechanism} | key(stock.hmac)
        case "agree":
            pair = {"private_key": {"kid": stock.ec}, "public_key": {"kid": stock.ec}}
            return symmetric | {"key_type": "SECRET", "key_size": 256, "mechanism": "diffie_hellman"} | pair
        case "POST keys":
            return symmetric | {"obj_type": "AES", "key_size": 192}
        case "PUT keys":
            return without(symmetric, "key_size") | {"obj_type": "AES", "value": PLAIN}
        case "keys/copy":
            return plain_object | key(stock.aes)
        case "keys/persist":
            transient = caller.expect(201, "POST", "/crypto/v1/keys", {
                "obj_type": "AES", "key_size": 128, "transient": True, "group_id": stock.group}).json()  # fmt: skip
            return plain_object | {"transient_key": transient["transient_key"]}
        case "keys/rekey":
            old = stock.new_key(obj_type="AES", key_size=128)["name"]
            return without(symmetric, "key_size", "group_id") | {"name": old, "obj_type": "AES"}
        case "keys/info" | "keys/kcv":
            return {"kid": stock.aes}
        case "keys/export":
            return {"kid": stock.open}
        case "keys/digest":
            return body | key(stock.aes)
        case "keys/{kid}":
            return without(body, *dates, "key_ops", "rsa", "group_id") | {"name": stock.name()}
        case "keys/kcv/verify":
            return {"kcv": "66e94b", "obj_type": "AES", "value": PLAIN}
        case "keys/key_attestation":
            return key(stock.ec)
        case "keys/replace":
            old, new = (stock.key(obj_type="HMAC", key_size=256) for _ in range(2))
            return {"replaced": {"kid": old}, "replaced_new_name": stock.name(), "replacement": {"kid": new}}
        case _:
            return body


def administer(name: str, body: dict, stock: Stock) -> dict:
    """As `complete`, for what is under /sys/v1."""
    match name:
        case "session/select_account":
            return {"acct_id": stock.account}
        case "apps" | "apps/{id}":
            kept = without(body, "default_group", "mod_groups", "del_groups", "ip_address_policy", "credential")
            return kept | {"name": stock.name(), "add_groups": [stock.group]}
        case "groups" | "groups/{id}":
            return body | {"name": stock.name(), "approval_policy": {"user": stock.user}}
        case "users":
            kept = without(body, "add_groups", "account_role")
            return kept | {"user_email": f"{stock.name().replace(' ', '.')}@localhost", "user_password": PASSWORD}
        case "users/{id}":
            roles = {"account_role": ["ACCOUNTMEMBER"], "add_groups": {stock.group: ["GROUPAUDITOR"]}}
            return without(body, "mod_groups", "del_groups", "user_password") | roles
        case "users/invite":
            return without(body, "add_groups", "account_role") | {"user_email": stock.outsider()}
        case "users/process_invite":
            return {"rejects": [stock.invitation()]}
        case "users/change_password":
            return {"current_password": PASSWORD, "new_password": PASSWORD}
        case "approval_requests":
            return without(body, "body") | stock.approval_draft()
        case "plugins" | "plugins/{id}":
            kept = without(body, "plugin_type", "del_groups", "default_group", "source")
            source = {"plugin_name": "x509-ca"}
            return kept | {"name": stock.name(), "add_groups": [stock.group], "source": source}
        case _:
            return body


def batch(node: dict, stock: Stock, dice: random.Random) -> dict:
    """The same tree with requests that exist."""
    if isinstance(inner := node.get("Batch"), dict) and isinstance(inner.get("items"), list):
        items = [batch(item, stock, dice) for item in inner["items"] if isinstance(item, dict)]
        return {"Batch": inner | {"items": items}}
    possible = [
        {"method": "GET", "operation": f"/crypto/v1/keys/{stock.aes}"},
        {"method": "POST", "operation": "/crypto/v1/sign",
         "body": {"key": {"kid": stock.ec}, "hash_alg": "SHA256", "data": PLAIN}},
        {"method": "POST", "operation": "/crypto/v1/keys/info", "body": {"kid": stock.rsa}},
    ]  # fmt: skip
    return {"SingleItem": dice.choice(possible)}
