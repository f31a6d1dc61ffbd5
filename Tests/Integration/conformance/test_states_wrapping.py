"""Wrapping and unwrapping keys: PKCS#11 3.2, sections 5.18.3 and 5.18.4."""

import ctypes

import cryptoki as ck
import pytest
from cryptoki import Mechanism, Template, number, rvs
from operations import IV, gcm, oaep, output_of, size_of
from scenarios import NO_HANDLES, SECRET, UNKNOWN_MECHANISMS, Nothing

AES_TEMPLATE = SECRET | {
    ck.CKA_KEY_TYPE: ck.CKK_AES, ck.CKA_ENCRYPT: True, ck.CKA_DECRYPT: True, ck.CKA_SENSITIVE: False,
}  # fmt: skip


@pytest.fixture(params=["imported", "generated"])
def origin(request):
    return request.param


WRAPPERS = {
    "AES_KEY_WRAP": (lambda: Mechanism(ck.CKM_AES_KEY_WRAP), "aes", "aes"),
    "AES_KEY_WRAP_KWP": (lambda: Mechanism(ck.CKM_AES_KEY_WRAP_KWP), "aes", "aes"),
    "AES_GCM": (gcm, "aes", "aes"),
    "RSA_PKCS_OAEP": (oaep, "rsa-public", "rsa-private"),
    "RSA_PKCS": (lambda: Mechanism(ck.CKM_RSA_PKCS), "rsa-public", "rsa-private"),
}


@pytest.fixture(params=WRAPPERS)
def wrapper(request):
    return request.param


def require_wrapping(session, name: str) -> tuple:
    mechanism, wrapping, unwrapping = WRAPPERS[name]
    kind = mechanism().struct.mechanism
    if kind not in session.library.mechanisms(session.slot):
        pytest.skip("not here")
    if not session.library.mechanism_info(session.slot, kind).flags & ck.CKF_WRAP:
        pytest.skip("does not wrap here")
    return mechanism(), wrapping, unwrapping


def wrap(session, mechanism, wrapping: int, key: int, room: int = 4096):
    return output_of(session.C_WrapKey, mechanism, wrapping, key, room=room)


def unwrap(session, mechanism, unwrapping: int, wrapped: bytes, attributes):
    template = Template(attributes).arguments
    return session.C_UnwrapKey(mechanism, unwrapping, wrapped, len(wrapped), *template, ctypes.c_ulong())


def test_wrap_and_unwrap(session, origin, wrapper):
    """5.18.3, 5.18.4: what is wrapped comes back; the output is as long as the size query said at most."""
    mechanism, wrapping, unwrapping = require_wrapping(session, wrapper)
    key = session.keys("aes-16")
    value, size = size_of(session.C_WrapKey, mechanism, session.keys(wrapping, origin), key)
    assert value == ck.CKR_OK
    small = wrap(session, mechanism, session.keys(wrapping, origin), key, room=size - 1)
    assert small[0] == ck.CKR_BUFFER_TOO_SMALL
    value, wrapped = wrap(session, mechanism, session.keys(wrapping, origin), key, room=size)
    assert value == ck.CKR_OK and len(wrapped) <= size
    again = session.unwrap(mechanism, session.keys(unwrapping, origin), wrapped, AES_TEMPLATE)
    cbc = Mechanism(ck.CKM_AES_CBC, IV)
    assert session.encrypt(cbc, again, IV) == session.encrypt(cbc, key, IV)
    assert session.flag(again, ck.CKA_LOCAL) is False
    assert session.flag(again, ck.CKA_ALWAYS_SENSITIVE) is False
    assert session.flag(again, ck.CKA_NEVER_EXTRACTABLE) is False
    assert session.flag(again, ck.CKA_EXTRACTABLE) is True, "the default of an unwrapped key (5.18.4)"
    assert number(session.get(again, ck.CKA_VALUE_LEN)) == 16


@pytest.mark.parametrize("private", ["rsa-private", "p256-private"])
@pytest.mark.parametrize("name", ["AES_KEY_WRAP", "AES_KEY_WRAP_KWP", "AES_GCM"])
def test_wrap_a_private_key(session, origin, name, private):
    """5.18.3, 6.7: a private key goes out as PKCS#8 and comes back. A mechanism that takes whole blocks only may refuse
    the length, with CKR_KEY_SIZE_RANGE.
    """
    mechanism, wrapping, unwrapping = require_wrapping(session, name)
    value, wrapped = wrap(session, mechanism, session.keys(wrapping, origin), session.keys(private))
    if name == "AES_KEY_WRAP" and value in rvs("KEY_SIZE_RANGE KEY_NOT_WRAPPABLE"):
        return
    assert value == ck.CKR_OK
    key_type = ck.CKK_RSA if private == "rsa-private" else ck.CKK_EC
    template = {ck.CKA_CLASS: ck.CKO_PRIVATE_KEY, ck.CKA_KEY_TYPE: key_type, ck.CKA_SIGN: True}
    again = session.unwrap(mechanism, session.keys(unwrapping, origin), wrapped, template)
    kind = ck.CKM_SHA256_RSA_PKCS if private == "rsa-private" else ck.CKM_ECDSA
    data = IV * 2
    signature = session.sign(Mechanism(kind), again, data)
    assert (
        session.verify(Mechanism(kind), session.keys(private.replace("private", "public")), signature, data)
        == ck.CKR_OK
    )


def test_wrap_arguments(session, wrapper):
    """5.18.3: CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID."""
    mechanism, wrapping, _ = require_wrapping(session, wrapper)
    first, second, length = session.keys(wrapping), session.keys("aes-16"), ctypes.c_ulong()
    assert session.C_WrapKey(None, first, second, None, length) == ck.CKR_ARGUMENTS_BAD
    assert session.C_WrapKey(mechanism, first, second, None, None) == ck.CKR_ARGUMENTS_BAD
    for kind in UNKNOWN_MECHANISMS:
        assert wrap(session, Mechanism(kind), first, second)[0] == ck.CKR_MECHANISM_INVALID
    if wrapper in ("AES_GCM", "RSA_PKCS_OAEP"):
        kind = mechanism.struct.mechanism
        assert wrap(session, Mechanism(kind), first, second)[0] in rvs("MECHANISM_PARAM_INVALID ARGUMENTS_BAD")
        assert wrap(session, Mechanism(kind, IV), first, second)[0] in rvs("MECHANISM_PARAM_INVALID ARGUMENTS_BAD")
    if wrapper in ("AES_KEY_WRAP", "AES_KEY_WRAP_KWP"):
        kind = mechanism.struct.mechanism
        assert wrap(session, Mechanism(kind, b"\xa6" * 3), first, second)[0] == ck.CKR_MECHANISM_PARAM_INVALID


def test_wrap_handles(session, wrapper):
    """5.18.3: CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID."""
    mechanism, wrapping, _ = require_wrapping(session, wrapper)
    for handle in NO_HANDLES:
        value, _ = wrap(session, mechanism, handle, session.keys("aes-16"))
        assert value == ck.CKR_WRAPPING_KEY_HANDLE_INVALID
        assert wrap(session, mechanism, session.keys(wrapping), handle)[0] == ck.CKR_KEY_HANDLE_INVALID


def test_wrap_key_type(session, wrapper):
    """5.18.3: CKR_WRAPPING_KEY_TYPE_INCONSISTENT."""
    mechanism, _, _ = require_wrapping(session, wrapper)
    value, _ = wrap(session, mechanism, session.keys("generic-32"), session.keys("aes-16"))
    assert value == ck.CKR_WRAPPING_KEY_TYPE_INCONSISTENT


def test_wrap_permission(session, origin, wrapper):
    """5.18.3: CKA_WRAP of the wrapping key must be CK_TRUE."""
    mechanism, wrapping, _ = require_wrapping(session, wrapper)
    key = session.keys(wrapping, origin, WRAP=False)
    value, _ = wrap(session, mechanism, key, session.keys("aes-16"))
    assert value in rvs("KEY_FUNCTION_NOT_PERMITTED WRAPPING_KEY_TYPE_INCONSISTENT WRAPPING_KEY_HANDLE_INVALID")


def test_wrap_unextractable(session, origin, wrapper):
    """5.18.3: CKR_KEY_UNEXTRACTABLE when CKA_EXTRACTABLE of the key is CK_FALSE; sensitive keys may be wrapped."""
    mechanism, wrapping, _ = require_wrapping(session, wrapper)
    key = session.keys("aes-16", origin, EXTRACTABLE=False)
    assert wrap(session, mechanism, session.keys(wrapping), key)[0] == ck.CKR_KEY_UNEXTRACTABLE
    sensitive = session.keys("aes-16", origin, SENSITIVE=True)
    assert wrap(session, mechanism, session.keys(wrapping), sensitive)[0] == ck.CKR_OK


def test_wrap_a_public_key(session, wrapper):
    """5.18.3: only private and secret keys are wrapped."""
    mechanism, wrapping, _ = require_wrapping(session, wrapper)
    value, _ = wrap(session, mechanism, session.keys(wrapping), session.keys("p256-public"))
    assert value in rvs("KEY_NOT_WRAPPABLE KEY_HANDLE_INVALID KEY_UNEXTRACTABLE")


@pytest.mark.parametrize("name", ["RSA_PKCS_OAEP", "RSA_PKCS"])
def test_wrap_too_long_a_key(session, origin, name):
    """5.18.3: CKR_KEY_SIZE_RANGE when the length is all that is wrong."""
    mechanism, wrapping, _ = require_wrapping(session, name)
    value, _ = wrap(session, mechanism, session.keys(wrapping, origin), session.keys("generic-250"))
    assert value == ck.CKR_KEY_SIZE_RANGE


def test_wrap_with_trusted(session, wrapper):
    """4.9, 4.10: a key with CKA_WRAP_WITH_TRUSTED is wrapped by a key with CKA_TRUSTED only: CKR_KEY_NOT_WRAPPABLE."""
    mechanism, wrapping, _ = require_wrapping(session, wrapper)
    key = session.keys("aes-16", WRAP_WITH_TRUSTED=True)
    assert wrap(session, mechanism, session.keys(wrapping), key)[0] in rvs(
        "KEY_NOT_WRAPPABLE WRAPPING_KEY_HANDLE_INVALID"
    )


# C_UnwrapKey


def test_unwrap_arguments(session, wrapper):
    """5.18.4: CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID."""
    mechanism, _, unwrapping = require_wrapping(session, wrapper)
    key, template, place = session.keys(unwrapping), Template(AES_TEMPLATE).arguments, ctypes.c_ulong()
    with Nothing(session):
        answers = [
            session.C_UnwrapKey(None, key, bytes(24), 24, *template, place),
            session.C_UnwrapKey(mechanism, key, None, 24, *template, place),
            session.C_UnwrapKey(mechanism, key, bytes(24), 24, None, 4, place),
            session.C_UnwrapKey(mechanism, key, bytes(24), 24, *template, None),
        ]
        assert set(answers) == {ck.CKR_ARGUMENTS_BAD}
        for kind in UNKNOWN_MECHANISMS:
            assert unwrap(session, Mechanism(kind), key, bytes(24), AES_TEMPLATE) == ck.CKR_MECHANISM_INVALID


def test_unwrap_handles(session, wrapper):
    """5.18.4: CKR_UNWRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT."""
    mechanism, _, _ = require_wrapping(session, wrapper)
    other = session.keys("generic-32")
    with Nothing(session):
        for handle in NO_HANDLES:
            value = unwrap(session, mechanism, handle, bytes(256), AES_TEMPLATE)
            assert value == ck.CKR_UNWRAPPING_KEY_HANDLE_INVALID
        value = unwrap(session, mechanism, other, bytes(256), AES_TEMPLATE)
        assert value == ck.CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT


def test_unwrap_permission(session, origin, wrapper):
    """5.18.4: CKA_UNWRAP of the unwrapping key must be CK_TRUE."""
    mechanism, _, unwrapping = require_wrapping(session, wrapper)
    key = session.keys(unwrapping, origin, UNWRAP=False)
    with Nothing(session):
        value = unwrap(session, mechanism, key, bytes(256), AES_TEMPLATE)
        assert value in rvs("KEY_FUNCTION_NOT_PERMITTED UNWRAPPING_KEY_TYPE_INCONSISTENT UNWRAPPING_KEY_HANDLE_INVALID")


def test_unwrap_forgeries(session, origin, wrapper):
    """5.18.4: CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE, hard to tell apart (5.1.8, 4)."""
    mechanism, wrapping, unwrapping = require_wrapping(session, wrapper)
    if wrapper == "RSA_PKCS":
        pytest.skip("a PKCS#1 v1.5 decryption must not tell what is wrong")
    wrapped = session.wrap(mechanism, session.keys(wrapping, origin), session.keys("aes-16"))
    forged = wrapped[:3] + bytes([wrapped[3] ^ 1]) + wrapped[4:]
    key = session.keys(unwrapping, origin)
    with Nothing(session):
        for wrong in (forged, wrapped[:-1], wrapped[:-8], wrapped + b"\0", wrapped[:1], b"\0"):
            value = unwrap(session, mechanism, key, wrong, AES_TEMPLATE)
            assert value in rvs("WRAPPED_KEY_INVALID WRAPPED_KEY_LEN_RANGE"), f"{len(wrong)} bytes"


def test_unwrap_template(session, origin, wrapper):
    """5.18.4: CKR_TEMPLATE_INCOMPLETE without class or type; contradictions, read-only attributes; nothing is left."""
    mechanism, wrapping, unwrapping = require_wrapping(session, wrapper)
    wrapped = session.wrap(mechanism, session.keys(wrapping, origin), session.keys("aes-16"))
    key = session.keys(unwrapping, origin)
    rows = [
        ({ck.CKA_KEY_TYPE: ck.CKK_AES}, "TEMPLATE_INCOMPLETE"),
        (SECRET, "TEMPLATE_INCOMPLETE"),
        (AES_TEMPLATE | {ck.CKA_VALUE: bytes(16)}, "ATTRIBUTE_READ_ONLY TEMPLATE_INCONSISTENT"),
        (AES_TEMPLATE | {ck.CKA_LOCAL: True}, "ATTRIBUTE_READ_ONLY TEMPLATE_INCONSISTENT"),
        (AES_TEMPLATE | {ck.CKA_MODULUS: b"1"}, "ATTRIBUTE_TYPE_INVALID TEMPLATE_INCONSISTENT"),
        (AES_TEMPLATE | {ck.CKA_SIGN: b"\1\1"}, "ATTRIBUTE_VALUE_INVALID"),
        (AES_TEMPLATE | {ck.CKA_VENDOR_DEFINED + 0x7777: b"1"}, "ATTRIBUTE_TYPE_INVALID"),
        (AES_TEMPLATE | {ck.CKA_CLASS: ck.CKO_PUBLIC_KEY}, "TEMPLATE_INCONSISTENT ATTRIBUTE_VALUE_INVALID"),
        (AES_TEMPLATE | {ck.CKA_KEY_TYPE: ck.CKK_RSA}, "TEMPLATE_INCONSISTENT ATTRIBUTE_VALUE_INVALID"),
        (
            AES_TEMPLATE | {ck.CKA_KEY_TYPE: ck.CKK_DES3},
            "WRAPPED_KEY_INVALID WRAPPED_KEY_LEN_RANGE TEMPLATE_INCONSISTENT",
        ),
        (
            AES_TEMPLATE | {ck.CKA_VALUE_LEN: 32},
            "WRAPPED_KEY_LEN_RANGE TEMPLATE_INCONSISTENT ATTRIBUTE_READ_ONLY WRAPPED_KEY_INVALID",
        ),
    ]
    with Nothing(session):
        for number_, (template, codes) in enumerate(rows):
            assert unwrap(session, mechanism, key, wrapped, template) in rvs(codes), f"row {number_}"


def test_unwrap_a_length_that_is_none(session, wrapper):
    """5.18.4, 6.10.2: 20 bytes are no AES key."""
    mechanism, wrapping, unwrapping = require_wrapping(session, wrapper)
    value, wrapped = wrap(session, mechanism, session.keys(wrapping), session.keys("generic-24"))
    if value == ck.CKR_OK:
        again = session.unwrap(mechanism, session.keys(unwrapping), wrapped, AES_TEMPLATE)
        assert number(session.get(again, ck.CKA_VALUE_LEN)) == 24
    value, wrapped = wrap(session, mechanism, session.keys(wrapping), session.keys("generic-40"))
    if value == ck.CKR_OK:
        with Nothing(session):
            value = unwrap(session, mechanism, session.keys(unwrapping), wrapped, AES_TEMPLATE)
            assert value in rvs("WRAPPED_KEY_LEN_RANGE WRAPPED_KEY_INVALID TEMPLATE_INCONSISTENT")
