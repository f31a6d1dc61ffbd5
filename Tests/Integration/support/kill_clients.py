"""The mixed load under which kmsd is killed: clients that sign, that change keys, and that change rights."""

import base64

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kill_model import Anything, Change, Client, NotThis, Thing

KEYS = "/crypto/v1/keys"
HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
EC_OPERATIONS = ["APPMANAGEABLE", "EXPORT", "SIGN", "VERIFY"]
SECRET_OPERATIONS = ["APPMANAGEABLE", "EXPORT"]
PERMISSIONS = ["DECRYPT", "ENCRYPT", "EXPORT", "MANAGE", "SIGN", "VERIFY"]
# How many things a client has at a time, so that the check after a restart takes the same time in every round.
MOST = 8


class KeyClient(Client):
    """Makes, changes and deletes security objects of the load's two groups."""

    def __init__(self, number: int, seed: str, groups: list[str]):
        super().__init__(number, seed)
        self.groups = groups

    def step(self):
        objects = self.alive("object")
        if len(objects) < MOST and self.random.random() < 0.5 or not objects:
            self.random.choice([self.import_secret, self.import_key, self.generate])()
            return
        thing = self.random.choice(objects)
        self.random.choice(self.possible(thing, len(objects)))(thing)

    def possible(self, thing: Thing, count: int) -> list:
        state = thing.state["state"]
        actions = [self.change_metadata, self.change_rights, self.delete]
        if state == "PreActive":
            actions += [self.activate, self.activate]
        if state == "Active":
            actions += [self.revoke]
        if state != "Destroyed":
            actions += [self.destroy]
        if thing.state["obj_type"] == "EC" and state == "Active":
            if "SIGN" in thing.state["key_ops"] and thing.state["enabled"]:
                actions += [self.sign, self.sign, self.sign]
            if count < MOST:
                actions += [self.copy, self.rotate]
        return actions

    # New objects

    def import_secret(self):
        value = base64.b64encode(self.random.randbytes(self.random.choice([8, 100, 3000]))).decode()
        self.make("PUT", "imported", "SECRET", SECRET_OPERATIONS, None, {"value": value}, value)

    def import_key(self):
        number = self.random.randrange(1, 2**250)
        key = ec.derive_private_key(number, ec.SECP256R1())
        value = base64.b64encode(
            key.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        ).decode()
        self.make("PUT", "imported", "EC", EC_OPERATIONS, public_half(key), {"value": value})

    def generate(self):
        self.make("POST", "generated", "EC", EC_OPERATIONS, Anything(), {"elliptic_curve": "NistP256"})

    def make(self, method: str, verb: str, kind: str, operations: list[str], public, fields: dict, value=None):
        thing = Thing("object", self.new_name())
        state = {
            "name": thing.name, "obj_type": kind, "group_id": self.random.choice(self.groups),
            "key_ops": operations, "custom_metadata": self.metadata(), "enabled": True,
            "state": self.random.choice(["Active", "Active", "PreActive"]),
        }  # fmt: skip
        state_after = state | {"pub_key": public, "copies": 0}
        # Only the export shows it; the check after a restart looks there.
        thing.secret = value
        answer = self.perform(Change({thing: state_after}, {thing: verb}), 201, method, KEYS, state | fields)
        self.learn(thing, answer.json())

    def learn(self, thing: Thing, answer: dict):
        thing.id = answer["kid"]
        if "pub_key" in answer:
            thing.state["pub_key"] = answer["pub_key"]

    def metadata(self) -> dict[str, str]:
        entries = {f"key {number}": self.random.randbytes(12).hex() for number in range(self.random.randrange(4))}
        return entries | {"pkcs11-label": self.random.randbytes(8).hex()}

    # Changes

    def update(self, thing: Thing, **fields):
        change = Change({thing: thing.state | fields}, {thing: "updated"})
        self.perform(change, 200, "PATCH", f"{KEYS}/{thing.id}", fields)

    def change_metadata(self, thing: Thing):
        self.update(thing, custom_metadata=self.metadata(), name=self.new_name())

    def change_rights(self, thing: Thing):
        """Moves it to the other group, disables it, or takes a right away."""
        operations = thing.state["key_ops"]
        other = [name for name in operations if name != "SIGN"] if "SIGN" in operations else [*operations, "SIGN"]
        choices = [
            {"group_id": next(group for group in self.groups if group != thing.state["group_id"])},
            {"enabled": not thing.state["enabled"]},
        ]
        if thing.state["obj_type"] == "EC":
            choices.append({"key_ops": sorted(other)})
        self.update(thing, **self.random.choice(choices))

    def activate(self, thing: Thing):
        change = Change({thing: thing.state | {"state": "Active"}}, {thing: "activated"})
        self.perform(change, 204, "POST", f"{KEYS}/{thing.id}/activate")

    def revoke(self, thing: Thing):
        code, state = self.random.choice([("Superseded", "Deactivated"), ("KeyCompromise", "Compromised")])
        change = Change({thing: thing.state | {"state": state}}, {thing: "revoked"})
        self.perform(change, 204, "POST", f"{KEYS}/{thing.id}/revoke", {"code": code})

    def destroy(self, thing: Thing):
        after = thing.state | {"state": "Destroyed", "pub_key": None}
        self.perform(Change({thing: after}, {thing: "destroyed"}), 204, "POST", f"{KEYS}/{thing.id}/destroy")

    def delete(self, thing: Thing):
        self.perform(Change({thing: None}, {thing: "deleted"}), 204, "DELETE", f"{KEYS}/{thing.id}")

    # Changes of two objects at once

    def copy(self, thing: Thing):
        new = Thing("object", self.new_name())
        after = {
            thing: thing.state | {"copies": thing.state["copies"] + 1},
            new: thing.state | {"name": new.name, "copies": 0},
        }
        body = {"key": {"kid": thing.id}, "name": new.name, "group_id": thing.state["group_id"]}
        answer = self.perform(Change(after, {new: "copied"}), 201, "POST", f"{KEYS}/copy", body)
        self.learn(new, answer.json())

    def rotate(self, thing: Thing):
        """The new key takes the name and the label."""
        name, metadata = thing.state["name"], dict(thing.state["custom_metadata"])
        new = Thing("object", name)
        rest = {key: value for key, value in metadata.items() if key != "pkcs11-label"}
        after = {
            thing: thing.state | {"name": NotThis(name), "custom_metadata": rest, "state": "Deactivated"},
            new: thing.state
            | {"pub_key": NotThis(thing.state["pub_key"]), "copies": 0, "state": "Active", "enabled": True},
        }
        body = {"name": name, "deactivate_rotated_key": True}
        answer = self.perform(Change(after, {new: "rotated"}), 200, "POST", f"{KEYS}/rekey", body)
        self.learn(new, answer.json())

    # Uses

    def sign(self, thing: Thing):
        name = self.random.choice(list(HASHES))
        data = self.random.randbytes(40)
        body = {"hash_alg": name, "data": base64.b64encode(data).decode()}
        change = Change({}, {thing: f"signed with (ECDSA {name})"})
        answer = self.perform(change, 200, "POST", f"{KEYS}/{thing.id}/sign", body).json()
        public = serialization.load_der_public_key(base64.b64decode(thing.state["pub_key"]))
        public.verify(base64.b64decode(answer["signature"]), data, ec.ECDSA(HASHES[name]))


class SigningClient(KeyClient):
    """Signs with one key, as fast as it can."""

    def step(self):
        keys = self.alive("object")
        if not keys:
            self.random.choice([self.import_key, self.generate])()
        elif keys[0].state["state"] == "PreActive":
            self.activate(keys[0])
        else:
            self.sign(keys[0])


class RightsClient(Client):
    """The administrator: groups, apps with permissions in groups, API keys."""

    def __init__(self, number: int, seed: str, groups: list[str]):
        super().__init__(number, seed)
        self.groups = groups

    def step(self):
        groups, apps = self.alive("group"), self.alive("app")
        actions = []
        if len(groups) < MOST:
            actions += [self.make_group]
        if len(apps) < MOST:
            actions += [self.make_app, self.make_app]
        if groups:
            actions += [self.change_group, self.change_group]
        if self.unused_groups():
            actions += [self.delete_group]
        if apps:
            actions += [self.change_app, self.change_app, self.reset_key, self.delete_app]
        self.random.choice(actions)()

    def unused_groups(self) -> list[Thing]:
        used = {group for app in self.alive("app") for group in app.state["groups"]}
        return [group for group in self.alive("group") if group.id not in used]

    def make_group(self):
        thing = Thing("group", self.new_name())
        state = {"name": thing.name, "description": thing.name}
        answer = self.perform(Change({thing: state}, {thing: "created"}), 201, "POST", "/sys/v1/groups", state)
        thing.id = answer.json()["group_id"]

    def change_group(self):
        thing = self.random.choice(self.alive("group"))
        state = {"name": self.new_name(), "description": self.random.randbytes(8).hex()}
        self.perform(Change({thing: state}, {thing: "updated"}), 200, "PATCH", f"/sys/v1/groups/{thing.id}", state)

    def delete_group(self):
        thing = self.random.choice(self.unused_groups())
        self.perform(Change({thing: None}, {thing: "deleted"}), 204, "DELETE", f"/sys/v1/groups/{thing.id}")

    def grants(self) -> dict[str, list[str]]:
        possible = self.groups + [group.id for group in self.alive("group")]
        chosen = self.random.sample(possible, self.random.randint(1, min(4, len(possible))))
        return {group: sorted(self.random.sample(PERMISSIONS, self.random.randint(1, 4))) for group in chosen}

    def change_app(self):
        """A new name and other permissions in other groups, all at once."""
        thing = self.random.choice(self.alive("app"))
        old, new = thing.state["groups"], self.grants()
        body = {
            "name": self.new_name(),
            "add_groups": {group: names for group, names in new.items() if group not in old},
            "mod_groups": {group: names for group, names in new.items() if group in old},
            "del_groups": [group for group in old if group not in new],
        }
        change = Change({thing: thing.state | {"name": body["name"], "groups": new}}, {thing: "updated"})
        self.perform(change, 200, "PATCH", f"/sys/v1/apps/{thing.id}", body)

    def make_app(self):
        thing = Thing("app", self.new_name())
        groups = self.grants()
        state = {"name": thing.name, "groups": groups, "secret": Anything()}
        body = {"name": thing.name, "add_groups": groups}
        answer = self.perform(Change({thing: state}, {thing: "created"}), 201, "POST", "/sys/v1/apps", body)
        thing.id = answer.json()["app_id"]

    def reset_key(self):
        thing = self.random.choice(self.alive("app"))
        if isinstance(thing.state["secret"], Anything | NotThis):
            thing.state["secret"] = secret_of(self.rest, thing.id)
        change = Change({thing: thing.state | {"secret": NotThis(thing.state["secret"])}}, {thing: "replaced"})
        self.perform(change, 200, "POST", f"/sys/v1/apps/{thing.id}/reset_secret")

    def delete_app(self):
        thing = self.random.choice(self.alive("app"))
        self.perform(Change({thing: None}, {thing: "deleted"}), 204, "DELETE", f"/sys/v1/apps/{thing.id}")


def secret_of(rest, app: str) -> str:
    return rest.expect(200, "GET", f"/sys/v1/apps/{app}/credential").json()["credential"]["secret"]


def public_half(key) -> str:
    return base64.b64encode(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode()
