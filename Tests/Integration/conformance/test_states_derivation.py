"""Deriving keys: PKCS#11 3.2, section 5.18.5, with ECDH of section 6.3.17."""

import ctypes

import cryptoki as ck
import material
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptoki import Mechanism, Template, number, rvs
from scenarios import NO_HANDLES, SECRET, UNKNOWN_MECHANISMS, Nothing

DERIVED = SECRET | {
    ck.CKA_KEY_TYPE: ck.CKK_GENERIC_SECRET, ck.CKA_VALUE_LEN: 32, ck.CKA_SENSITIVE: False, ck.CKA_EXTRACTABLE: True,
}  # fmt: skip


@pytest.fixture(params=["imported", "generated"])
def origin(request):
    return request.param


def agreement(point: bytes | None, kdf: int | None = None, shared: bytes = b"") -> Mechanism:
    own = {"pPublicData": point, "ulPublicDataLen": len(point) if point is not None else 65}
    own |= {"pSharedData": shared or None, "ulSharedDataLen": len(shared)}
    kdf = ck.CKD_NULL if kdf is None else kdf
    return Mechanism(ck.CKM_ECDH1_DERIVE, ck.pointed(ck.CK_ECDH1_DERIVE_PARAMS, kdf=kdf, **own))


def derive(session, mechanism, base: int, attributes):
    return session.C_DeriveKey(mechanism, base, *Template(attributes).arguments, ctypes.c_ulong())


def test_derive(session, origin):
    """5.18.5, 6.3.17: the shared secret is right. A token must take the raw point, and may take CKA_EC_POINT."""
    base = session.keys("p256-private", origin)
    point = session.get(session.keys("p256-public", origin), ck.CKA_EC_POINT)[2:]
    mine = material.ec_key("p256")
    other = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    expected = mine.exchange(ec.ECDH(), other)
    own_point = material.ec_point("p256")
    wrapped = material.octet_string(own_point)
    forms = [own_point]
    if derive(session, agreement(wrapped), base, DERIVED) != ck.CKR_MECHANISM_PARAM_INVALID:
        forms.append(wrapped)
    for encoded in forms:
        key = session.derive(agreement(encoded), base, DERIVED)
        assert session.get(key, ck.CKA_VALUE) == expected
        assert session.flag(key, ck.CKA_LOCAL) is False
        assert number(session.get(key, ck.CKA_VALUE_LEN)) == 32
        assert session.flag(key, ck.CKA_ALWAYS_SENSITIVE) is False
        assert session.flag(key, ck.CKA_NEVER_EXTRACTABLE) is False


def test_derive_part_of_the_secret(session, origin):
    """6.3.17: for a shorter key, bytes are removed from the leading end of the secret."""
    base, mechanism = session.keys("p256-private", origin), agreement(material.ec_point("p256"))
    whole = session.get(session.derive(mechanism, base, DERIVED), ck.CKA_VALUE)
    part = session.derive(mechanism, base, DERIVED | {ck.CKA_KEY_TYPE: ck.CKK_AES, ck.CKA_VALUE_LEN: 16})
    assert session.get(part, ck.CKA_VALUE) == whole[16:]


def test_derive_arguments(session):
    """5.18.5: CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID, CKR_KEY_HANDLE_INVALID."""
    base, mechanism = session.keys("p256-private"), agreement(material.ec_point("p256"))
    template, place = Template(DERIVED).arguments, ctypes.c_ulong()
    with Nothing(session):
        assert session.C_DeriveKey(None, base, *template, place) == ck.CKR_ARGUMENTS_BAD
        assert session.C_DeriveKey(mechanism, base, None, 5, place) == ck.CKR_ARGUMENTS_BAD
        # Some mechanisms make several keys and tell the handles in the parameter; this one does not.
        assert session.C_DeriveKey(mechanism, base, *template, None) == ck.CKR_ARGUMENTS_BAD
        for kind in UNKNOWN_MECHANISMS:
            assert derive(session, Mechanism(kind), base, DERIVED) == ck.CKR_MECHANISM_INVALID
        for handle in NO_HANDLES:
            assert derive(session, mechanism, handle, DERIVED) == ck.CKR_KEY_HANDLE_INVALID


def test_derive_key(session, origin):
    """5.18.5: CKR_KEY_TYPE_INCONSISTENT; CKA_DERIVE must be CK_TRUE, and is CK_FALSE by default."""
    mechanism = agreement(material.ec_point("p256"))
    not_allowed, other = session.keys("p256-private", origin, DERIVE=False), session.keys("generic-32")
    with Nothing(session):
        assert derive(session, mechanism, other, DERIVED) == ck.CKR_KEY_TYPE_INCONSISTENT
        assert derive(session, mechanism, not_allowed, DERIVED) == ck.CKR_KEY_FUNCTION_NOT_PERMITTED


def test_derive_parameters(session, origin):
    """6.3.17: CKR_MECHANISM_PARAM_INVALID, CKR_PUBLIC_KEY_INVALID: a point that is not on the curve gives no secret."""
    base, point = session.keys("p256-private", origin), material.ec_point("p256")
    wrong = [
        Mechanism(ck.CKM_ECDH1_DERIVE),
        Mechanism(ck.CKM_ECDH1_DERIVE, bytes(8)),
        agreement(b""),
        agreement(None),
        agreement(point[:-1]),
        agreement(point + b"\0"),
        agreement(point[:-1] + bytes([point[-1] ^ 1])),
        agreement(b"\0"),
        agreement(b"\4" + bytes(64)),
        agreement(point, kdf=0),
        agreement(point, kdf=0x99),
        agreement(point, shared=b"no use without a KDF"),
    ]
    codes = rvs("MECHANISM_PARAM_INVALID PUBLIC_KEY_INVALID ARGUMENTS_BAD DOMAIN_PARAMS_INVALID")
    with Nothing(session):
        for number_, mechanism in enumerate(wrong):
            assert derive(session, mechanism, base, DERIVED) in codes, f"parameter {number_}"


def test_derive_template(session, origin):
    """5.18.5: what the template must, may and must not have; no object is left."""
    base, mechanism = session.keys("p256-private", origin), agreement(material.ec_point("p256"))
    rows = [
        (DERIVED | {ck.CKA_VALUE: bytes(32)}, "ATTRIBUTE_READ_ONLY TEMPLATE_INCONSISTENT"),
        (DERIVED | {ck.CKA_LOCAL: False}, "ATTRIBUTE_READ_ONLY TEMPLATE_INCONSISTENT"),
        (DERIVED | {ck.CKA_CLASS: ck.CKO_PUBLIC_KEY}, "TEMPLATE_INCONSISTENT ATTRIBUTE_VALUE_INVALID"),
        (DERIVED | {ck.CKA_KEY_TYPE: ck.CKK_RSA}, "TEMPLATE_INCONSISTENT ATTRIBUTE_VALUE_INVALID"),
        (DERIVED | {ck.CKA_VALUE_LEN: 33}, "KEY_SIZE_RANGE TEMPLATE_INCONSISTENT ATTRIBUTE_VALUE_INVALID"),
        (DERIVED | {ck.CKA_VALUE_LEN: 0}, "KEY_SIZE_RANGE TEMPLATE_INCONSISTENT ATTRIBUTE_VALUE_INVALID"),
        (
            DERIVED | {ck.CKA_KEY_TYPE: ck.CKK_AES, ck.CKA_VALUE_LEN: 17},
            "KEY_SIZE_RANGE TEMPLATE_INCONSISTENT ATTRIBUTE_VALUE_INVALID",
        ),
        (DERIVED | {ck.CKA_VENDOR_DEFINED + 0x7777: b"1"}, "ATTRIBUTE_TYPE_INVALID"),
        (DERIVED | {ck.CKA_SIGN: b""}, "ATTRIBUTE_VALUE_INVALID"),
    ]
    with Nothing(session):
        for number_, (template, codes) in enumerate(rows):
            assert derive(session, mechanism, base, template) in rvs(codes), f"row {number_}"
