"""Values that no key or certificate can have, or not together, for each kind of object."""

import cryptoki as ck
import material


def wrong_points() -> list[tuple[str, dict]]:
    point = material.ec_point("p256")
    off = point[:-1] + bytes([point[-1] ^ 1])
    rows = {
        "empty": b"",
        "not on the curve": material.octet_string(off),
        "cut": material.octet_string(point[:-1]),
        "too long": material.octet_string(point + b"\0"),
        "at infinity": material.octet_string(b"\0"),
        "with a tail": material.octet_string(point) + b"\0",
        "of another curve": material.ec_public("p384")[ck.CKA_EC_POINT],
    }
    return [(f"EC_POINT {name}", {ck.CKA_EC_POINT: value}) for name, value in rows.items()]


def wrong_curves() -> list[tuple[str, dict]]:
    rows = {
        "empty": b"",
        "no DER": b"\xff" * 10,
        "unknown": bytes.fromhex("06032b0104"),
        "with a tail": material.OIDS["p256"] + b"\0",
        "of an Edwards curve": material.OIDS["ed448"],
        "explicit nonsense": bytes.fromhex("3003020101"),
    }
    return [(f"EC_PARAMS {name}", {ck.CKA_EC_PARAMS: value}) for name, value in rows.items()]


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def contradictions(kind: str) -> list[tuple[str, dict]]:
    """Changes to a whole template, each wrong by itself."""
    if kind == "aes":
        sizes = [0, 1, 15, 17, 23, 25, 31, 33, 48, 64]
        return [(f"{size} bytes", {ck.CKA_VALUE: bytes(size)}) for size in sizes]
    if kind == "des3":
        return [(f"{size} bytes", {ck.CKA_VALUE: bytes(size)}) for size in (0, 8, 16, 23, 25)]
    if kind == "generic":
        return [("0 bytes", {ck.CKA_VALUE: b""})]
    if kind == "rsa-public":
        modulus = material.rsa_public()[ck.CKA_MODULUS]
        return [
            ("empty modulus", {ck.CKA_MODULUS: b""}),
            ("zero modulus", {ck.CKA_MODULUS: bytes(256)}),
            ("even modulus", {ck.CKA_MODULUS: modulus[:-1] + b"\0"}),
            ("empty exponent", {ck.CKA_PUBLIC_EXPONENT: b""}),
            ("zero exponent", {ck.CKA_PUBLIC_EXPONENT: b"\0"}),
            ("exponent 1", {ck.CKA_PUBLIC_EXPONENT: b"\1"}),
            ("even exponent", {ck.CKA_PUBLIC_EXPONENT: b"\1\0\0"}),
            ("exponent as long as the modulus", {ck.CKA_PUBLIC_EXPONENT: modulus}),
        ]
    if kind == "rsa-private":
        whole = material.rsa_private()

        def changed(type_):
            return {type_: whole[type_][:-1] + bytes([whole[type_][-1] ^ 2])}

        return [
            ("modulus", changed(ck.CKA_MODULUS)),
            ("private exponent", changed(ck.CKA_PRIVATE_EXPONENT)),
            ("prime 1", changed(ck.CKA_PRIME_1)),
            ("prime 2", changed(ck.CKA_PRIME_2)),
            ("exponent 1", changed(ck.CKA_EXPONENT_1)),
            ("exponent 2", changed(ck.CKA_EXPONENT_2)),
            ("coefficient", changed(ck.CKA_COEFFICIENT)),
            ("public exponent", {ck.CKA_PUBLIC_EXPONENT: b"\1\0\3"}),
            ("primes exchanged", {ck.CKA_PRIME_1: whole[ck.CKA_PRIME_2], ck.CKA_PRIME_2: whole[ck.CKA_PRIME_1]}),
            ("empty private exponent", {ck.CKA_PRIVATE_EXPONENT: b""}),
            ("empty prime", {ck.CKA_PRIME_1: b""}),
        ]
    if kind == "p256-public":
        return wrong_points() + wrong_curves()
    if kind == "p256-private":
        rows = {
            "empty": b"",
            "zero": bytes(32),
            "the order": ORDER.to_bytes(32, "big"),
            "too long": b"\1" * 33,
            "all ones": b"\xff" * 32,
        }
        return [(f"VALUE {name}", {ck.CKA_VALUE: value}) for name, value in rows.items()] + wrong_curves()
    if kind.endswith("-public"):
        rows = [
            ("empty", b""),
            ("31 bytes", material.octet_string(bytes(31))),
            ("33 bytes", material.octet_string(bytes(33))),
        ]
        return [(f"EC_POINT {name}", {ck.CKA_EC_POINT: value}) for name, value in rows] + [
            ("EC_PARAMS of P-256", {ck.CKA_EC_PARAMS: material.OIDS["p256"]}),
            ("EC_PARAMS empty", {ck.CKA_EC_PARAMS: b""}),
        ]
    if kind.endswith("-private"):
        return [(f"VALUE of {size} bytes", {ck.CKA_VALUE: bytes(size)}) for size in (0, 31, 33, 64)] + [
            ("EC_PARAMS of P-256", {ck.CKA_EC_PARAMS: material.OIDS["p256"]}),
            ("EC_PARAMS empty", {ck.CKA_EC_PARAMS: b""}),
        ]
    if kind == "certificate":
        der = material.certificate_attributes()[ck.CKA_VALUE]
        return [
            ("no DER", {ck.CKA_VALUE: b"no certificate"}),
            ("cut DER", {ck.CKA_VALUE: der[:-1]}),
            ("with a tail", {ck.CKA_VALUE: der + b"\0"}),
            ("another check value", {ck.CKA_CHECK_VALUE: b"\0\0\0"}),
            ("no such category", {ck.CKA_CERTIFICATE_CATEGORY: 99}),
        ]
    return []
