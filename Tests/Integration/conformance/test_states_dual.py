"""Two operations at once: PKCS#11 3.2, section 5.17."""

import cryptoki as ck
import pytest
from cryptoki import Mechanism, rvs
from operations import IV, TEXT, output_of, size_of

CBC = Mechanism(ck.CKM_AES_CBC, IV)
SHA = Mechanism(ck.CKM_SHA256)
HMAC = Mechanism(ck.CKM_SHA256_HMAC)
FUNCTIONS = ["C_DigestEncryptUpdate", "C_DecryptDigestUpdate", "C_SignEncryptUpdate", "C_DecryptVerifyUpdate"]


@pytest.fixture(params=["imported", "generated"])
def origin(request):
    return request.param


def require_dual(session):
    if not session.library.token_info(session.slot).flags & ck.CKF_DUAL_CRYPTO_OPERATIONS:
        pytest.skip("CKF_DUAL_CRYPTO_OPERATIONS is not set")


def test_dual_operations_are_offered(token):
    """3.2: CKF_DUAL_CRYPTO_OPERATIONS."""
    assert token.library.token_info(token.slot).flags & ck.CKF_DUAL_CRYPTO_OPERATIONS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_without_init(session, function):
    """5.17: CKR_OPERATION_NOT_INITIALIZED when none is active."""
    value, _ = output_of(getattr(session, function), TEXT, len(TEXT))
    assert value in rvs("OPERATION_NOT_INITIALIZED FUNCTION_NOT_SUPPORTED")


def begin(session, function: str, half: str, keys: dict):
    """Starts the operations that the function needs, or only one half of them."""
    starts = {
        "C_DigestEncryptUpdate": (lambda: session.C_DigestInit(SHA), lambda: session.C_EncryptInit(CBC, keys["aes"])),
        "C_DecryptDigestUpdate": (lambda: session.C_DigestInit(SHA), lambda: session.C_DecryptInit(CBC, keys["aes"])),
        "C_SignEncryptUpdate": (
            lambda: session.C_SignInit(HMAC, keys["mac"]),
            lambda: session.C_EncryptInit(CBC, keys["aes"]),
        ),
        "C_DecryptVerifyUpdate": (
            lambda: session.C_VerifyInit(HMAC, keys["mac"]),
            lambda: session.C_DecryptInit(CBC, keys["aes"]),
        ),
    }[function]
    for name, start in zip(("first", "second"), starts):
        if half in (name, "both"):
            ck.check(start(), function)


@pytest.mark.parametrize("half", ["first", "second"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_operation_is_not_enough(session, function, half):
    """5.17: both operations must be active."""
    require_dual(session)
    begin(session, function, half, {"aes": session.keys("aes"), "mac": session.keys("generic-32")})
    assert output_of(getattr(session, function), TEXT, len(TEXT))[0] == ck.CKR_OPERATION_NOT_INITIALIZED


@pytest.mark.parametrize("function", FUNCTIONS)
def test_arguments(session, function):
    """5.17: CKR_ARGUMENTS_BAD."""
    require_dual(session)
    begin(session, function, "both", {"aes": session.keys("aes"), "mac": session.keys("generic-32")})
    buffer = ck.ctypes.create_string_buffer(64)
    assert getattr(session, function)(TEXT, len(TEXT), buffer, None) == ck.CKR_ARGUMENTS_BAD


@pytest.mark.parametrize("function", FUNCTIONS)
def test_both_get_the_same_data(session, origin, function):
    """5.17.1 to 5.17.4: as if each operation had got the part; a small buffer or a size query takes nothing."""
    require_dual(session)
    keys = {"aes": session.keys("aes", origin), "mac": session.keys("generic-32", origin)}
    digest = session.digest(SHA, TEXT)
    mac = session.sign(HMAC, keys["mac"], TEXT)
    ciphertext = session.encrypt(CBC, keys["aes"], TEXT)
    begin(session, function, "both", keys)
    source, expected = (TEXT, ciphertext) if "Encrypt" in function else (ciphertext, TEXT)
    call, whole = getattr(session, function), b""
    for part in (source[:5], source[5:40], source[40:]):
        value, size = size_of(call, part, len(part))
        assert value == ck.CKR_OK
        if size:
            value, output = output_of(call, part, len(part), room=0)
            assert value in rvs("BUFFER_TOO_SMALL OK")
        if not size or value == ck.CKR_BUFFER_TOO_SMALL:
            value, output = output_of(call, part, len(part), room=max(size, 64))
        assert value == ck.CKR_OK
        whole += output
    final = session.C_EncryptFinal if "Encrypt" in function else session.C_DecryptFinal
    value, output = output_of(final)
    assert (value, whole + output) == (ck.CKR_OK, expected)
    if "Decrypt" in function:
        # What comes with the end of the decryption, the caller passes on (examples of 5.17.2 and 5.17.4).
        rest = session.C_DigestUpdate if "Digest" in function else session.C_VerifyUpdate
        assert rest(output, len(output)) == ck.CKR_OK
    if "Digest" in function:
        assert output_of(session.C_DigestFinal) == (ck.CKR_OK, digest)
    elif "Sign" in function:
        assert output_of(session.C_SignFinal) == (ck.CKR_OK, mac)
    else:
        assert session.C_VerifyFinal(mac, len(mac)) == ck.CKR_OK


def test_no_third_operation_of_a_kind(session):
    """5.17: the two operations keep a second one of their own kinds away."""
    require_dual(session)
    keys = {"aes": session.keys("aes"), "mac": session.keys("generic-32")}
    begin(session, "C_DigestEncryptUpdate", "both", keys)
    assert session.C_DigestInit(SHA) == ck.CKR_OPERATION_ACTIVE
    assert session.C_EncryptInit(CBC, keys["aes"]) == ck.CKR_OPERATION_ACTIVE
