"""Message digesting: PKCS#11 3.2, section 5.12. And what C_GetOperationState can keep of it: 5.6.6 and 5.6.7."""

import hashlib

import cryptoki as ck
import pytest
import scenarios
from cryptoki import Mechanism, rvs
from operations import DIGESTS, TEXT, output_of, size_of

ANSWERS = {
    ck.CKM_SHA_1: hashlib.sha1,
    ck.CKM_SHA224: hashlib.sha224,
    ck.CKM_SHA256: hashlib.sha256,
    ck.CKM_SHA384: hashlib.sha384,
    ck.CKM_SHA512: hashlib.sha512,
    ck.CKM_SHA3_224: hashlib.sha3_224,
    ck.CKM_SHA3_256: hashlib.sha3_256,
    ck.CKM_SHA3_384: hashlib.sha3_384,
    ck.CKM_SHA3_512: hashlib.sha3_512,
}
SHA256 = DIGESTS[1]


@pytest.fixture(params=DIGESTS, ids=str)
def operation(request):
    return request.param


@pytest.mark.parametrize(
    "scenario",
    [
        scenarios.runs,
        scenarios.second_init_is_refused,
        scenarios.ends,
        scenarios.size_query_keeps_it,
        scenarios.small_buffer_keeps_it,
        scenarios.small_buffer_keeps_the_parts,
        scenarios.one_part_does_not_end_many,
        scenarios.null_length_is_refused,
        scenarios.null_data_is_refused,
        scenarios.null_mechanism_cancels,
        scenarios.sessions_do_not_mix,
    ],
    ids=lambda one: one.__name__,
)
def test_life_of_an_operation(session, scenario, operation):
    """5.12.1 to 5.12.5: beginning, asking for the size, ending."""
    operation.require(session)
    scenario(session, operation, "imported")


def test_mechanism_is_checked(session, operation):
    """5.12.1: CKR_MECHANISM_INVALID."""
    operation.require(session)
    scenarios.mechanism_is_checked(session, operation, unfit=ck.CKM_AES_CBC)


def test_without_init(session, operation):
    """5.12.2 to 5.12.5: CKR_OPERATION_NOT_INITIALIZED."""
    scenarios.needs_init(session, operation)
    assert session.C_DigestKey(session.keys("generic-32")) == ck.CKR_OPERATION_NOT_INITIALIZED


def test_a_parameter_is_too_much(session, operation):
    """6.20 to 6.23: the mechanisms have no parameter. To overlook one is allowed, to crash is not."""
    operation.require(session)
    assert session.C_DigestInit(Mechanism(operation.mechanism().struct.mechanism, TEXT)) in rvs(
        "MECHANISM_PARAM_INVALID OK"
    )


@pytest.mark.parametrize("kind", ANSWERS, ids=ck.MECHANISM_NAMES.get)
@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 127, 128, 1000])
def test_the_digest_is_right(session, kind, size):
    """5.12.2, 5.12.5: at once and in parts."""
    if kind not in session.library.mechanisms(session.slot):
        pytest.skip("not here")
    data = bytes(range(256)) * 4
    data = data[:size]
    expected = ANSWERS[kind](data).digest()
    assert session.digest(Mechanism(kind), data) == expected
    assert session.digest(Mechanism(kind), data[:7], b"", data[7:]) == expected


def test_no_part_at_all(session):
    """5.12.1: C_DigestUpdate is called zero or more times."""
    assert session.digest(Mechanism(ck.CKM_SHA256)) == hashlib.sha256().digest()


def test_digesting_needs_no_login(token):
    """5.12: no key is involved."""
    session = token.open(read_write=False)
    assert session.digest(Mechanism(ck.CKM_SHA256), TEXT) == hashlib.sha256(TEXT).digest()


def test_a_secret_key_is_digested(session):
    """5.12.4: the value of a secret key, between parts of data."""
    value = bytes(range(32))
    key = session.create({
        ck.CKA_CLASS: ck.CKO_SECRET_KEY, ck.CKA_KEY_TYPE: ck.CKK_GENERIC_SECRET, ck.CKA_VALUE: value,
        ck.CKA_SENSITIVE: False, ck.CKA_EXTRACTABLE: True,
    })  # fmt: skip
    ck.check(session.C_DigestInit(Mechanism(ck.CKM_SHA256)), "C_DigestInit")
    ck.check(session.C_DigestUpdate(TEXT, len(TEXT)), "C_DigestUpdate")
    assert session.C_DigestKey(key) == ck.CKR_OK
    ck.check(session.C_DigestUpdate(TEXT, len(TEXT)), "C_DigestUpdate")
    value_, digest = output_of(session.C_DigestFinal)
    assert (value_, digest) == (ck.CKR_OK, hashlib.sha256(TEXT + value + TEXT).digest())


@pytest.mark.parametrize("name", ["rsa-private", "rsa-public"])
def test_no_other_key_is_digested(session, name):
    """5.12.4, 5.1.6: CKR_KEY_INDIGESTIBLE for what is no secret key; the operation is over."""
    key = session.keys(name)
    ck.check(session.C_DigestInit(Mechanism(ck.CKM_SHA256)), "C_DigestInit")
    assert session.C_DigestKey(key) in rvs("KEY_INDIGESTIBLE KEY_HANDLE_INVALID")


@pytest.mark.parametrize("handle", [ck.CK_INVALID_HANDLE, scenarios.NO_KEY, ck.UNAVAILABLE])
def test_no_such_key(session, handle):
    """5.12.4: CKR_KEY_HANDLE_INVALID."""
    ck.check(session.C_DigestInit(Mechanism(ck.CKM_SHA256)), "C_DigestInit")
    assert session.C_DigestKey(handle) == ck.CKR_KEY_HANDLE_INVALID


def test_a_generated_key_may_stay_out_of_reach(session):
    """5.12.4: a token may be unable to digest a key that it keeps elsewhere, and says so."""
    key = session.keys("generic-32", "generated")
    ck.check(session.C_DigestInit(Mechanism(ck.CKM_SHA256)), "C_DigestInit")
    assert session.C_DigestKey(key) in rvs("OK KEY_INDIGESTIBLE")


# The state of an operation


def saved(session) -> bytes:
    value, size = size_of(session.C_GetOperationState)
    assert value == ck.CKR_OK
    value, state = output_of(session.C_GetOperationState, room=size)
    assert value == ck.CKR_OK
    return state


def begun(session, data: bytes):
    ck.check(session.C_DigestInit(Mechanism(ck.CKM_SHA256)), "C_DigestInit")
    ck.check(session.C_DigestUpdate(data, len(data)), "C_DigestUpdate")


def require_states(session):
    ck.check(session.C_DigestInit(Mechanism(ck.CKM_SHA256)), "C_DigestInit")
    if size_of(session.C_GetOperationState)[0] == ck.CKR_FUNCTION_NOT_SUPPORTED:
        pytest.skip("the function is not offered")
    renew(session)


def renew(session):
    """Another session without operations; the login stays, because the first is closed last."""
    old, session.handle = session.handle, session.stage.open().handle
    ck.check(session.library.C_CloseSession(old), "C_CloseSession")


def test_state_goes_to_another_session(session):
    """5.6.6, 5.6.7: what was saved in one session goes on in another, and the first is not disturbed."""
    require_states(session)
    begun(session, TEXT[:20])
    state = saved(session)
    other = session.stage.open()
    assert other.C_SetOperationState(state, len(state), 0, 0) == ck.CKR_OK
    for one in (session, other):
        ck.check(one.C_DigestUpdate(TEXT[20:], 28), "C_DigestUpdate")
        assert output_of(one.C_DigestFinal) == (ck.CKR_OK, hashlib.sha256(TEXT).digest())


def test_state_replaces_what_was_active(session):
    """5.6.7: the restored operation takes the place of the session's own."""
    require_states(session)
    begun(session, TEXT)
    state = saved(session)
    ck.check(session.C_DigestUpdate(TEXT, len(TEXT)), "C_DigestUpdate")
    assert session.C_SetOperationState(state, len(state), 0, 0) == ck.CKR_OK
    assert output_of(session.C_DigestFinal) == (ck.CKR_OK, hashlib.sha256(TEXT).digest())


def test_state_needs_an_operation(session):
    """5.6.6: CKR_OPERATION_NOT_INITIALIZED."""
    require_states(session)
    assert output_of(session.C_GetOperationState)[0] == ck.CKR_OPERATION_NOT_INITIALIZED


def test_state_needs_room(session):
    """5.6.6: CKR_BUFFER_TOO_SMALL; CKR_ARGUMENTS_BAD."""
    require_states(session)
    begun(session, TEXT)
    _, size = size_of(session.C_GetOperationState)
    assert output_of(session.C_GetOperationState, room=size - 1)[0] == ck.CKR_BUFFER_TOO_SMALL
    assert session.C_GetOperationState(None, None) == ck.CKR_ARGUMENTS_BAD
    assert saved(session)
    assert output_of(session.C_DigestFinal) == (ck.CKR_OK, hashlib.sha256(TEXT).digest())


def test_a_foreign_state_is_refused(session):
    """5.6.7: CKR_SAVED_STATE_INVALID for anything but a whole, unchanged state."""
    require_states(session)
    begun(session, TEXT)
    state = saved(session)
    renew(session)
    for wrong in (b"\0", bytes(64), state[:-1], state[:1], state + b"\0", bytes([state[0] ^ 1]) + state[1:]):
        value = session.C_SetOperationState(wrong, len(wrong), 0, 0)
        assert value == ck.CKR_SAVED_STATE_INVALID, wrong.hex()
        scenarios.needs_init(session, SHA256)
    assert session.C_SetOperationState(None, 16, 0, 0) == ck.CKR_ARGUMENTS_BAD


def test_a_key_is_too_much(session):
    """5.6.7: CKR_KEY_NOT_NEEDED when a digest's state comes with a key."""
    require_states(session)
    begun(session, TEXT)
    state = saved(session)
    key = session.keys("aes")
    assert session.C_SetOperationState(state, len(state), key, 0) == ck.CKR_KEY_NOT_NEEDED
    assert session.C_SetOperationState(state, len(state), 0, key) == ck.CKR_KEY_NOT_NEEDED


def test_some_states_cannot_be_kept(session):
    """5.6.6: CKR_STATE_UNSAVEABLE, for an operation with a key and for very much data; the operation goes on."""
    require_states(session)
    ck.check(session.C_EncryptInit(Mechanism(ck.CKM_AES_CBC_PAD, bytes(16)), session.keys("aes")), "C_EncryptInit")
    assert output_of(session.C_GetOperationState)[0] in rvs("STATE_UNSAVEABLE OK")
    assert output_of(session.C_Encrypt, TEXT, len(TEXT))[0] == ck.CKR_OK
    large = bytes(1 << 20)
    begun(session, large)
    assert size_of(session.C_GetOperationState)[0] in rvs("STATE_UNSAVEABLE OK")
    assert output_of(session.C_DigestFinal) == (ck.CKR_OK, hashlib.sha256(large).digest())
