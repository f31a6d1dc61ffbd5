"""Keys of every origin for the property tests, each with its value where the value may be read."""

import contextlib
import functools
import json
import random

import cryptoki as ck
import vector_keys
from cryptography.hazmat.primitives.asymmetric import ec
from vector_calls import Call
from vector_files import DIRECTORY
from vector_keys import PRIVATE, PUBLIC, SECRET
from vector_token import SESSION, TOKEN, VectorToken

# Made by the module: an object of the token whose value may be read, and one of the session. A pair of the session is
# sensitive, so that only its public half is known.
GENERATED, TRANSIENT = "generated", "transient"
ORIGINS = [SESSION, TOKEN, GENERATED, TRANSIENT]
GENERATORS = {
    "RSA": "CKM_RSA_PKCS_KEY_PAIR_GEN",
    "EC": "CKM_EC_KEY_PAIR_GEN",
    "EC_EDWARDS": "CKM_EC_EDWARDS_KEY_PAIR_GEN",
    "EC_MONTGOMERY": "CKM_EC_MONTGOMERY_KEY_PAIR_GEN",
}
# In bytes.
DES_LENGTHS = {"DES2": 16, "DES3": 24}


@contextlib.contextmanager
def secret(token: VectorToken, chance: random.Random, type_: str, length: int, origin: str):
    """A secret key: its handle, and its value in the form of the vector files."""
    head = vector_keys.head(SECRET, type_)
    if origin in (SESSION, TOKEN):
        handle = token.create(head | {ck.CKA_VALUE: chance.randbytes(length)}, origin)
    else:
        generator = Call(f"CKM_{type_.removesuffix('_HMAC')}_KEY_GEN")
        size = {} if type_ in DES_LENGTHS else {ck.CKA_VALUE_LEN: length}
        handle = token.session.generate(generator.mechanism, head | size | {ck.CKA_TOKEN: origin == GENERATED})
    try:
        value = token.value(handle)
        assert len(value) == length
        yield handle, {"type": type_, "value": value}
    finally:
        token.session.destroy(handle)


@contextlib.contextmanager
def pair(token: VectorToken, chance: random.Random, kind: str, origin: str):
    """A key pair, by the name of its curve or as "RSA-2048": both handles, and its values. Of a pair that is sensitive
    there is only the public half.
    """
    if kind.startswith("RSA") and (kept := _kept_pairs.get((kind, origin))):
        yield kept
        return
    if origin in (SESSION, TOKEN):
        key = _imported(chance, kind)
        public, private = (token.create(vector_keys.template(half, key), origin) for half in (PUBLIC, PRIVATE))
    else:
        public, private = _generate(token, kind, origin)
        key = _read(token, kind, public, private if origin == GENERATED else None)
    if kind.startswith("RSA"):
        _kept_pairs[kind, origin] = public, private, key
        yield public, private, key
        return
    try:
        yield public, private, key
    finally:
        token.session.destroy(private)
        # A KMS holds a pair as one object.
        with contextlib.suppress(ck.Refused):
            token.session.destroy(public)


# RSA pairs stay until the worker ends, because the KMS takes seconds to make one.
_kept_pairs: dict[tuple[str, str], tuple[int, int, dict]] = {}


def type_of(kind: str) -> str:
    if kind.startswith("RSA"):
        return "RSA"
    return next((t for t, names in _CURVE_TYPES.items() if kind in names), "EC")


_CURVE_TYPES = {"EC_EDWARDS": vector_keys.EDWARDS, "EC_MONTGOMERY": vector_keys.MONTGOMERY}


def _imported(chance: random.Random, kind: str) -> dict:
    if kind.startswith("RSA"):
        return _rsa_keys()[kind.lower()]
    return fresh(chance, kind)


def fresh(chance: random.Random, curve: str) -> dict:
    """A pair on a curve, made from the test's random numbers."""
    if curve in vector_keys.CURVES:
        ec_curve = vector_keys.CURVES[curve]
        # Below the order of every curve that has as many bits.
        number = chance.randrange(1, 1 << (ec_curve.key_size - 1))
        return vector_keys.pair(ec.derive_private_key(number, ec_curve))
    size = {"Ed25519": 32, "Ed448": 57, "X25519": 32, "X448": 56}[curve]
    return vector_keys.pair(vector_keys.RAW_PRIVATE[curve].from_private_bytes(chance.randbytes(size)))


@functools.cache
def _rsa_keys() -> dict[str, dict]:
    """Those of the vectors: to make some takes longer than all that is done with them."""
    keys = json.loads((DIRECTORY / "rsa-pkcs1.json").read_text())["keys"]
    return {
        name: {part: value if part == "type" else bytes.fromhex(value) for part, value in key.items()}
        for name, key in keys.items()
    }


def _generate(token: VectorToken, kind: str, origin: str) -> tuple[int, int]:
    type_ = type_of(kind)
    is_readable = origin == GENERATED
    place = {ck.CKA_TOKEN: origin == GENERATED}
    secrecy = {ck.CKA_SENSITIVE: not is_readable, ck.CKA_EXTRACTABLE: is_readable}
    if type_ == "RSA":
        own = {ck.CKA_MODULUS_BITS: int(kind.removeprefix("RSA-")), ck.CKA_PUBLIC_EXPONENT: b"\1\0\1"}
    else:
        own = {ck.CKA_EC_PARAMS: vector_keys.OIDS[kind]}
    public = vector_keys.head(PUBLIC, type_) | own | place
    private = vector_keys.head(PRIVATE, type_) | secrecy | place
    return token.session.generate_pair(Call(GENERATORS[type_]).mechanism, public, private)


def _read(token: VectorToken, kind: str, public: int, private: int | None) -> dict:
    type_, get = type_of(kind), token.session.get
    if type_ == "RSA":
        source, names = (public, ("n", "e")) if private is None else (private, vector_keys.RSA_PARTS)
        parts = {name: get(source, ck.CONSTANTS[f"CKA_{vector_keys.RSA_PARTS[name]}"]) for name in names}
        return {"type": type_} | parts
    key = {"type": type_, "curve": kind, "point": vector_keys.content(get(public, ck.CKA_EC_POINT))}
    return key if private is None else key | {"private": get(private, ck.CKA_VALUE)}
