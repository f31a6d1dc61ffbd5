"""Keys by their values: as the vector files write them, as templates, and as objects of the `cryptography` package."""

import functools

import cryptoki as ck
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SECRET, PUBLIC, PRIVATE = "secret", "public", "private"

# CKA_EC_PARAMS: DER of the object identifier.
OIDS = {
    "P-224": bytes.fromhex("06052b81040021"),
    "P-256": bytes.fromhex("06082a8648ce3d030107"),
    "P-384": bytes.fromhex("06052b81040022"),
    "P-521": bytes.fromhex("06052b81040023"),
    "secp256k1": bytes.fromhex("06052b8104000a"),
    "Ed25519": bytes.fromhex("06032b6570"),
    "Ed448": bytes.fromhex("06032b6571"),
    "X25519": bytes.fromhex("06032b656e"),
    "X448": bytes.fromhex("06032b656f"),
}
CURVES = {
    "P-224": ec.SECP224R1(),
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
RAW_PUBLIC = {
    "Ed25519": ed25519.Ed25519PublicKey,
    "Ed448": ed448.Ed448PublicKey,
    "X25519": x25519.X25519PublicKey,
    "X448": x448.X448PublicKey,
}
RAW_PRIVATE = {
    "Ed25519": ed25519.Ed25519PrivateKey,
    "Ed448": ed448.Ed448PrivateKey,
    "X25519": x25519.X25519PrivateKey,
    "X448": x448.X448PrivateKey,
}
EDWARDS, MONTGOMERY = ("Ed25519", "Ed448"), ("X25519", "X448")
RSA_PARTS = {
    "n": "MODULUS", "e": "PUBLIC_EXPONENT", "d": "PRIVATE_EXPONENT", "p": "PRIME_1", "q": "PRIME_2",
    "dp": "EXPONENT_1", "dq": "EXPONENT_2", "qi": "COEFFICIENT",
}  # fmt: skip
PAIRS = ("RSA", "EC", "EC_EDWARDS", "EC_MONTGOMERY")
USES = {
    (SECRET, "AES"): "ENCRYPT DECRYPT SIGN VERIFY WRAP UNWRAP DERIVE",
    (SECRET, "DES2"): "ENCRYPT DECRYPT SIGN VERIFY WRAP UNWRAP",
    (SECRET, "DES3"): "ENCRYPT DECRYPT SIGN VERIFY WRAP UNWRAP",
    (PUBLIC, "RSA"): "ENCRYPT VERIFY VERIFY_RECOVER WRAP",
    (PRIVATE, "RSA"): "DECRYPT SIGN SIGN_RECOVER UNWRAP",
    (PUBLIC, "EC_MONTGOMERY"): "",
    (PRIVATE, "EC"): "SIGN DERIVE",
    (PRIVATE, "EC_MONTGOMERY"): "DERIVE",
}
OTHERWISE = {SECRET: "SIGN VERIFY DERIVE", PUBLIC: "VERIFY", PRIVATE: "SIGN"}


# As templates


def head(half: str, type_: str) -> dict:
    """Class, type and every use that a key of the type can have; its value may be read."""
    words = USES.get((half, type_), OTHERWISE[half]).split()
    attributes = {
        ck.CKA_CLASS: ck.CONSTANTS[f"CKO_{half.upper()}_KEY"],
        ck.CKA_KEY_TYPE: ck.CONSTANTS[f"CKK_{type_}"],
        **{ck.CONSTANTS[f"CKA_{word}"]: True for word in words},
    }
    if half != PUBLIC:
        attributes |= {ck.CKA_SENSITIVE: False, ck.CKA_EXTRACTABLE: True}
    return attributes


def template(half: str, key: dict) -> dict:
    """What C_CreateObject wants."""
    attributes = head(half, key["type"])
    if key["type"] == "RSA":
        names = ("n", "e") if half == PUBLIC else RSA_PARTS
        return attributes | {ck.CONSTANTS[f"CKA_{RSA_PARTS[name]}"]: key[name] for name in names}
    if half == SECRET:
        return attributes | {ck.CKA_VALUE: key["value"]}
    attributes[ck.CKA_EC_PARAMS] = OIDS[key["curve"]]
    if half == PUBLIC:
        return attributes | {ck.CKA_EC_POINT: octet_string(key["point"])}
    return attributes | {ck.CKA_VALUE: key["private"]}


def octet_string(content: bytes) -> bytes:
    """DER OCTET STRING, the form of CKA_EC_POINT."""
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return b"\x04" + length + content


def content(octet_string: bytes) -> bytes:
    """And back."""
    start = 3 if octet_string[1] == 0x81 else 2
    assert octet_string[0] == 4 and octet_string[start - 1] == len(octet_string) - start, octet_string.hex()
    return octet_string[start:]


# As objects of `cryptography`


def private_object(key: dict):
    return _private_object(tuple(key.items()))


@functools.cache
def _private_object(items: tuple):
    """Cached, because an RSA key is checked when it is made, which takes a while."""
    key = dict(items)
    if key["type"] == "RSA":
        n, e, d, p, q, dp, dq, qi = (int.from_bytes(key[name]) for name in RSA_PARTS)
        return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()
    if key["type"] == "EC":
        return ec.derive_private_key(int.from_bytes(key["private"]), CURVES[key["curve"]])
    return RAW_PRIVATE[key["curve"]].from_private_bytes(key["private"])


def public_object(key: dict):
    if key["type"] == "RSA":
        return rsa.RSAPublicNumbers(int.from_bytes(key["e"]), int.from_bytes(key["n"])).public_key()
    if key["type"] == "EC":
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[key["curve"]], key["point"])
    return RAW_PUBLIC[key["curve"]].from_public_bytes(key["point"])


def unsigned(value: int) -> bytes:
    """A big integer as Cryptoki has it: most significant byte first, no sign byte."""
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8))


def pair(private) -> dict:
    """The values of a private key of `cryptography`."""
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.private_numbers()
        values = (
            numbers.public_numbers.n, numbers.public_numbers.e, numbers.d, numbers.p, numbers.q, numbers.dmp1,
            numbers.dmq1, numbers.iqmp,
        )  # fmt: skip
        return {"type": "RSA"} | dict(zip(RSA_PARTS, map(unsigned, values)))
    if isinstance(private, ec.EllipticCurvePrivateKey):
        curve = next(name for name, curve in CURVES.items() if curve.name == private.curve.name)
        value = private.private_numbers().private_value.to_bytes((private.key_size + 7) // 8)
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"type": "EC", "curve": curve, "private": value, "point": point}
    curve = next(name for name, class_ in RAW_PRIVATE.items() if isinstance(private, class_))
    return {
        "type": "EC_EDWARDS" if curve in EDWARDS else "EC_MONTGOMERY",
        "curve": curve,
        "private": private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()),
        "point": private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
    }
