"""Properties: what the module signs, encrypts, authenticates, derives or wraps, another implementation verifies,
decrypts or computes, and the other way round. Over all mechanisms, key sizes and origins of keys, with random inputs.
"""

import cryptoki as ck
import pytest
import vector_keys
import vector_reference as reference
from vector_calls import Call
from vector_hashes import HASHES
from vector_inputs import COUNT, COUNT_PER_ORIGIN, changed, in_pieces, inputs, long_input
from vector_origins import DES_LENGTHS, ORIGINS, fresh, pair, secret
from vector_token import SESSION, TOKEN, VectorToken

# How many inputs a size of RSA keys gets with each mechanism and origin.
RSA_SIZES = {"RSA-2048": COUNT_PER_ORIGIN, "RSA-3072": 3, "RSA-4096": 1}
AES_MODES = ["ECB", "CBC", "CBC_PAD", "CTR", "GCM", "KEY_WRAP", "KEY_WRAP_KWP"]
DES3_MODES = ["ECB", "CBC", "CBC_PAD"]
CIPHERS = [
    *((f"CKM_AES_{mode}", "AES", length) for mode in AES_MODES for length in (16, 24, 32)),
    *((f"CKM_DES3_{mode}", type_, length) for mode in DES3_MODES for type_, length in DES_LENGTHS.items()),
]
MACS = [
    *((hash_.hmac, "GENERIC_SECRET", 40) for hash_ in HASHES),
    *((hash_.hmac, hash_.key_type, hash_.size) for hash_ in HASHES),
    *(("CKM_AES_CMAC", "AES", length) for length in (16, 24, 32)),
    *(("CKM_DES3_CMAC", type_, length) for type_, length in DES_LENGTHS.items()),
]
of_every_origin = pytest.mark.parametrize("origin", ORIGINS)


def names(value) -> str | None:
    return value.word.lower() if hasattr(value, "word") else None


@pytest.mark.parametrize("hash_", HASHES, ids=names)
def test_digests(token: VectorToken, chance, hash_):
    call = Call(hash_.digest)
    token.needs(call.name)
    for data in [*inputs(chance, hash_.block, count=COUNT), long_input(chance)]:
        assert token.digest(call, in_pieces(chance, data)) == reference.digest(call, data)


@of_every_origin
@pytest.mark.parametrize(("mechanism", "type_", "length"), MACS)
def test_macs(token: VectorToken, chance, mechanism, type_, length, origin):
    token.needs(mechanism, f"{mechanism}_GENERAL")
    with secret(token, chance, type_, length, origin) as (handle, key):
        for data in [*inputs(chance, 16), long_input(chance)]:
            call = Call(mechanism)
            if chance.random() < 0.5:
                whole = len(reference.mac(call, key, b""))
                call = Call(f"{mechanism}_GENERAL", {"mac_length": chance.randrange(1, whole + 1)})
            expected = reference.mac(call, key, data)
            assert token.sign(call, handle, in_pieces(chance, data)) == expected
            token.verify(call, handle, in_pieces(chance, data), expected)
            refuses(token, call, handle, in_pieces(chance, data), changed(chance, expected))


def refuses(token: VectorToken, call: Call, handle: int, parts, signature: bytes):
    with pytest.raises(ck.Refused) as refusal:
        token.verify(call, handle, parts, signature)
    assert refusal.value.value == ck.rv("SIGNATURE_INVALID")


# Secret keys


@of_every_origin
@pytest.mark.parametrize(("mechanism", "type_", "length"), CIPHERS)
def test_ciphers(token: VectorToken, chance, mechanism, type_, length, origin):
    token.needs(mechanism)
    block = 8 if type_.startswith("DES") else 16
    multiple = {"ECB": block, "CBC": block, "WRAP": 8}.get(mechanism.rpartition("_")[2], 1)
    least = {"CKM_AES_KEY_WRAP": 16, "CKM_AES_KEY_WRAP_KWP": 1}.get(mechanism, 0)
    many = list(inputs(chance, block, multiple, least))
    if "WRAP" not in mechanism:
        many.append(long_input(chance, multiple))
    with secret(token, chance, type_, length, origin) as (handle, key):
        for data in many:
            call = random_call(chance, mechanism, block)
            expected = reference.encrypt(call, key, data)
            assert token.encrypt(call, handle, in_pieces(chance, data, call.is_multipart)) == expected, call
            assert token.decrypt(call, handle, in_pieces(chance, expected, call.is_multipart)) == data, call


def random_call(chance, mechanism: str, block: int) -> Call:
    """With a random parameter, such as the mechanism needs."""
    if mechanism.endswith("_GCM"):
        tag_bits = chance.choice([32, 64, 96, 104, 112, 120, 128, 128])
        iv = chance.randbytes(chance.choice([12, 12, *range(reference.SHORTEST_IV, 129)]))
        return Call(mechanism, {"iv": iv, "aad": chance.randbytes(chance.randrange(60)), "tag_bits": tag_bits})
    if mechanism.endswith("_CTR"):
        # Near the end of the counter's last 32 bits, where a carry is due.
        counter = chance.choice([chance.randbytes(16), chance.randbytes(12) + b"\xff\xff\xff\xfe", b"\xff" * 16])
        return Call(mechanism, {"counter": counter, "counter_bits": 128})
    return Call(mechanism, {"iv": chance.randbytes(block)} if "_CBC" in mechanism else {})


@of_every_origin
def test_gcm_notices_every_change(token: VectorToken, chance, origin):
    with secret(token, chance, "AES", 32, origin) as (handle, key):
        for data in inputs(chance, 16):
            call = random_call(chance, "CKM_AES_GCM", 16)
            # A tag of 32 bits is right by chance once in many runs; this is about the long ones.
            call.parameter["tag_bits"] = 128
            wrong = changed(chance, reference.encrypt(call, key, data))
            with pytest.raises(ck.Refused) as refusal:
                token.decrypt(call, handle, in_pieces(chance, wrong))
            assert refusal.value.value == ck.rv("ENCRYPTED_DATA_INVALID")


WRAPPINGS = [
    "CKM_AES_ECB", "CKM_AES_CBC", "CKM_AES_CBC_PAD", "CKM_AES_GCM", "CKM_AES_KEY_WRAP", "CKM_AES_KEY_WRAP_KWP",
    "CKM_DES3_ECB", "CKM_DES3_CBC", "CKM_DES3_CBC_PAD",
]  # fmt: skip


@of_every_origin
@pytest.mark.parametrize("mechanism", WRAPPINGS)
def test_wrapping(token: VectorToken, chance, mechanism, origin):
    token.needs(mechanism)
    type_, length, block = ("AES", 32, 16) if "AES" in mechanism else ("DES3", 24, 8)
    with secret(token, chance, type_, length, origin) as (handle, key):
        for value in inputs(chance, 16, multiple=16, least=16, most=64):
            call = random_call(chance, mechanism, block)
            with secret(token, chance, "GENERIC_SECRET", len(value), SESSION) as (subject, wrapped):
                expected = reference.encrypt(call, key, wrapped["value"])
                assert token.session.wrap(call.mechanism, handle, subject) == expected
            check_unwrapped(token, call, handle, reference.encrypt(call, key, value), value)


def check_unwrapped(token: VectorToken, call: Call, handle: int, wrapped: bytes, value: bytes):
    made = token.session.unwrap(call.mechanism, handle, wrapped, vector_keys.head("secret", "GENERIC_SECRET"))
    try:
        assert token.value(made) == value
    finally:
        token.session.destroy(made)


@of_every_origin
@pytest.mark.parametrize("kind", ["RSA-2048", "P-256", "P-521", "Ed25519", "X448"])
@pytest.mark.parametrize("mechanism", ["CKM_AES_CBC_PAD", "CKM_AES_KEY_WRAP_KWP", "CKM_AES_GCM"])
def test_wrapping_of_private_keys(token: VectorToken, chance, mechanism, kind, origin):
    """The wrapped form is PrivateKeyInfo (mechanisms specification 2.1.17 and 2.3.11)."""
    token.needs(mechanism)
    secrets, pairs = secret(token, chance, "AES", 32, origin), pair(token, chance, kind, SESSION)
    with secrets as (handle, key), pairs as (_, subject, own):
        call = random_call(chance, mechanism, 16)
        info = reference.decrypt(call, key, token.session.wrap(call.mechanism, handle, subject))
        assert vector_keys.pair(reference.private_key_info(info)) == own
        template = vector_keys.head("private", own["type"])
        made = token.session.unwrap(call.mechanism, handle, reference.encrypt(call, key, info), template)
        parts = {"private": "VALUE"} if "private" in own else vector_keys.RSA_PARTS
        for name, attribute in parts.items():
            assert token.session.get(made, ck.CONSTANTS[f"CKA_{attribute}"]) == own[name]
        token.session.destroy(made)


# RSA


def rsa_signatures():
    for hash_ in HASHES:
        yield pytest.param(hash_.rsa, hash_, id=hash_.rsa)
        yield pytest.param(hash_.pss, hash_, id=hash_.pss)
        yield pytest.param("CKM_RSA_PKCS", hash_, id=f"CKM_RSA_PKCS-{hash_.word}")
        yield pytest.param("CKM_RSA_PKCS_PSS", hash_, id=f"CKM_RSA_PKCS_PSS-{hash_.word}")
    yield pytest.param("CKM_RSA_X_509", None, id="CKM_RSA_X_509")
    yield pytest.param("CKM_RSA_PKCS", None, id="CKM_RSA_PKCS-any")


@of_every_origin
@pytest.mark.parametrize("kind", RSA_SIZES)
def test_rsa_signatures(token: VectorToken, chance, kind, origin):
    with pair(token, chance, kind, origin) as (public, private, key):
        for parameters in rsa_signatures():
            mechanism, hash_ = parameters.values
            if mechanism not in token.mechanisms or (hash_ and hash_.digest not in token.mechanisms):
                continue
            for data in inputs(chance, 64, count=RSA_SIZES[kind]):
                call, data = rsa_call(chance, mechanism, hash_, data, key)
                check_signatures(token, chance, call, public, private, key, data)


def rsa_call(chance, mechanism: str, hash_, data: bytes, key: dict) -> tuple[Call, bytes]:
    """The mechanism with its parameter, and what is signed instead of the data, where it does not hash itself."""
    size = len(key["n"])
    if mechanism.endswith("_PSS"):
        call = Call(mechanism, {"hash": hash_.digest, "mgf": hash_.mgf, "salt_length": hash_.size})
        return call, reference.digest(Call(hash_.digest), data) if mechanism == "CKM_RSA_PKCS_PSS" else data
    if mechanism == "CKM_RSA_PKCS":
        if hash_ is None:
            return Call(mechanism), data[: size - 11]
        return Call(mechanism), hash_.prefix + reference.digest(Call(hash_.digest), data)
    if mechanism == "CKM_RSA_X_509":
        return Call(mechanism), data[: size - 1]
    return Call(mechanism), data


def check_signatures(token: VectorToken, chance, call: Call, public: int, private: int, key: dict, data: bytes):
    """Both ways, and a signature that is none."""
    signature = token.sign(call, private, in_pieces(chance, data, call.is_multipart))
    reference.verify(call, key, data, signature)
    if "d" in key or "private" in key:
        signature = reference.sign(call, key, data)
    token.verify(call, public, in_pieces(chance, data, call.is_multipart), signature)
    refuses(token, call, public, in_pieces(chance, data, call.is_multipart), changed(chance, signature))


@of_every_origin
@pytest.mark.parametrize("kind", RSA_SIZES)
@pytest.mark.parametrize("mechanism", ["CKM_RSA_PKCS", "CKM_RSA_X_509"])
def test_rsa_recovery(token: VectorToken, chance, mechanism, kind, origin):
    token.needs(mechanism)
    call = Call(mechanism)
    with pair(token, chance, kind, origin) as (public, private, key):
        size = len(key["n"])
        for data in inputs(chance, 32, most=size - 11, count=RSA_SIZES[kind]):
            signature = token.session.sign_recover(call.mechanism, private, data)
            reference.verify(call, key, data, signature)
            whole = data if mechanism == "CKM_RSA_PKCS" else data.rjust(size, b"\0")
            assert token.session.verify_recover(call.mechanism, public, signature) == whole


@of_every_origin
@pytest.mark.parametrize("kind", RSA_SIZES)
def test_rsa_encryption(token: VectorToken, chance, kind, origin):
    calls = [Call("CKM_RSA_PKCS"), Call("CKM_RSA_X_509")]
    # The reference has no SHA-3 for OAEP; the vectors do.
    for hash_ in HASHES[:5]:
        calls.append(Call("CKM_RSA_PKCS_OAEP", {"hash": hash_.digest, "mgf": hash_.mgf, "label": chance.randbytes(9)}))
        calls.append(Call("CKM_RSA_PKCS_OAEP", {"hash": hash_.digest, "mgf": hash_.mgf, "label": b""}))
    with pair(token, chance, kind, origin) as (public, private, key):
        for call in calls:
            for data in inputs(chance, 32, most=len(key["n"]) - 2 * 64 - 2, count=RSA_SIZES[kind]):
                if call.name == "CKM_RSA_X_509":
                    data = data.rjust(len(key["n"]), b"\0")
                ciphertext = token.encrypt(call, public, data)
                if "d" in key:
                    assert reference.decrypt(call, key, ciphertext) == data
                    ciphertext = reference.encrypt(call, key, data)
                assert token.decrypt(call, private, ciphertext) == data, call


@of_every_origin
@pytest.mark.parametrize("mechanism", ["CKM_RSA_PKCS", "CKM_RSA_PKCS_OAEP"])
def test_rsa_wrapping(token: VectorToken, chance, mechanism, origin):
    call = Call(mechanism)
    if mechanism == "CKM_RSA_PKCS_OAEP":
        call = Call(mechanism, {"hash": "CKM_SHA256", "mgf": "CKG_MGF1_SHA256", "label": b""})
    with pair(token, chance, "RSA-2048", origin) as (public, private, key):
        for value in inputs(chance, 16, least=1, most=100):
            with secret(token, chance, "GENERIC_SECRET", len(value), SESSION) as (subject, wrapped):
                ciphertext = token.session.wrap(call.mechanism, public, subject)
                if "d" in key:
                    assert reference.decrypt(call, key, ciphertext) == wrapped["value"]
                check_unwrapped(token, call, private, ciphertext, wrapped["value"])
            check_unwrapped(token, call, private, reference.encrypt(call, key, value), value)


# Curves


@of_every_origin
@pytest.mark.parametrize("curve", vector_keys.CURVES)
def test_ecdsa(token: VectorToken, chance, curve, origin):
    with pair(token, chance, curve, origin) as (public, private, key):
        for mechanism in ["CKM_ECDSA", *(hash_.ecdsa for hash_ in HASHES)]:
            if mechanism not in token.mechanisms:
                continue
            for data in inputs(chance, 64):
                if mechanism == "CKM_ECDSA":
                    # A hash of any kind, or something shorter.
                    data = chance.randbytes(chance.choice([20, 28, 32, 48, 64, chance.randrange(1, 29)]))
                check_signatures(token, chance, Call(mechanism), public, private, key, data)


@pytest.mark.parametrize("origin", [SESSION, TOKEN])
@pytest.mark.parametrize("curve", vector_keys.CURVES)
def test_ecdsa_with_leading_zeros(token: VectorToken, chance, curve, origin):
    """One signature in 256 has an r, another an s, that begins with a byte of zeros: signs until both have come."""
    call = Call("CKM_ECDSA_SHA256")
    with pair(token, chance, curve, origin) as (public, private, key):
        by_module = lambda data: token.sign(call, private, data), lambda *given: reference.verify(call, key, *given)
        by_reference = lambda data: reference.sign(call, key, data), lambda *given: token.verify(call, public, *given)
        for sign, verify in (by_module, by_reference):
            missing = {"r", "s"}
            while missing:
                data = chance.randbytes(20)
                signature = sign(data)
                r, s = signature[: len(signature) // 2], signature[len(signature) // 2 :]
                seen = {name for name, number in (("r", r), ("s", s)) if number[0] == 0}
                if seen & missing:
                    verify(data, signature)
                missing -= seen


@of_every_origin
@pytest.mark.parametrize("curve", vector_keys.EDWARDS)
def test_eddsa(token: VectorToken, chance, curve, origin):
    with pair(token, chance, curve, origin) as (public, private, key):
        for data in inputs(chance, 64):
            check_signatures(token, chance, Call("CKM_EDDSA"), public, private, key, data)


# Derivation


def check_derived(token: VectorToken, call: Call, handle: int, length: int, expected: bytes):
    template = vector_keys.head("secret", "GENERIC_SECRET") | {ck.CKA_VALUE_LEN: length}
    made = token.session.derive(call.mechanism, handle, template)
    try:
        assert token.value(made) == expected, call
    finally:
        token.session.destroy(made)


@of_every_origin
@pytest.mark.parametrize("curve", [*vector_keys.CURVES, *vector_keys.MONTGOMERY])
def test_ecdh(token: VectorToken, chance, curve, origin):
    """Where the pair is sensitive, the other side computes."""
    mechanisms = ["CKM_ECDH1_DERIVE", *(["CKM_ECDH1_COFACTOR_DERIVE"] if curve in vector_keys.CURVES else [])]
    kdfs = ["CKD_NULL", *(hash_.kdf for hash_ in HASHES if hash_.digest in token.mechanisms)]
    with pair(token, chance, curve, origin) as (_, private, key):
        for _ in inputs(chance, 16):
            other, kdf = fresh(chance, curve), chance.choice(kdfs)
            shared = b"" if kdf == "CKD_NULL" else chance.randbytes(chance.randrange(40))
            length = chance.randrange(1, len(other["private"]) + 1 if kdf == "CKD_NULL" else 200)
            own = {"kdf": kdf, "shared_data": shared, "public_data": other["point"]}
            expected = reference.derive(
                Call("CKM_ECDH1_DERIVE", own | {"public_data": key["point"]}), other, length
            )
            check_derived(token, Call(chance.choice(mechanisms), own), private, length, expected)


@of_every_origin
@pytest.mark.parametrize("hash_", HASHES, ids=names)
def test_hkdf(token: VectorToken, chance, hash_, origin):
    token.needs("CKM_HKDF_DERIVE", hash_.digest)
    type_ = chance.choice(["HKDF", "GENERIC_SECRET"])
    with secret(token, chance, type_, chance.randrange(1, 100), origin) as (handle, key):
        for salt in inputs(chance, 64, most=300):
            info = chance.randbytes(chance.randrange(80))
            parameter = {"hash": hash_.digest, "extract": True, "expand": True, "salt": salt or None, "info": info}
            call, length = Call("CKM_HKDF_DERIVE", parameter), chance.randrange(1, 300)
            check_derived(token, call, handle, length, reference.derive(call, key, length))


@of_every_origin
@pytest.mark.parametrize("length", [16, 24, 32])
@pytest.mark.parametrize("mechanism", ["CKM_AES_ECB_ENCRYPT_DATA", "CKM_AES_CBC_ENCRYPT_DATA"])
def test_encrypt_data(token: VectorToken, chance, mechanism, length, origin):
    token.needs(mechanism)
    with secret(token, chance, "AES", length, origin) as (handle, key):
        for data in inputs(chance, 16, multiple=16, least=16, most=256):
            call = Call(mechanism, {"data": data} | ({"iv": chance.randbytes(16)} if "CBC" in mechanism else {}))
            wanted = chance.randrange(1, len(data) + 1)
            check_derived(token, call, handle, wanted, reference.derive(call, key, wanted))
