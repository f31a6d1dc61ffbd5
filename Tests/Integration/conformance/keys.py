"""Keys for tests: imported into the session, or made on the token, each with every use that its type can have."""

import contextlib
import os

import cryptoki as ck
import material

USES = {
    ck.CKO_SECRET_KEY: "ENCRYPT DECRYPT SIGN VERIFY WRAP UNWRAP DERIVE",
    ck.CKO_PUBLIC_KEY: "ENCRYPT VERIFY VERIFY_RECOVER WRAP",
    ck.CKO_PRIVATE_KEY: "DECRYPT SIGN SIGN_RECOVER UNWRAP",
}
# Uses per key type where the type cannot have them all.
FITTING = {
    (ck.CKO_SECRET_KEY, ck.CKK_GENERIC_SECRET): "SIGN VERIFY DERIVE",
    (ck.CKO_SECRET_KEY, ck.CKK_DES3): "ENCRYPT DECRYPT WRAP UNWRAP",
    (ck.CKO_PUBLIC_KEY, ck.CKK_EC): "VERIFY",
    (ck.CKO_PRIVATE_KEY, ck.CKK_EC): "SIGN DERIVE",
    (ck.CKO_PUBLIC_KEY, ck.CKK_EC_EDWARDS): "VERIFY",
    (ck.CKO_PRIVATE_KEY, ck.CKK_EC_EDWARDS): "SIGN",
    (ck.CKO_PUBLIC_KEY, ck.CKK_EC_MONTGOMERY): "",
    (ck.CKO_PRIVATE_KEY, ck.CKK_EC_MONTGOMERY): "DERIVE",
}


def uses(class_: int, key_type: int) -> dict[int, bool]:
    words = FITTING.get((class_, key_type), USES[class_]).split()
    return {ck.CONSTANTS["CKA_" + word]: True for word in words}


def secret(key_type: int, value: bytes) -> dict:
    head = {ck.CKA_CLASS: ck.CKO_SECRET_KEY, ck.CKA_KEY_TYPE: key_type}
    open_ = {ck.CKA_SENSITIVE: False, ck.CKA_EXTRACTABLE: True}
    return head | {ck.CKA_VALUE: value} | uses(ck.CKO_SECRET_KEY, key_type) | open_


def public(key_type: int, parts: dict) -> dict:
    head = {ck.CKA_CLASS: ck.CKO_PUBLIC_KEY, ck.CKA_KEY_TYPE: key_type}
    return head | parts | uses(ck.CKO_PUBLIC_KEY, key_type)


def private(key_type: int, parts: dict) -> dict:
    head = {ck.CKA_CLASS: ck.CKO_PRIVATE_KEY, ck.CKA_KEY_TYPE: key_type}
    open_ = {ck.CKA_SENSITIVE: False, ck.CKA_EXTRACTABLE: True}
    return head | parts | uses(ck.CKO_PRIVATE_KEY, key_type) | open_


def template(name: str) -> dict:
    """What C_CreateObject needs for the key of a name."""
    kind, _, detail = name.partition("-")
    if name in ("aes", "aes-16", "aes-24", "aes-32"):
        return secret(ck.CKK_AES, os.urandom(int(detail or 32)))
    if kind == "generic":
        return secret(ck.CKK_GENERIC_SECRET, os.urandom(int(detail or 32)))
    if name == "des3":
        return secret(ck.CKK_DES3, material.DES3)
    if kind == "rsa":
        return {
            "public": public(ck.CKK_RSA, material.rsa_public()),
            "private": private(ck.CKK_RSA, material.rsa_private()),
        }[detail]
    if kind in material.MODERN:
        key_type = material.MODERN[kind][1]
        return {
            "public": public(key_type, material.modern_public(kind)),
            "private": private(key_type, material.modern_private(kind)),
        }[detail]
    return {
        "public": public(ck.CKK_EC, material.ec_public(kind)),
        "private": private(ck.CKK_EC, material.ec_private(kind)),
    }[detail]


GENERATORS = {
    "aes": lambda size: (ck.CKM_AES_KEY_GEN, ck.CKK_AES, {ck.CKA_VALUE_LEN: int(size or 32)}),
    "generic": lambda size: (ck.CKM_GENERIC_SECRET_KEY_GEN, ck.CKK_GENERIC_SECRET, {ck.CKA_VALUE_LEN: int(size or 32)}),
    "des3": lambda _: (ck.CKM_DES3_KEY_GEN, ck.CKK_DES3, {}),
}
EXPONENT = bytes.fromhex("010001")


def pair_generator(kind: str) -> tuple[int, int, dict]:
    """Mechanism, key type and the public template's own attributes."""
    if kind == "rsa":
        return ck.CKM_RSA_PKCS_KEY_PAIR_GEN, ck.CKK_RSA, {ck.CKA_MODULUS_BITS: 2048, ck.CKA_PUBLIC_EXPONENT: EXPONENT}
    if kind in material.MODERN:
        key_type = material.MODERN[kind][1]
        is_edwards = key_type == ck.CKK_EC_EDWARDS
        mechanism = ck.CKM_EC_EDWARDS_KEY_PAIR_GEN if is_edwards else ck.CKM_EC_MONTGOMERY_KEY_PAIR_GEN
        return mechanism, key_type, {ck.CKA_EC_PARAMS: material.OIDS[kind]}
    return ck.CKM_EC_KEY_PAIR_GEN, ck.CKK_EC, {ck.CKA_EC_PARAMS: material.OIDS[kind]}


class Keys:
    """The keys of one session, each made when first asked for.

    Names: `aes`, `aes-16`, `generic-64`, `des3`, `rsa-public`, `p256-private`, `ed25519-private`, `x25519-public`, ….
    `origin` is "imported" (a session object made by C_CreateObject) or "generated" (by the token: C_GenerateKey or
    C_GenerateKeyPair, session objects too).
    """

    def __init__(self, session: ck.Session):
        self.session = session
        self._made: dict[tuple[str, str], int] = {}

    def __call__(self, name: str, origin: str = "imported", **changes) -> int:
        """The key; `changes` are attributes by name, `SIGN=False`, and make a key of its own."""
        if changes:
            return self._make(name, origin, {ck.CONSTANTS["CKA_" + key]: value for key, value in changes.items()})
        if (name, origin) not in self._made:
            self._made[name, origin] = self._make(name, origin, {})
        return self._made[name, origin]

    def _make(self, name: str, origin: str, changes: dict) -> int:
        if origin == "imported":
            return self.session.create(template(name) | changes)
        kind, _, detail = name.partition("-")
        open_ = {ck.CKA_SENSITIVE: False, ck.CKA_EXTRACTABLE: True}
        if kind in GENERATORS:
            mechanism, key_type, own = GENERATORS[kind](detail)
            wanted = uses(ck.CKO_SECRET_KEY, key_type) | own | open_ | changes
            return self.session.generate(ck.Mechanism(mechanism), wanted)
        mechanism, key_type, own = pair_generator(kind)
        halves = "public", "private"
        changed = [changes if half == detail else {} for half in halves]
        handles = self.session.generate_pair(
            ck.Mechanism(mechanism),
            uses(ck.CKO_PUBLIC_KEY, key_type) | own | changed[0],
            uses(ck.CKO_PRIVATE_KEY, key_type) | open_ | changed[1],
        )
        made = dict(zip(halves, handles))
        if not changes:
            self._made.update({(f"{kind}-{half}", origin): handle for half, handle in made.items()})
        return made[detail]

    def remember(self, handle: int) -> int:
        """Another object that goes away with the test."""
        self._made[str(handle), "remembered"] = handle
        return handle

    def destroy(self):
        for handle in self._made.values():
            with contextlib.suppress(ck.Refused):
                self.session.destroy(handle)
        self._made.clear()
