"""The mechanism list is honest: PKCS#11 3.2, sections 5.5.5 and 5.5.6, and 6 for each mechanism.

What is listed works, with every flag that it claims; what is not listed, and every flag that is not claimed, is
refused; the key sizes are in the unit that the standard gives for the mechanism, and hold.
"""

import cryptoki as ck
import material
import pytest
from cryptoki import Mechanism, Template, rvs
from documents import documented
from keys import EXPONENT
from mechanisms import BY_KIND, FLAGS, OTHER_FLAGS, ROWS, Exercise, begin

# What a KMS with the standard's usual keys must offer.
EXPECTED = """
    RSA_PKCS_KEY_PAIR_GEN RSA_PKCS RSA_PKCS_OAEP RSA_PKCS_PSS SHA1_RSA_PKCS SHA256_RSA_PKCS SHA384_RSA_PKCS
    SHA512_RSA_PKCS SHA256_RSA_PKCS_PSS SHA384_RSA_PKCS_PSS SHA512_RSA_PKCS_PSS EC_KEY_PAIR_GEN ECDSA ECDSA_SHA1
    ECDSA_SHA224 ECDSA_SHA256 ECDSA_SHA384 ECDSA_SHA512 EC_EDWARDS_KEY_PAIR_GEN EDDSA EC_MONTGOMERY_KEY_PAIR_GEN
    ECDH1_DERIVE AES_KEY_GEN AES_ECB AES_CBC AES_CBC_PAD AES_CTR AES_GCM AES_CMAC AES_KEY_WRAP AES_KEY_WRAP_KWP DES3_CBC
    DES3_CBC_PAD GENERIC_SECRET_KEY_GEN SHA_1 SHA224 SHA256 SHA384 SHA512 SHA3_224 SHA3_256 SHA3_384 SHA3_512 SHA_1_HMAC
    SHA224_HMAC SHA256_HMAC SHA384_HMAC SHA512_HMAC
""".split()
ALL_KINDS = sorted(set(ck.MECHANISM_NAMES))


# This suite knows more than the token has. That the document tells the token's list is test_documents.py's matter.
LISTED = [row for row in ROWS if row.name in documented()]


@pytest.fixture(params=LISTED, ids=lambda row: row.name)
def row(request):
    return request.param


def info_of(session, row):
    assert row.kind in session.library.mechanisms(session.slot)
    return session.library.mechanism_info(session.slot, row.kind)


def names(kinds) -> list[str]:
    return [ck.MECHANISM_NAMES.get(kind, hex(kind)) for kind in kinds]


def test_what_is_expected_is_listed(token):
    """5.5.5: nothing that the token can do is missing."""
    listed = token.library.mechanisms(token.slot)
    assert [name for name in EXPECTED if ck.CONSTANTS["CKM_" + name] not in listed] == []


def test_what_is_listed_is_known(token):
    """5.5.5: this suite can put every listed mechanism to use."""
    assert names(kind for kind in token.library.mechanisms(token.slot) if kind not in BY_KIND) == []


def test_every_flag_is_known(token):
    """5.5.6: only flags that the standard has, and at least one that says what the mechanism does."""
    known = sum(FLAGS) | OTHER_FLAGS
    for kind in token.library.mechanisms(token.slot):
        flags = token.library.mechanism_info(token.slot, kind).flags
        assert not flags & ~known, names([kind])
        assert any(flags & flag for flag in FLAGS), names([kind])


@pytest.mark.parametrize("origin", ["imported", "generated"])
def test_what_is_claimed_works(session, row, origin):
    """5.5.6: each flag of each mechanism, with a key of the application and with one of the token."""
    flags = info_of(session, row).flags
    claimed = [verb for flag, verb in FLAGS.items() if flags & flag]
    if origin == "generated" and set(claimed) <= {"digest", "generate", "generate_key_pair"}:
        pytest.skip("has no key to begin with")
    problems = []
    for verb in claimed:
        exercise = Exercise(session, row, origin)
        try:
            getattr(exercise, verb)()
        except (AssertionError, ck.Refused) as problem:
            problems.append(f"{verb}: {problem}")
            # Whatever is still active there is left behind.
            session.handle = session.stage.open().handle
    assert not problems, "\n".join(problems)


REFUSALS = rvs(
    "MECHANISM_INVALID KEY_FUNCTION_NOT_PERMITTED KEY_TYPE_INCONSISTENT WRAPPING_KEY_TYPE_INCONSISTENT "
    "UNWRAPPING_KEY_TYPE_INCONSISTENT FUNCTION_NOT_SUPPORTED"
)
PRIVATE_VERBS = ("sign", "decrypt", "unwrap", "derive")


def test_what_is_not_claimed_is_refused(session, row):
    """5.5.6, 5.1.6: CKR_MECHANISM_INVALID from every function whose flag the mechanism does not have, or what a key of
    its type cannot do anyway.
    """
    info = info_of(session, row)
    problems = []
    for flag, verb in FLAGS.items():
        if info.flags & flag or (verb.startswith("message_") and not session.library.is_3_0):
            continue
        half = "private" if any(one in verb for one in PRIVATE_VERBS) else "public"
        usable = [name for name in row.keys if "-" in name or name in ("aes", "des3")] or ["aes"]
        key = session.keys(next((name for name in usable if name.endswith(half)), usable[0]))
        value = begin(session, verb, row.made(), key)
        if value not in REFUSALS:
            problems.append(f"{verb}: {value}")
        if value == ck.CKR_OK:
            session.handle = session.stage.open().handle
    assert not problems


def test_what_is_not_listed_is_refused(session):
    """5.5.5, 5.1.6: CKR_MECHANISM_INVALID from C_GetMechanismInfo and from every function that takes a mechanism."""
    listed = set(session.library.mechanisms(session.slot))
    key, problems = session.keys("aes"), []
    for kind in [*ALL_KINDS, ck.CKM_VENDOR_DEFINED + 0x7777, ck.UNAVAILABLE]:
        if kind in listed:
            continue
        info = ck.CK_MECHANISM_INFO()
        answers = {"C_GetMechanismInfo": session.library.C_GetMechanismInfo(session.slot, kind, info)}
        for verb in FLAGS.values():
            if verb.startswith("message_") and not session.library.is_3_0:
                continue
            answers[verb] = begin(session, verb, Mechanism(kind), key)
        refused = rvs("MECHANISM_INVALID FUNCTION_NOT_SUPPORTED")
        wrong = {name: value for name, value in answers.items() if value not in refused}
        if wrong:
            problems.append(f"{names([kind])[0]}: {wrong}")
        if ck.CKR_OK in wrong.values():
            session.handle = session.stage.open().handle
    assert not problems, "\n".join(problems)


# Key sizes


def test_sizes_are_in_the_right_unit(session, row):
    """6: ulMinKeySize and ulMaxKeySize: bits of an RSA modulus or an elliptic curve's field, bytes of an AES key."""
    info = info_of(session, row)
    if row.unit is None:
        assert info.ulMinKeySize <= info.ulMaxKeySize or not info.ulMaxKeySize
        return
    assert info.ulMinKeySize <= row.size <= info.ulMaxKeySize
    bounds = {
        "rsa": (512, 16384), "p256": (112, 571), "ed25519": (255, 448), "x25519": (255, 448), "aes": (16, 32),
        "generic": (1, 1 << 24),
    }[row.keys[0].split("-")[0]]  # fmt: skip
    assert bounds[0] <= info.ulMinKeySize <= info.ulMaxKeySize <= bounds[1]
    if row.keys[0] in ("ed25519", "x25519", "ed25519-private"):
        assert {info.ulMinKeySize, info.ulMaxKeySize} <= {255, 448}


def test_rsa_sizes_hold(session):
    """6.1.4: keys of the smallest and, unless it takes too long, the largest size are made; smaller ones are not."""
    info = info_of(session, BY_KIND[ck.CKM_RSA_PKCS_KEY_PAIR_GEN])
    mechanism = Mechanism(ck.CKM_RSA_PKCS_KEY_PAIR_GEN)
    for bits in {info.ulMinKeySize, min(info.ulMaxKeySize, 3072)}:
        public, _ = session.generate_pair(mechanism, {ck.CKA_MODULUS_BITS: bits, ck.CKA_PUBLIC_EXPONENT: EXPONENT}, {})
        assert int.from_bytes(session.get(public, ck.CKA_MODULUS), "big").bit_length() == bits
    for bits in (info.ulMinKeySize - 8, info.ulMaxKeySize + 8):
        template = Template({ck.CKA_MODULUS_BITS: bits, ck.CKA_PUBLIC_EXPONENT: EXPONENT}).arguments
        places = ck.ctypes.c_ulong(), ck.ctypes.c_ulong()
        value = session.C_GenerateKeyPair(mechanism, *template, None, 0, *places)
        assert value in rvs("KEY_SIZE_RANGE ATTRIBUTE_VALUE_INVALID TEMPLATE_INCONSISTENT"), f"{bits} bits"


@pytest.mark.parametrize("curve", material.CURVE_BITS)
def test_curve_sizes_hold(session, curve):
    """6.3.10: a curve within the range may be missing, one outside of it must be."""
    info = info_of(session, BY_KIND[ck.CKM_EC_KEY_PAIR_GEN])
    template = Template({ck.CKA_EC_PARAMS: material.OIDS[curve]}).arguments
    places = ck.ctypes.c_ulong(), ck.ctypes.c_ulong()
    value = session.C_GenerateKeyPair(Mechanism(ck.CKM_EC_KEY_PAIR_GEN), *template, None, 0, *places)
    if info.ulMinKeySize <= material.CURVE_BITS[curve] <= info.ulMaxKeySize:
        assert value in rvs("OK CURVE_NOT_SUPPORTED DOMAIN_PARAMS_INVALID ATTRIBUTE_VALUE_INVALID")
    else:
        assert value in rvs("CURVE_NOT_SUPPORTED DOMAIN_PARAMS_INVALID ATTRIBUTE_VALUE_INVALID")


def test_every_named_curve_works(session):
    """6.3: the NIST curves and secp256k1 sign; a KMS that has them all must offer them all."""
    for curve, bits in material.CURVE_BITS.items():
        public = {ck.CKA_EC_PARAMS: material.OIDS[curve], ck.CKA_VERIFY: True}
        pair = session.generate_pair(Mechanism(ck.CKM_EC_KEY_PAIR_GEN), public, {ck.CKA_SIGN: True})
        signature = session.sign(Mechanism(ck.CKM_ECDSA), pair[1], bytes(range(32)))
        assert len(signature) == 2 * ((bits + 7) // 8), curve
        assert session.verify(Mechanism(ck.CKM_ECDSA), pair[0], signature, bytes(range(32))) == ck.CKR_OK


@pytest.mark.parametrize("size", [16, 24, 32])
def test_aes_sizes_hold(session, size):
    """6.10: every size of AES within the range works."""
    info = info_of(session, BY_KIND[ck.CKM_AES_CBC])
    assert (info.ulMinKeySize, info.ulMaxKeySize) == (16, 32)
    key = session.keys(f"aes-{size}", "generated")
    mechanism = Mechanism(ck.CKM_AES_CBC, bytes(16))
    assert session.decrypt(mechanism, key, session.encrypt(mechanism, key, bytes(32))) == bytes(32)


def test_a_short_rsa_key_is_refused(session):
    """5.13.1: CKR_KEY_SIZE_RANGE when a key is outside the range of C_GetMechanismInfo, if it can be made at all."""
    info = info_of(session, BY_KIND[ck.CKM_SHA256_RSA_PKCS])
    if info.ulMinKeySize <= 512:
        pytest.skip("there are no shorter keys to make here")
    from keys import public

    try:
        key = session.create(
            public(ck.CKK_RSA, {ck.CKA_MODULUS: b"\xc1" + bytes(62) + b"\1", ck.CKA_PUBLIC_EXPONENT: EXPONENT})
        )
    except ck.Refused as refused:
        assert refused.value in rvs("ATTRIBUTE_VALUE_INVALID TEMPLATE_INCONSISTENT KEY_SIZE_RANGE PUBLIC_KEY_INVALID")
        return
    assert session.C_VerifyInit(Mechanism(ck.CKM_SHA256_RSA_PKCS), key) == ck.CKR_KEY_SIZE_RANGE


def test_hardware_flag(token):
    """5.5.6: CKF_HW on what the KMS performs, and not on digests, which are local."""
    library, slot = token.library, token.slot
    for name in ("RSA_PKCS", "ECDSA", "AES_CBC", "RSA_PKCS_KEY_PAIR_GEN", "EC_KEY_PAIR_GEN", "AES_KEY_GEN"):
        assert library.mechanism_info(slot, ck.CONSTANTS["CKM_" + name]).flags & ck.CKF_HW, name
    assert not library.mechanism_info(slot, ck.CKM_SHA256).flags & ck.CKF_HW
