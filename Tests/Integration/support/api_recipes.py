"""Turns generated requests into ones that a kmsd can grant: existing keys, fields that fit each other.

What a schema allows is mostly refused for a reason that no schema can say, and a run in which all is refused tests
nothing but refusals.
"""

import base64
import random

PLAIN = base64.b64encode(bytes(range(32))).decode()


class Stock:
    """Keys, groups and apps for the requests to work on, and samples of what operations on them answer."""

    def __init__(self, admin, app_key: str):
        self._admin = admin
        self._count = 0
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
        self.cipher = self._crypto("encrypt", {"key": {"kid": self.aes}, "mode": "CBC", "plain": PLAIN})
        self.wrapped = self._crypto(
            "wrapkey", {"key": {"kid": self.aes}, "subject": {"kid": self.open}, "alg": "AES", "mode": "KWP"}
        )["wrapped_key"]

    def _crypto(self, name: str, body) -> dict:
        return self._admin.expect(200, "POST", f"/crypto/v1/{name}", body).json()

    def name(self) -> str:
        self._count += 1
        return f"stock {self._count}"

    def key(self, **fields) -> str:
        """A new key's id."""
        return self.new_key(**fields)["kid"]

    def new_key(self, **fields) -> dict:
        body = {"name": self.name(), "group_id": self.group} | fields
        return self._admin.expect(201, "POST", "/crypto/v1/keys", body).json()

    def new_group(self) -> str:
        return self._admin.expect(201, "POST", "/sys/v1/groups", {"name": self.name()}).json()["group_id"]

    def new_app(self) -> str:
        body = {"name": self.name(), "add_groups": [self.group]}
        return self._admin.expect(201, "POST", "/sys/v1/apps", body).json()["app_id"]

    def state(self, direction: str, caller) -> dict:
        """Of an operation in parts that has just begun; it belongs to the caller."""
        body = {"key": {"kid": self.aes}, "mode": "CBC"}
        if direction == "decrypt":
            body["iv"] = self.cipher["iv"]
        return caller.expect(200, "POST", f"/crypto/v1/{direction}/init", body).json()["state"]


# Requests that end what they name get something of their own to end.
ENDING = {"DELETE /crypto/v1/keys/{kid}", "POST /crypto/v1/keys/{kid}/destroy", "POST /crypto/v1/keys/{kid}/revoke"}


def path_parameters(label: str, stock: Stock, dice: random.Random) -> dict[str, str]:
    if "/{id}" in label:
        if "accounts" in label:
            return {"id": stock.account}
        if "groups" in label:
            return {"id": stock.new_group() if label.startswith(("DELETE", "PATCH")) else stock.group}
        changes = label.startswith("DELETE") or "reset_secret" in label
        return {"id": stock.new_app() if changes else stock.app}
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
    if not isinstance(body, dict):
        return body
    if label == "POST /batch/v1":
        return batch(body, stock, dice)
    name = label.split("/v1/", 1)[1].replace("keys/{kid}/", "")
    return complete(f"{label.split()[0]} {name}" if name == "keys" else name, body, stock, caller)


def without(body: dict, *names: str) -> dict:
    return {name: value for name, value in body.items() if name not in names}


def complete(name: str, body: dict, stock: Stock, caller, batch: bool = False) -> dict:
    def key(kid):
        return {"key": {"kid": kid}}

    fresh = {"name": stock.name(), "group_id": stock.group}
    plain_object = without(body, "key_ops", "rsa", "kcv", "transient", "state", "custom_metadata", "enabled") | fresh
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
        case "session/select_account":
            return {"acct_id": stock.account}
        case "apps":
            return without(body, "default_group") | {"name": stock.name(), "add_groups": [stock.group]}
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
