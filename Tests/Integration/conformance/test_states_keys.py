"""Generating keys: PKCS#11 3.2, sections 5.18.1 and 5.18.2."""

import ctypes

import cryptoki as ck
import material
import pytest
from cryptoki import Mechanism, Template, number, rvs
from keys import GENERATORS, pair_generator
from operations import IV
from scenarios import UNKNOWN_MECHANISMS, Nothing

SIZES = rvs("ATTRIBUTE_VALUE_INVALID KEY_SIZE_RANGE TEMPLATE_INCONSISTENT")
AES_GEN = Mechanism(ck.CKM_AES_KEY_GEN)
RSA_GEN = Mechanism(ck.CKM_RSA_PKCS_KEY_PAIR_GEN)
EC_GEN = Mechanism(ck.CKM_EC_KEY_PAIR_GEN)
P256 = {ck.CKA_EC_PARAMS: material.OIDS["p256"]}


@pytest.fixture(params=[False, True], ids=["session-key", "token-key"])
def on_token(request):
    return request.param


def generate(session, mechanism, attributes):
    return session.C_GenerateKey(mechanism, *Template(attributes).arguments, ctypes.c_ulong())


def generate_pair(session, mechanism, public, private=()):
    templates = *Template(public).arguments, *Template(private).arguments
    return session.C_GenerateKeyPair(mechanism, *templates, ctypes.c_ulong(), ctypes.c_ulong())


# C_GenerateKey


def test_generate_arguments(session):
    """5.18.1, 5.18.2: CKR_ARGUMENTS_BAD for null pointers."""
    template, place = Template({ck.CKA_VALUE_LEN: 16}).arguments, ctypes.c_ulong()
    public = Template(P256).arguments
    with Nothing(session):
        answers = {
            "mechanism": session.C_GenerateKey(None, *template, place),
            "template": session.C_GenerateKey(AES_GEN, None, 1, place),
            "place": session.C_GenerateKey(AES_GEN, *template, None),
            "pair: mechanism": session.C_GenerateKeyPair(None, *public, None, 0, place, place),
            "pair: public template": session.C_GenerateKeyPair(EC_GEN, None, 1, None, 0, place, place),
            "pair: private template": session.C_GenerateKeyPair(EC_GEN, *public, None, 1, place, place),
            "pair: public place": session.C_GenerateKeyPair(EC_GEN, *public, None, 0, None, place),
            "pair: private place": session.C_GenerateKeyPair(EC_GEN, *public, None, 0, place, None),
        }
        assert answers == dict.fromkeys(answers, ck.CKR_ARGUMENTS_BAD)


@pytest.mark.parametrize("kind", [*UNKNOWN_MECHANISMS, ck.CKM_AES_CBC], ids=hex)
def test_generate_mechanism(session, kind):
    """5.18.1, 5.18.2: CKR_MECHANISM_INVALID, also for the mechanisms of the other function."""
    with Nothing(session):
        assert generate(session, Mechanism(kind), {ck.CKA_VALUE_LEN: 16}) == ck.CKR_MECHANISM_INVALID
        assert generate(session, RSA_GEN, {ck.CKA_VALUE_LEN: 16}) == ck.CKR_MECHANISM_INVALID
        assert generate_pair(session, Mechanism(kind), P256) == ck.CKR_MECHANISM_INVALID
        assert generate_pair(session, AES_GEN, P256) == ck.CKR_MECHANISM_INVALID


def test_generate_parameter(session):
    """6.1.4, 6.3.10, 6.10.4: the mechanisms have no parameter. To overlook one is allowed."""
    mechanism = Mechanism(ck.CKM_AES_KEY_GEN, IV)
    assert generate(session, mechanism, {ck.CKA_VALUE_LEN: 16}) in rvs("MECHANISM_PARAM_INVALID OK")


@pytest.mark.parametrize("kind", [ck.CKM_AES_KEY_GEN, ck.CKM_GENERIC_SECRET_KEY_GEN])
def test_generate_needs_a_length(session, kind):
    """5.18.1, 6.8, 6.10.2: CKR_TEMPLATE_INCOMPLETE without CKA_VALUE_LEN."""
    with Nothing(session):
        assert generate(session, Mechanism(kind), {ck.CKA_ENCRYPT: True}) == ck.CKR_TEMPLATE_INCOMPLETE


@pytest.mark.parametrize("length", [0, 1, 8, 15, 17, 31, 33, 64, 1 << 40, ck.UNAVAILABLE])
def test_generate_aes_length(session, on_token, length):
    """6.10.2: an AES key has 16, 24 or 32 bytes; nothing else is made out of another number."""
    with Nothing(session):
        assert generate(session, AES_GEN, {ck.CKA_VALUE_LEN: length, ck.CKA_TOKEN: on_token}) in SIZES


@pytest.mark.parametrize("length", [0, 1 << 40, ck.UNAVAILABLE])
def test_generate_secret_length(session, on_token, length):
    """6.8: a generic secret has at least one byte, and at most what the token says."""
    attributes = {ck.CKA_VALUE_LEN: length, ck.CKA_TOKEN: on_token}
    with Nothing(session):
        assert generate(session, Mechanism(ck.CKM_GENERIC_SECRET_KEY_GEN), attributes) in SIZES


@pytest.mark.parametrize(
    "changes",
    [
        {ck.CKA_CLASS: ck.CKO_PUBLIC_KEY},
        {ck.CKA_CLASS: ck.CKO_DATA},
        {ck.CKA_KEY_TYPE: ck.CKK_DES3},
        {ck.CKA_KEY_TYPE: ck.CKK_RSA},
    ],
    ids=str,
)
def test_generate_another_kind(session, changes):
    """5.18.1: CKR_TEMPLATE_INCONSISTENT when class or key type are not the mechanism's."""
    with Nothing(session):
        assert generate(session, AES_GEN, {ck.CKA_VALUE_LEN: 16} | changes) == ck.CKR_TEMPLATE_INCONSISTENT


@pytest.mark.parametrize("kind", ["aes-16", "aes-24", "aes-32", "generic-1", "generic-20", "generic-64", "des3"])
def test_generated_secret(session, on_token, kind):
    """5.18.1, 4.7, 4.10: what the token itself sets, and the defaults."""
    family, _, size = kind.partition("-")
    mechanism, key_type, own = GENERATORS[family](size)
    if mechanism not in session.library.mechanisms(session.slot):
        pytest.skip("not here")
    key = session.generate(Mechanism(mechanism), own | {ck.CKA_TOKEN: on_token})
    try:
        assert number(session.get(key, ck.CKA_CLASS)) == ck.CKO_SECRET_KEY
        assert number(session.get(key, ck.CKA_KEY_TYPE)) == key_type
        assert number(session.get(key, ck.CKA_KEY_GEN_MECHANISM)) == mechanism
        assert session.flag(key, ck.CKA_LOCAL) is True
        assert session.flag(key, ck.CKA_TOKEN) is on_token
        assert session.flag(key, ck.CKA_ALWAYS_SENSITIVE) is session.flag(key, ck.CKA_SENSITIVE)
        assert session.flag(key, ck.CKA_NEVER_EXTRACTABLE) is not session.flag(key, ck.CKA_EXTRACTABLE)
        for attribute in (ck.CKA_DERIVE, ck.CKA_WRAP_WITH_TRUSTED, ck.CKA_TRUSTED):
            assert session.flag(key, attribute) is False, ck.ATTRIBUTE_NAMES[attribute]
        if own:
            assert number(session.get(key, ck.CKA_VALUE_LEN)) == own[ck.CKA_VALUE_LEN]
    finally:
        session.destroy(key)


@pytest.mark.parametrize("sensitive", [False, True])
@pytest.mark.parametrize("extractable", [False, True])
def test_history_of_a_generated_key(session, on_token, sensitive, extractable):
    """4.9, 4.10: CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE follow what was asked at the start."""
    wanted = {ck.CKA_SENSITIVE: sensitive, ck.CKA_EXTRACTABLE: extractable, ck.CKA_TOKEN: on_token}
    secret = session.generate(AES_GEN, {ck.CKA_VALUE_LEN: 16} | wanted)
    public, private = session.generate_pair(EC_GEN, P256 | {ck.CKA_TOKEN: on_token}, wanted)
    try:
        for key in (secret, private):
            assert session.flag(key, ck.CKA_SENSITIVE) is sensitive
            assert session.flag(key, ck.CKA_ALWAYS_SENSITIVE) is sensitive
            assert session.flag(key, ck.CKA_EXTRACTABLE) is extractable
            assert session.flag(key, ck.CKA_NEVER_EXTRACTABLE) is not extractable
            # What is so already is read-only.
            session.set(
                key,
                ({} if sensitive else {ck.CKA_SENSITIVE: True}) | ({ck.CKA_EXTRACTABLE: False} if extractable else {}),
            )
            assert session.flag(key, ck.CKA_ALWAYS_SENSITIVE) is sensitive
            assert session.flag(key, ck.CKA_NEVER_EXTRACTABLE) is not extractable
    finally:
        for key in (secret, public, private):
            session.C_DestroyObject(key)


# C_GenerateKeyPair


@pytest.mark.parametrize(
    "mechanism, public",
    [(RSA_GEN, {}), (RSA_GEN, {ck.CKA_PUBLIC_EXPONENT: b"\1\0\1"}), (EC_GEN, {})],
    ids=["rsa-nothing", "rsa-exponent-only", "ec-nothing"],
)
def test_generate_pair_incomplete(session, mechanism, public):
    """5.18.2, 6.1.2, 6.3.3: CKR_TEMPLATE_INCOMPLETE without CKA_MODULUS_BITS or CKA_EC_PARAMS."""
    with Nothing(session):
        assert generate_pair(session, mechanism, public) == ck.CKR_TEMPLATE_INCOMPLETE


@pytest.mark.parametrize("bits", [0, 1, 511, 2047, 1 << 20, ck.UNAVAILABLE])
def test_generate_rsa_size(session, bits):
    """6.1.4: a size that the token does not make is refused."""
    with Nothing(session):
        assert generate_pair(session, RSA_GEN, {ck.CKA_MODULUS_BITS: bits}) in SIZES


@pytest.mark.parametrize("exponent", [b"", b"\0", b"\1", b"\2", b"\1\0\0"], ids=bytes.hex)
def test_generate_rsa_exponent(session, exponent):
    """6.1.4: CKR_TEMPLATE_INCONSISTENT for an exponent that the token cannot use; an even one nobody can."""
    public = {ck.CKA_MODULUS_BITS: 2048, ck.CKA_PUBLIC_EXPONENT: exponent}
    with Nothing(session):
        assert generate_pair(session, RSA_GEN, public) in rvs("TEMPLATE_INCONSISTENT ATTRIBUTE_VALUE_INVALID")


@pytest.mark.parametrize(
    "parameters",
    [b"", b"\6", b"\6\3", bytes.fromhex("06032b0104"), b"\0" * 10, b"\6\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\0"],
    ids=bytes.hex,
)
def test_generate_unknown_curve(session, parameters):
    """5.18.2, 6.3.10: CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID, CKR_ATTRIBUTE_VALUE_INVALID."""
    with Nothing(session):
        value = generate_pair(session, EC_GEN, {ck.CKA_EC_PARAMS: parameters})
        assert value in rvs("CURVE_NOT_SUPPORTED DOMAIN_PARAMS_INVALID ATTRIBUTE_VALUE_INVALID")


@pytest.mark.parametrize("curve", ["ed25519", "x25519"])
def test_generate_curve_of_another_mechanism(session, curve):
    """6.3.10, 6.3.13, 6.3.14: each mechanism makes its own kind of curve."""
    with Nothing(session):
        value = generate_pair(session, EC_GEN, {ck.CKA_EC_PARAMS: material.OIDS[curve]})
        assert value in rvs("CURVE_NOT_SUPPORTED DOMAIN_PARAMS_INVALID ATTRIBUTE_VALUE_INVALID TEMPLATE_INCONSISTENT")


@pytest.mark.parametrize(
    "public, private, codes",
    [
        ({ck.CKA_CLASS: ck.CKO_PRIVATE_KEY}, {}, "TEMPLATE_INCONSISTENT"),
        ({ck.CKA_KEY_TYPE: ck.CKK_RSA}, {}, "TEMPLATE_INCONSISTENT"),
        ({}, {ck.CKA_CLASS: ck.CKO_PUBLIC_KEY}, "TEMPLATE_INCONSISTENT"),
        ({}, {ck.CKA_KEY_TYPE: ck.CKK_RSA}, "TEMPLATE_INCONSISTENT"),
        ({ck.CKA_EC_POINT: b"\4\1\0"}, {}, "TEMPLATE_INCONSISTENT ATTRIBUTE_READ_ONLY"),
        ({}, {ck.CKA_VALUE: bytes(32)}, "TEMPLATE_INCONSISTENT ATTRIBUTE_READ_ONLY"),
        ({ck.CKA_SENSITIVE: True}, {}, "TEMPLATE_INCONSISTENT ATTRIBUTE_TYPE_INVALID"),
        ({}, {ck.CKA_LOCAL: True}, "TEMPLATE_INCONSISTENT ATTRIBUTE_READ_ONLY"),
        ({}, {ck.CKA_SIGN: b"\1\1"}, "ATTRIBUTE_VALUE_INVALID"),
        ({ck.CKA_VENDOR_DEFINED + 0x7777: b"1"}, {}, "ATTRIBUTE_TYPE_INVALID"),
        ({}, {ck.CKA_VENDOR_DEFINED + 0x7777: b"1"}, "ATTRIBUTE_TYPE_INVALID"),
    ],
    ids=str,
)
def test_generate_pair_template(session, on_token, public, private, codes):
    """5.18.2: both templates count; no half of a pair is made."""
    places = {ck.CKA_TOKEN: on_token}
    with Nothing(session):
        assert generate_pair(session, EC_GEN, P256 | places | public, places | private) in rvs(codes)


@pytest.mark.parametrize(
    "kind", ["rsa", "p256", "p384", "p521", "p224", "secp256k1", "ed25519", "ed448", "x25519", "x448"]
)
def test_generated_pair(session, on_token, kind):
    """5.18.2, 4.7 to 4.9: what the token itself sets; the halves belong together."""
    mechanism, key_type, own = pair_generator(kind)
    places = {ck.CKA_TOKEN: on_token, ck.CKA_ID: b"pair"}
    value = generate_pair(session, Mechanism(mechanism), own, ())
    if value in rvs("CURVE_NOT_SUPPORTED MECHANISM_INVALID"):
        pytest.skip("not here")
    public, private = session.generate_pair(Mechanism(mechanism), own | places, places)
    try:
        for key, class_ in ((public, ck.CKO_PUBLIC_KEY), (private, ck.CKO_PRIVATE_KEY)):
            assert number(session.get(key, ck.CKA_CLASS)) == class_
            assert number(session.get(key, ck.CKA_KEY_TYPE)) == key_type
            assert number(session.get(key, ck.CKA_KEY_GEN_MECHANISM)) == mechanism
            assert session.get(key, ck.CKA_ID) == b"pair"
            assert session.flag(key, ck.CKA_LOCAL) is True
            assert session.flag(key, ck.CKA_TOKEN) is on_token
            assert session.flag(key, ck.CKA_DERIVE) is False
        assert session.flag(private, ck.CKA_ALWAYS_SENSITIVE) is session.flag(private, ck.CKA_SENSITIVE)
        assert session.flag(private, ck.CKA_NEVER_EXTRACTABLE) is not session.flag(private, ck.CKA_EXTRACTABLE)
        if kind == "rsa":
            assert number(session.get(public, ck.CKA_MODULUS_BITS)) == 2048
            assert len(session.get(public, ck.CKA_MODULUS)) == 256
            for attribute in (ck.CKA_MODULUS, ck.CKA_PUBLIC_EXPONENT):
                assert session.get(public, attribute) == session.get(private, attribute)
        else:
            assert (
                session.get(public, ck.CKA_EC_PARAMS) == session.get(private, ck.CKA_EC_PARAMS) == material.OIDS[kind]
            )
            assert session.get(public, ck.CKA_EC_POINT)[:1] == b"\4"
    finally:
        session.destroy(public)
        session.C_DestroyObject(private)
