"""Known answers: every vector of Tests/Vectors through the module, with keys of the session and keys of the KMS."""

import cryptoki as ck
import pytest
import vector_files
import vector_keys
import vector_reference as reference
from vector_keys import PAIRS, PRIVATE, PUBLIC, SECRET
from vector_token import SESSION, TOKEN, VectorToken, cuts

VECTORS = vector_files.load()


def _places():
    """Digests need no key, the others have theirs in the session and at the KMS."""
    for vector in VECTORS:
        for origin in [SESSION, TOKEN] if vector.key else [SESSION]:
            yield pytest.param(vector, origin, id=f"{vector}-{origin}" if vector.key else str(vector))


@pytest.mark.parametrize(("vector", "origin"), _places())
def test_vector(token: VectorToken, vector, origin):
    token.needs(*vector.call.mechanisms)
    handle = _key(token, vector, origin)
    refused = vector.token_refused or vector.refused if origin == TOKEN else vector.refused
    perform = globals()[f"_{vector.operation}"]
    for parts in cuts(vector.input, vector.call.is_multipart and vector.operation not in ("derive", "wrap", "unwrap")):
        if not refused:
            perform(token, vector, handle, parts)
            continue
        with pytest.raises(ck.Refused) as refusal:
            perform(token, vector, handle, parts)
        assert str(refusal.value.value) in refused, refusal.value


def _key(token: VectorToken, vector, origin: str) -> int | None:
    if vector.key is None:
        return None
    half = SECRET
    if vector.key["type"] in PAIRS:
        half = PUBLIC if vector.operation in ("verify", "encrypt") else PRIVATE
    return token.cached(vector.place, half, vector.key, origin)


def _digest(token: VectorToken, vector, _, parts):
    assert token.digest(vector.call, parts) == vector.output


def _sign(token: VectorToken, vector, key: int, parts):
    assert token.sign(vector.call, key, parts) == vector.output
    if vector.key["type"] not in PAIRS:
        token.verify(vector.call, key, parts, vector.output)


def _verify(token: VectorToken, vector, key: int, parts):
    token.verify(vector.call, key, parts, vector.output)


def _encrypt(token: VectorToken, vector, key: int, parts):
    assert token.encrypt(vector.call, key, parts) == vector.output
    if vector.key["type"] in PAIRS:
        return
    if isinstance(parts, bytes):
        assert token.decrypt(vector.call, key, vector.output) == vector.input
        in_place = token.in_place("Encrypt", vector.call, key, vector.input, len(vector.output))
        assert in_place == vector.output
    else:
        # The ciphertext in the same manner.
        way = cuts(vector.input).index(parts)
        ways = cuts(vector.output)
        assert token.decrypt(vector.call, key, ways[min(way, len(ways) - 1)]) == vector.input


def _decrypt(token: VectorToken, vector, key: int, parts):
    assert token.decrypt(vector.call, key, parts) == vector.output


def _derive(token: VectorToken, vector, key: int, _):
    made = token.session.derive(vector.call.mechanism, key, _derived(vector))
    try:
        assert token.value(made) == vector.output
    finally:
        token.session.destroy(made)


def _derived(vector) -> dict:
    """The template of the key that is made. The length is left out where the vector does."""
    template = vector_keys.head(SECRET, vector.derived["type"])
    return template | ({ck.CKA_VALUE_LEN: vector.derived["length"]} if "length" in vector.derived else {})


def _wrap(token: VectorToken, vector, key: int, _):
    subject = token.session.create(_derived(vector) | {ck.CKA_VALUE: vector.input})
    try:
        assert token.session.wrap(vector.call.mechanism, key, subject) == vector.output
    finally:
        token.session.destroy(subject)
    _check_unwrapped(token, vector, key, vector.output, vector.input)


def _unwrap(token: VectorToken, vector, key: int, _):
    _check_unwrapped(token, vector, key, vector.input, vector.output)


def _check_unwrapped(token: VectorToken, vector, key: int, wrapped: bytes, value: bytes):
    made = token.session.unwrap(vector.call.mechanism, key, wrapped, _derived(vector))
    try:
        assert token.value(made) == value
    finally:
        token.session.destroy(made)


# The vectors themselves


@pytest.mark.parametrize("file", sorted({vector.file for vector in VECTORS}))
def test_reference_agrees(file):
    """A vector is wrong if another implementation does not come to the same."""
    wrong = [vector.id for vector in VECTORS if vector.file == file and not _agrees(vector)]
    assert not wrong, wrong


def _agrees(vector) -> bool:
    if vector.refused and not _is_refused_for_its_input(vector):
        return True
    try:
        return _expected(vector) == vector.output and not vector.refused
    except reference.Wrong:
        return bool(vector.refused)
    except reference.Unknown:
        return True


def _is_refused_for_its_input(vector) -> bool:
    """And not by the rules of Cryptoki, which another implementation need not have."""
    rules = {"CKR_MECHANISM_PARAM_INVALID", "CKR_DATA_LEN_RANGE"}
    is_counter = vector.call.name == "CKM_AES_CTR"
    return vector.operation in ("verify", "decrypt", "unwrap") and vector.refused.isdisjoint(rules) and not is_counter


def _expected(vector) -> bytes:
    call, key, data = vector.call, vector.key, vector.input
    match vector.operation:
        case "digest":
            return reference.digest(call, data)
        case "sign":
            return reference.sign(call, key, data)
        case "verify":
            reference.verify(call, key, data, vector.output)
            return vector.output
        case "encrypt" | "wrap":
            return reference.encrypt(call, key, data)
        case "decrypt" | "unwrap":
            return reference.decrypt(call, key, data)
        case "derive":
            return reference.derive(call, key, len(vector.output))
    raise AssertionError(vector.operation)


def test_every_listed_role_has_vectors(token: VectorToken):
    """Of a mechanism that encrypts and wraps, both. What is random each time is the matter of test_properties.py."""
    proved = {
        "digest": "DIGEST", "sign": "SIGN VERIFY", "verify": "VERIFY", "encrypt": "ENCRYPT DECRYPT",
        "decrypt": "DECRYPT", "wrap": "WRAP UNWRAP", "unwrap": "UNWRAP", "derive": "DERIVE",
    }  # fmt: skip
    successes = [vector for vector in VECTORS if not vector.refused]
    covered = {(vector.call.name, role) for vector in successes for role in proved[vector.operation].split()}
    missing = {one for one in _roles(token) if one not in covered and not _is_random(*one)}
    assert not missing, sorted(missing)


def _roles(token: VectorToken):
    for name in token.mechanisms:
        flags = token.library.mechanism_info(token.slot, ck.CONSTANTS[name]).flags
        for role in "DIGEST SIGN VERIFY ENCRYPT DECRYPT WRAP UNWRAP DERIVE".split():
            if flags & ck.CONSTANTS[f"CKF_{role}"]:
                yield name, role


def _is_random(name: str, role: str) -> bool:
    if role == "SIGN":
        return name.startswith("CKM_ECDSA") or name.endswith("_PSS")
    return role in ("ENCRYPT", "WRAP") and name in ("CKM_RSA_PKCS", "CKM_RSA_PKCS_OAEP")
