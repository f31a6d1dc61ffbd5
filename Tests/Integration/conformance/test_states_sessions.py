"""Sessions and logins: PKCS#11 3.2, section 5.6. C_GetOperationState is in test_states_digests.py."""

import ctypes

import cryptoki as ck
import pytest
import scenarios
from cryptoki import Mechanism, rvs
from operations import DIGESTS, EVERYTHING
from return_values import has_session
from scenarios import plausible

NO_SESSION = 0x7FFF_FFF5
WITH_SESSION = [name for name in ck.FUNCTIONS_3_0 if has_session(name)]
PARALLEL = {"C_GetFunctionStatus", "C_CancelFunction"}


@pytest.mark.parametrize("name", WITH_SESSION)
def test_no_such_session(token, name):
    """5.1.2: CKR_SESSION_HANDLE_INVALID, before any other code of section 5.1.6: zero, unknown and closed handles."""
    library = token.library
    if name not in ck.FUNCTIONS_2_40 and not library.is_3_0:
        pytest.skip("no function list of 3.0")
    closed = token.open()
    token.open()
    closed.close()
    allowed = rvs("SESSION_HANDLE_INVALID FUNCTION_NOT_SUPPORTED")
    allowed |= rvs("FUNCTION_NOT_PARALLEL") if name in PARALLEL else set()
    for handle in (ck.CK_INVALID_HANDLE, NO_SESSION, closed.handle, ck.UNAVAILABLE):
        assert getattr(library, name)(handle, *plausible(name)[1:]) in allowed, f"handle {handle:#x}"


def test_open_session(token):
    """5.6.1: the legacy flag is needed; there must be a place for the handle; handles differ and are never 0."""
    library, handle = token.library, ctypes.c_ulong()
    for flags in (0, ck.CKF_RW_SESSION):
        value = library.C_OpenSession(token.slot, flags, None, None, handle)
        assert value == ck.CKR_SESSION_PARALLEL_NOT_SUPPORTED
    assert library.C_OpenSession(token.slot, ck.CKF_SERIAL_SESSION, None, None, None) == ck.CKR_ARGUMENTS_BAD
    handles = {token.open(read_write=False).handle for _ in range(20)}
    assert len(handles) == 20 and ck.CK_INVALID_HANDLE not in handles


def test_session_info(token):
    """5.6.4, table 6: the state follows the kind of session and the login, for every session of the application."""
    reading, writing = token.open(read_write=False), token.open()
    assert reading.C_GetSessionInfo(None) == ck.CKR_ARGUMENTS_BAD

    def states():
        infos = ck.CK_SESSION_INFO(), ck.CK_SESSION_INFO()
        for one, info in zip((reading, writing), infos):
            ck.check(one.C_GetSessionInfo(info), "C_GetSessionInfo")
            assert info.slotID == token.slot
        assert infos[0].flags == ck.CKF_SERIAL_SESSION
        assert infos[1].flags == ck.CKF_SERIAL_SESSION | ck.CKF_RW_SESSION
        return [info.state for info in infos]

    public, user = (
        [ck.CKS_RO_PUBLIC_SESSION, ck.CKS_RW_PUBLIC_SESSION],
        [ck.CKS_RO_USER_FUNCTIONS, ck.CKS_RW_USER_FUNCTIONS],
    )
    assert states() == public
    reading.login(token.pin)
    assert states() == user
    ck.check(writing.C_Logout(), "C_Logout")
    assert states() == public


def test_close_session(token):
    """5.6.2: once. The session's objects and operations go with it."""
    session, other = token.open(), token.open()
    session.login(token.pin)
    session.create({ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_LABEL: "going", ck.CKA_VALUE: b"1"})
    assert len(other.find({ck.CKA_LABEL: "going"})) == 1
    ck.check(session.C_DigestInit(Mechanism(ck.CKM_SHA256)), "C_DigestInit")
    assert session.C_CloseSession() == ck.CKR_OK
    assert session.C_CloseSession() == ck.CKR_SESSION_HANDLE_INVALID
    assert other.find({ck.CKA_LABEL: "going"}) == []


def test_the_last_session_logs_out(token):
    """5.6.2, 5.6.3: closing the last session ends the login."""
    for close in ("one by one", "at once"):
        first, second = token.open(), token.open()
        first.login(token.pin)
        if close == "at once":
            assert token.library.C_CloseAllSessions(token.slot) == ck.CKR_OK
        else:
            first.close()
            assert second.C_Login(ck.CKU_USER, token.pin, len(token.pin)) == ck.CKR_USER_ALREADY_LOGGED_IN
            second.close()
        again = token.open()
        assert again.C_Logout() == ck.CKR_USER_NOT_LOGGED_IN
        again.close()


def test_close_all_sessions(token):
    """5.6.3: every session is gone; none to close is no error."""
    sessions = [token.open(), token.open(read_write=False)]
    assert token.library.C_CloseAllSessions(token.slot) == ck.CKR_OK
    for one in sessions:
        assert one.C_GetSessionInfo(ck.CK_SESSION_INFO()) == ck.CKR_SESSION_HANDLE_INVALID
    assert token.library.C_CloseAllSessions(token.slot) == ck.CKR_OK


# Logins


def test_login(token):
    """5.6.8: CKR_PIN_INCORRECT, CKR_USER_ALREADY_LOGGED_IN, CKR_USER_TYPE_INVALID, CKR_ARGUMENTS_BAD; 5.6.10."""
    session, pin = token.open(), token.pin
    assert session.C_Logout() == ck.CKR_USER_NOT_LOGGED_IN
    assert session.C_Login(ck.CKU_USER, b"wrong", 5) == ck.CKR_PIN_INCORRECT
    assert session.C_Logout() == ck.CKR_USER_NOT_LOGGED_IN
    assert session.C_Login(99, pin, len(pin)) == ck.CKR_USER_TYPE_INVALID
    assert session.C_Login(ck.UNAVAILABLE, pin, len(pin)) == ck.CKR_USER_TYPE_INVALID
    assert session.C_Login(ck.CKU_USER, None, 8) == ck.CKR_ARGUMENTS_BAD
    assert session.C_Login(ck.CKU_USER, pin, len(pin)) == ck.CKR_OK
    other = token.open(read_write=False)
    for one in (session, other):
        assert one.C_Login(ck.CKU_USER, pin, len(pin)) == ck.CKR_USER_ALREADY_LOGGED_IN
    assert other.C_Logout() == ck.CKR_OK
    assert session.C_Logout() == ck.CKR_USER_NOT_LOGGED_IN
    assert session.C_Login(ck.CKU_USER, pin, len(pin)) == ck.CKR_OK


@pytest.mark.parametrize(
    "change", [lambda pin: pin[:-1], lambda pin: pin + b"0", lambda pin: b"", lambda pin: pin[::-1]]
)
def test_another_pin(token, change):
    """5.6.8: nothing but the PIN logs in."""
    pin = change(token.pin)
    value = token.open().C_Login(ck.CKU_USER, ctypes.create_string_buffer(pin, max(1, len(pin))), len(pin))
    assert value in rvs("PIN_INCORRECT ARGUMENTS_BAD")


def test_null_pin(token):
    """5.6.8: a null PIN is for a token with a protected authentication path."""
    is_protected = token.library.token_info(token.slot).flags & ck.CKF_PROTECTED_AUTHENTICATION_PATH
    value = token.open().C_Login(ck.CKU_USER, None, 0)
    assert value in (rvs("OK") if is_protected else rvs("ARGUMENTS_BAD PIN_INCORRECT"))


def test_there_is_no_security_officer(token):
    """5.6.8: a KMS has none to log in here: CKR_USER_TYPE_INVALID."""
    pin = token.pin
    assert token.open().C_Login(ck.CKU_SO, pin, len(pin)) == ck.CKR_USER_TYPE_INVALID


def test_login_user(token):
    """5.6.9: as C_Login, with a user name; one that the token does not know does not log in."""
    if not token.library.is_3_0:
        pytest.skip("no function list of 3.0")
    session, pin = token.open(), token.pin
    assert session.C_LoginUser(ck.CKU_USER, b"wrong", 5, None, 0) in rvs("PIN_INCORRECT FUNCTION_NOT_SUPPORTED")
    assert session.C_LoginUser(99, pin, len(pin), None, 0) in rvs("USER_TYPE_INVALID FUNCTION_NOT_SUPPORTED")
    assert session.C_LoginUser(ck.CKU_USER, pin, len(pin), None, 5) in rvs("ARGUMENTS_BAD FUNCTION_NOT_SUPPORTED")
    value = session.C_LoginUser(ck.CKU_USER, pin, len(pin), None, 0)
    if value != ck.CKR_FUNCTION_NOT_SUPPORTED:
        assert value == ck.CKR_OK
        assert session.C_LoginUser(ck.CKU_USER, pin, len(pin), None, 0) == ck.CKR_USER_ALREADY_LOGGED_IN


def test_logout_hides_private_objects(session):
    """5.6.10: handles of private objects are invalid, private session objects are destroyed, public ones stay."""
    private = session.create({ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_PRIVATE: True, ck.CKA_LABEL: "logout"})
    public = session.create({ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_PRIVATE: False, ck.CKA_LABEL: "logout"})
    assert sorted(session.find({ck.CKA_LABEL: "logout"})) == sorted([private, public])
    ck.check(session.C_Logout(), "C_Logout")
    assert session.find({ck.CKA_LABEL: "logout"}) == [public]
    assert session.query(private, ck.CKA_LABEL)[0] == ck.CKR_OBJECT_HANDLE_INVALID
    session.login(session.stage.pin)
    assert session.find({ck.CKA_LABEL: "logout"}) == [public]
    assert session.query(private, ck.CKA_LABEL)[0] == ck.CKR_OBJECT_HANDLE_INVALID


def test_nobody_makes_private_objects_without_login(token):
    """5.7.1, 5.18.1: CKR_USER_NOT_LOGGED_IN."""
    session, handle = token.open(), ctypes.c_ulong()
    attributes = {ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_PRIVATE: True}
    assert session.C_CreateObject(*ck.Template(attributes).arguments, handle) == ck.CKR_USER_NOT_LOGGED_IN
    template = ck.Template({ck.CKA_VALUE_LEN: 16, ck.CKA_PRIVATE: True, ck.CKA_TOKEN: True})
    value = session.C_GenerateKey(Mechanism(ck.CKM_AES_KEY_GEN), *template.arguments, handle)
    assert value == ck.CKR_USER_NOT_LOGGED_IN
    pair = ck.Template({ck.CKA_EC_PARAMS: bytes.fromhex("06082a8648ce3d030107")}).arguments
    private = ck.Template({ck.CKA_PRIVATE: True}).arguments
    handles = ctypes.c_ulong(), ctypes.c_ulong()
    value = session.C_GenerateKeyPair(Mechanism(ck.CKM_EC_KEY_PAIR_GEN), *pair, *private, *handles)
    assert value == ck.CKR_USER_NOT_LOGGED_IN


# Read-only sessions


@pytest.mark.parametrize("what", ["create", "generate", "pair", "copy", "destroy", "set", "unwrap", "derive"])
def test_read_only_session(session, what):
    """5.6, table 7: CKR_SESSION_READ_ONLY for whatever would change a token object; session objects are free."""
    reading, handle, pair = session.stage.open(read_write=False), ctypes.c_ulong(), ctypes.c_ulong()
    on_token = {ck.CKA_TOKEN: True}
    before = session.stage.objects_on_token()
    lasting = None
    if what in ("destroy", "set"):
        lasting = session.create({ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_LABEL: "read-only", ck.CKA_VALUE: b"1"} | on_token)
        before += 1
    aes = session.keys("aes")
    wrapped = bytes(24)
    answers = {
        "create": lambda: reading.C_CreateObject(
            *ck.Template({ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_VALUE: b"1"} | on_token).arguments, handle
        ),
        "generate": lambda: reading.C_GenerateKey(
            Mechanism(ck.CKM_AES_KEY_GEN), *ck.Template({ck.CKA_VALUE_LEN: 16} | on_token).arguments, handle
        ),
        "pair": lambda: reading.C_GenerateKeyPair(
            Mechanism(ck.CKM_EC_KEY_PAIR_GEN),
            *ck.Template({ck.CKA_EC_PARAMS: bytes.fromhex("06082a8648ce3d030107")}).arguments,
            *ck.Template(on_token).arguments,
            handle,
            pair,
        ),
        "copy": lambda: reading.C_CopyObject(aes, *ck.Template(on_token).arguments, handle),
        "destroy": lambda: reading.C_DestroyObject(lasting),
        "set": lambda: reading.C_SetAttributeValue(lasting, *ck.Template({ck.CKA_LABEL: "other"}).arguments),
        "unwrap": lambda: reading.C_UnwrapKey(
            Mechanism(ck.CKM_AES_KEY_WRAP), aes, wrapped, len(wrapped),
            *ck.Template({ck.CKA_CLASS: ck.CKO_SECRET_KEY, ck.CKA_KEY_TYPE: ck.CKK_AES} | on_token).arguments, handle,
        ),
        "derive": lambda: reading.C_DeriveKey(
            scenarios.ecdh(session.keys("p256-public"), reading), session.keys("p256-private"),
            *ck.Template({
                ck.CKA_CLASS: ck.CKO_SECRET_KEY, ck.CKA_KEY_TYPE: ck.CKK_GENERIC_SECRET, ck.CKA_VALUE_LEN: 32,
            } | on_token).arguments, handle,
        ),
    }  # fmt: skip
    try:
        assert answers[what]() == ck.CKR_SESSION_READ_ONLY
        assert session.stage.objects_on_token() == before
        assert reading.create({ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_VALUE: b"1"})
    finally:
        if lasting:
            session.destroy(lasting)


# Cancelling


FLAGS = {
    "Encrypt": ck.CKF_ENCRYPT, "Decrypt": ck.CKF_DECRYPT, "Digest": ck.CKF_DIGEST, "Sign": ck.CKF_SIGN,
    "Verify": ck.CKF_VERIFY, "SignRecover": ck.CKF_SIGN_RECOVER, "VerifyRecover": ck.CKF_VERIFY_RECOVER,
}  # fmt: skip
ONE_OF_EACH = list({one.verb: one for one in EVERYTHING}.values())


@pytest.mark.parametrize("operation", ONE_OF_EACH, ids=str)
def test_session_cancel(session, operation):
    """5.6.5: ends the operations that the flags name, and no other; none to end is no error."""
    if not session.library.is_3_0:
        pytest.skip("no function list of 3.0")
    operation.require(session)
    assert session.C_SessionCancel(FLAGS[operation.verb]) == ck.CKR_OK
    assert operation.start(session) == ck.CKR_OK
    others = [flag for verb, flag in FLAGS.items() if verb != operation.verb]
    assert session.C_SessionCancel(sum(others)) == ck.CKR_OK
    assert operation.start(session) == ck.CKR_OPERATION_ACTIVE
    assert session.C_SessionCancel(FLAGS[operation.verb]) == ck.CKR_OK
    scenarios.needs_init(session, operation)
    assert operation.start(session) == ck.CKR_OK


def test_cancel_a_search(session):
    """5.6.5: a search is an operation too."""
    if not session.library.is_3_0:
        pytest.skip("no function list of 3.0")
    ck.check(session.C_FindObjectsInit(None, 0), "C_FindObjectsInit")
    assert session.C_SessionCancel(ck.CKF_FIND_OBJECTS) == ck.CKR_OK
    assert session.C_FindObjectsFinal() == ck.CKR_OPERATION_NOT_INITIALIZED


def test_operations_end_with_their_session(token):
    """5.6.2: a new session begins without operations, even when it gets the same handle."""
    session = token.open()
    for _ in range(3):
        ck.check(session.C_DigestInit(Mechanism(ck.CKM_SHA256)), "C_DigestInit")
        session.close()
        session = token.open()
        scenarios.needs_init(session, DIGESTS[1])
