"""Signatures and MACs, making and verifying: PKCS#11 3.2, sections 5.13 and 5.15."""

import cryptoki as ck
import pytest
import scenarios
from cryptoki import Mechanism, rvs
from operations import SIGN, SIGN_RECOVER, TEXT, VERIFY, VERIFY_RECOVER, output_of, pss, size_of

ORIGINS = ["imported", "generated"]
RECOVERING = SIGN_RECOVER + VERIFY_RECOVER
ALL = SIGN + VERIFY + RECOVERING
WITH_OUTPUT = SIGN + RECOVERING
MULTIPART = [one for one in SIGN + VERIFY if one.is_multipart]
PAIRS = [one for one in ALL if "-" in one.key and not one.key.startswith("generic")]
SECRETS = [one for one in ALL if one not in PAIRS]


def by_id(name: str):
    return next(one for one in ALL if one.id == name)


@pytest.fixture(params=ALL, ids=str)
def operation(request):
    return request.param


@pytest.fixture(params=ORIGINS)
def origin(request):
    return request.param


@pytest.mark.parametrize(
    "scenario",
    [
        scenarios.runs,
        scenarios.second_init_is_refused,
        scenarios.ends,
        scenarios.null_data_is_refused,
        scenarios.null_mechanism_cancels,
        scenarios.sessions_do_not_mix,
    ],
    ids=lambda one: one.__name__,
)
def test_life_of_an_operation(session, scenario, operation, origin):
    """5.13.1, 5.13.2, 5.13.5, 5.13.6, 5.15.1, 5.15.2, 5.15.5, 5.15.6: beginning and ending."""
    operation.require(session)
    scenario(session, operation, origin)


@pytest.mark.parametrize("operation", WITH_OUTPUT, ids=str)
@pytest.mark.parametrize(
    "scenario",
    [scenarios.size_query_keeps_it, scenarios.small_buffer_keeps_it, scenarios.null_length_is_refused],
    ids=lambda one: one.__name__,
)
def test_output(session, scenario, operation, origin):
    """5.13.2, 5.13.6, 5.15.6, by the convention of 5.2."""
    operation.require(session)
    scenario(session, operation, origin)


@pytest.mark.parametrize("operation", [one for one in MULTIPART if one.verb == "Sign"], ids=str)
def test_output_of_parts(session, operation, origin):
    """5.13.3, 5.13.4."""
    operation.require(session)
    scenarios.small_buffer_keeps_the_parts(session, operation, origin)


@pytest.mark.parametrize("operation", MULTIPART, ids=str)
def test_one_part_does_not_end_many(session, operation, origin):
    """5.13.2, 5.15.2."""
    operation.require(session)
    scenarios.one_part_does_not_end_many(session, operation, origin)


@pytest.mark.parametrize(
    "scenario", [scenarios.key_handle_is_checked, scenarios.key_type_is_checked], ids=lambda one: one.__name__
)
def test_keys_are_checked(session, scenario, operation):
    """5.13.1, 5.13.5, 5.15.1, 5.15.5: CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT."""
    operation.require(session)
    scenario(session, operation)


@pytest.mark.parametrize("operation", PAIRS, ids=str)
def test_key_class_is_checked(session, operation):
    """5.13.1, 5.15.1: a public key does not sign, a private key does not verify."""
    operation.require(session)
    scenarios.key_class_is_checked(session, operation)


def test_permission_is_checked(session, operation, origin):
    """5.13.1, 5.13.5, 5.15.1, 5.15.5: CKA_SIGN, CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER must be CK_TRUE."""
    operation.require(session)
    flag = {"SignRecover": "SIGN_RECOVER", "VerifyRecover": "VERIFY_RECOVER"}.get(
        operation.verb, operation.verb.upper()
    )
    scenarios.permission_is_checked(session, operation, origin, flag)


def test_mechanism_is_checked(session, operation):
    """5.13.1, 5.13.5, 5.15.1, 5.15.5: CKR_MECHANISM_INVALID."""
    operation.require(session)
    scenarios.mechanism_is_checked(session, operation, unfit=ck.CKM_AES_CBC)


def test_without_init(session, operation):
    """5.13.2 to 5.13.6, 5.15.2 to 5.15.6: CKR_OPERATION_NOT_INITIALIZED."""
    scenarios.needs_init(session, operation)


@pytest.mark.parametrize("operation", [one for one in SIGN + SIGN_RECOVER if "private" in one.key], ids=str)
def test_logout_takes_the_key(session, operation, origin):
    """5.6.10: after C_Logout every handle of a private object is invalid."""
    operation.require(session)
    scenarios.logout_takes_the_key(session, operation, origin)


@pytest.mark.parametrize("operation", [one for one in SIGN if not one.is_multipart], ids=str)
def test_parts_of_a_single_part_mechanism(session, operation):
    """6.1, table 1, note 1: the mechanism works in a single part only. A token that collects the parts does more."""
    operation.require(session)
    assert operation.start(session) == ck.CKR_OK
    value = session.C_SignUpdate(operation.data, len(operation.data))
    assert value in rvs("OPERATION_NOT_INITIALIZED FUNCTION_FAILED FUNCTION_NOT_SUPPORTED OK")
    if value == ck.CKR_OK:
        assert output_of(session.C_SignFinal)[0] == ck.CKR_OK


# Signatures that are none


@pytest.mark.parametrize("operation", VERIFY, ids=str)
@pytest.mark.parametrize("in_parts", [False, True], ids=["at-once", "in-parts"])
def test_forged_signature(session, operation, origin, in_parts):
    """5.15.2, 5.15.4: CKR_SIGNATURE_INVALID for a changed signature and for changed data; the operation is over."""
    operation.require(session)
    if in_parts and not operation.is_multipart:
        pytest.skip("single part only")
    signature = operation.signature(session, origin)
    forged = signature[:10] + bytes([signature[10] ^ 1]) + signature[11:]
    other = bytes([operation.data[0] ^ 1]) + operation.data[1:]
    key = operation.handle(session, origin)
    for data, candidate in ((operation.data, forged), (other, signature), (operation.data, bytes(len(signature)))):
        parts = (data[:5], data[5:]) if in_parts else (data,)
        value = session.verify(operation.mechanism(), key, candidate, *parts)
        # Changed data may be no DigestInfo any more.
        assert value in (rvs("SIGNATURE_INVALID DATA_INVALID") if data == other else rvs("SIGNATURE_INVALID"))
        scenarios.needs_init(session, operation)


@pytest.mark.parametrize("operation", VERIFY, ids=str)
@pytest.mark.parametrize("change", [-1, 1, None], ids=["short", "long", "empty"])
def test_signature_length(session, operation, origin, change):
    """5.15.2: CKR_SIGNATURE_LEN_RANGE; it comes before CKR_SIGNATURE_INVALID. The operation is over."""
    operation.require(session)
    signature = operation.signature(session, origin)
    wrong = b"" if change is None else (signature + b"\0")[: len(signature) + change]
    value = session.verify(operation.mechanism(), operation.handle(session, origin), wrong, operation.data)
    # An ECDSA signature of another length may be told by 5.15.2 either way: its length depends on the curve only.
    assert value == ck.CKR_SIGNATURE_LEN_RANGE
    scenarios.needs_init(session, operation)


@pytest.mark.parametrize("name", ["Verify-SHA256_RSA_PKCS", "Verify-SHA256_HMAC"])
def test_signature_length_in_parts(session, origin, name):
    """5.15.4: the same at the end of parts."""
    operation = by_id(name)
    operation.require(session)
    signature = operation.signature(session, origin)
    key = operation.handle(session, origin)
    value = session.verify(operation.mechanism(), key, signature[:-1], operation.data[:9], operation.data[9:])
    assert value == ck.CKR_SIGNATURE_LEN_RANGE
    scenarios.needs_init(session, operation)


@pytest.mark.parametrize("operation", VERIFY, ids=str)
def test_null_signature_is_refused(session, operation):
    """5.15.2: CKR_ARGUMENTS_BAD for a null pointer to a signature that has a length."""
    operation.require(session)
    assert operation.start(session) == ck.CKR_OK
    assert session.C_Verify(operation.data, len(operation.data), None, 256) == ck.CKR_ARGUMENTS_BAD
    scenarios.needs_init(session, operation)


def test_recovery_of_a_forgery(session, origin):
    """5.15.6: CKR_SIGNATURE_INVALID and CKR_SIGNATURE_LEN_RANGE come before CKR_BUFFER_TOO_SMALL."""
    operation = VERIFY_RECOVER[0]
    operation.require(session)
    signature = operation.input(session, origin)
    forged = signature[:20] + bytes([signature[20] ^ 1]) + signature[21:]
    for wrong, code in ((forged, "SIGNATURE_INVALID"), (signature[:-1], "SIGNATURE_LEN_RANGE")):
        assert operation.start(session, origin) == ck.CKR_OK
        assert output_of(session.C_VerifyRecover, wrong, len(wrong), room=1)[0] == ck.rv(code)
        scenarios.needs_init(session, operation)


def test_data_that_are_too_long(session, origin):
    """6.1.6, 5.13.2: CKM_RSA_PKCS signs at most k - 11 bytes: CKR_DATA_LEN_RANGE, and the operation is over."""
    operation = by_id("Sign-RSA_PKCS")
    operation.require(session)
    for length in (256 - 10, 256, 257):
        assert operation.start(session, origin) == ck.CKR_OK
        assert output_of(session.C_Sign, bytes(length), length)[0] == ck.CKR_DATA_LEN_RANGE
        scenarios.needs_init(session, operation)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_pss_takes_digests_only(session, origin, length):
    """6.1.10: the input of CKM_RSA_PKCS_PSS is as long as the hash that its parameter names."""
    operation = by_id("Sign-RSA_PKCS_PSS")
    operation.require(session)
    assert operation.start(session, origin) == ck.CKR_OK
    assert output_of(session.C_Sign, bytes(length), length)[0] == ck.CKR_DATA_LEN_RANGE
    scenarios.needs_init(session, operation)


LOOSE = {
    "RSA_PKCS_PSS": lambda: [
        Mechanism(ck.CKM_RSA_PKCS_PSS),
        Mechanism(ck.CKM_RSA_PKCS_PSS, bytes(8)),
        Mechanism(ck.CKM_RSA_PKCS_PSS, bytes(25)),
        pss(hash_=ck.CKM_AES_CBC),
        pss(hash_=0),
        pss(mgf=0),
        pss(mgf=0x99),
        pss(salt=256 - 32 - 1),
        pss(salt=ck.UNAVAILABLE),
    ],
    "SHA256_RSA_PKCS_PSS": lambda: [
        Mechanism(ck.CKM_SHA256_RSA_PKCS_PSS),
        pss(ck.CKM_SHA256_RSA_PKCS_PSS, hash_=ck.CKM_SHA384),
        pss(ck.CKM_SHA256_RSA_PKCS_PSS, salt=1 << 40),
    ],
    "EDDSA": lambda: [Mechanism(ck.CKM_EDDSA, bytes(3))],
}


@pytest.mark.parametrize("operation", [one for one in SIGN + VERIFY if one.id.split("-")[1] in LOOSE], ids=str)
def test_parameters_are_checked(session, operation):
    """6.1.10, 6.1.12, 6.3.15: CKR_MECHANISM_PARAM_INVALID."""
    operation.require(session)
    scenarios.parameters_are_checked(session, operation, LOOSE[operation.id.split("-")[1]]())


@pytest.mark.parametrize("name", ["SHA256_HMAC", "AES_CMAC"])
def test_mac_of_any_length(session, origin, name):
    """6.16, 6.22: the _GENERAL form cuts the MAC to the length that its parameter tells in bytes."""
    general = ck.CONSTANTS[f"CKM_{name}_GENERAL"]
    if general not in session.library.mechanisms(session.slot):
        pytest.skip("not here")
    operation = by_id(f"Sign-{name}")
    key = operation.handle(session, origin)
    whole = session.sign(operation.mechanism(), key, TEXT)
    for length in (1, 4, len(whole)):
        mac = session.sign(Mechanism(general, length), key, TEXT)
        assert mac == whole[:length]
        assert session.verify(Mechanism(general, length), key, mac, TEXT) == ck.CKR_OK
        assert session.verify(Mechanism(general, length), key, mac + b"\0", TEXT) == ck.CKR_SIGNATURE_LEN_RANGE
    wrong = [Mechanism(general), Mechanism(general, len(whole) + 1), Mechanism(general, b"\4")]
    for mechanism in wrong:
        assert session.C_SignInit(mechanism, key) == ck.CKR_MECHANISM_PARAM_INVALID
        scenarios.needs_init(session, operation)


@pytest.mark.parametrize("operation", SIGN, ids=str)
def test_signature_of_nothing(session, operation, origin):
    """5.2: a length of 0 is a length."""
    operation.require(session)
    if operation.id in ("Sign-RSA_PKCS", "Sign-RSA_PKCS_PSS", "Sign-ECDSA"):
        pytest.skip("takes a digest")
    key = operation.handle(session, origin)
    assert session.C_SignInit(operation.mechanism(), key) == ck.CKR_OK
    value, signature = output_of(session.C_Sign, None, 0)
    assert value == ck.CKR_OK
    verifying = next(one for one in VERIFY if one.source == operation)
    public = verifying.handle(session, origin)
    assert session.verify(operation.mechanism(), public, signature, b"") == ck.CKR_OK
    assert session.verify(operation.mechanism(), public, signature, b"\0") == ck.CKR_SIGNATURE_INVALID


@pytest.mark.parametrize("operation", SIGN, ids=str)
def test_size_is_told_exactly(session, operation, origin):
    """5.2, 6: a signature's length follows from key and mechanism; ECDSA's is twice the order's."""
    operation.require(session)
    lengths = {"p256-private": 64, "ed25519-private": 64, "rsa-private": 256, "generic-32": 32, "aes": 16}
    assert operation.start(session, origin) == ck.CKR_OK
    assert size_of(session.C_Sign, operation.data, len(operation.data)) == (ck.CKR_OK, lengths[operation.key])


def test_always_authenticate_needs_a_login_each_time(session):
    """5.6.8, 4.9: a key with CKA_ALWAYS_AUTHENTICATE needs C_Login with CKU_CONTEXT_SPECIFIC after C_SignInit. A token
    that has no such keys refuses the attribute.
    """
    try:
        key = session.keys("rsa-private", ALWAYS_AUTHENTICATE=True, PRIVATE=True)
    except ck.Refused as refused:
        assert refused.value in rvs("ATTRIBUTE_VALUE_INVALID TEMPLATE_INCONSISTENT ATTRIBUTE_READ_ONLY")
        return
    operation = by_id("Sign-SHA256_RSA_PKCS")
    assert session.C_SignInit(operation.mechanism(), key) == ck.CKR_OK
    assert output_of(session.C_Sign, TEXT, len(TEXT))[0] == ck.CKR_USER_NOT_LOGGED_IN
    assert session.C_SignInit(operation.mechanism(), key) == ck.CKR_OK
    pin = session.stage.pin
    assert session.C_Login(ck.CKU_CONTEXT_SPECIFIC, pin, len(pin)) == ck.CKR_OK
    assert output_of(session.C_Sign, TEXT, len(TEXT))[0] == ck.CKR_OK


def test_context_specific_login_needs_an_operation(session):
    """5.6.8: CKR_OPERATION_NOT_INITIALIZED without one."""
    pin = session.stage.pin
    assert session.C_Login(ck.CKU_CONTEXT_SPECIFIC, pin, len(pin)) == ck.CKR_OPERATION_NOT_INITIALIZED
