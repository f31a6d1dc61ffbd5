"""Encryption and decryption: PKCS#11 3.2, sections 5.8 and 5.10."""

import os

import cryptoki as ck
import pytest
import scenarios
from cryptoki import Mechanism, rvs
from operations import DECRYPT, ENCRYPT, IV, TEXT, ctr, gcm, oaep, output_of

ORIGINS = ["imported", "generated"]
BOTH = ENCRYPT + DECRYPT
MULTIPART = [one for one in BOTH if one.is_multipart]
SINGLE = [one for one in BOTH if not one.is_multipart]
AES = [one for one in BOTH if one.key == "aes"]


def by_id(name: str):
    return next(one for one in BOTH if one.id == name)


@pytest.fixture(params=BOTH, ids=str)
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
        scenarios.size_query_keeps_it,
        scenarios.small_buffer_keeps_it,
        scenarios.null_length_is_refused,
        scenarios.null_data_is_refused,
        scenarios.null_mechanism_cancels,
        scenarios.sessions_do_not_mix,
    ],
    ids=lambda one: one.__name__,
)
def test_life_of_an_operation(session, scenario, operation, origin):
    """5.8.1, 5.8.2, 5.10.1, 5.10.2: beginning, asking for the size, ending."""
    operation.require(session)
    scenario(session, operation, origin)


@pytest.mark.parametrize("operation", MULTIPART, ids=str)
@pytest.mark.parametrize(
    "scenario",
    [scenarios.small_buffer_keeps_the_parts, scenarios.one_part_does_not_end_many],
    ids=lambda one: one.__name__,
)
def test_life_in_parts(session, scenario, operation, origin):
    """5.8.3, 5.8.4, 5.10.3, 5.10.4: the same in several parts."""
    operation.require(session)
    scenario(session, operation, origin)


@pytest.mark.parametrize(
    "scenario", [scenarios.key_handle_is_checked, scenarios.key_type_is_checked], ids=lambda one: one.__name__
)
def test_keys_are_checked(session, scenario, operation):
    """5.8.1, 5.10.1: CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT."""
    operation.require(session)
    scenario(session, operation)


@pytest.mark.parametrize("operation", SINGLE, ids=str)
def test_key_class_is_checked(session, operation):
    """5.8.1, 5.10.1: a public key does not decrypt, a private key does not encrypt."""
    operation.require(session)
    scenarios.key_class_is_checked(session, operation)


def test_permission_is_checked(session, operation, origin):
    """5.8.1, 5.10.1: CKA_ENCRYPT and CKA_DECRYPT must be CK_TRUE."""
    operation.require(session)
    scenarios.permission_is_checked(session, operation, origin, operation.verb.upper())


def test_mechanism_is_checked(session, operation):
    """5.8.1, 5.10.1: CKR_MECHANISM_INVALID."""
    operation.require(session)
    scenarios.mechanism_is_checked(session, operation, unfit=ck.CKM_SHA256)


def test_without_init(session, operation):
    """5.8.2 to 5.8.4, 5.10.2 to 5.10.4: CKR_OPERATION_NOT_INITIALIZED."""
    scenarios.needs_init(session, operation)


@pytest.mark.parametrize("operation", [one for one in BOTH if one.key != "rsa-public"], ids=str)
def test_logout_takes_the_key(session, operation, origin):
    """5.6.10: after C_Logout every handle of a private object is invalid."""
    operation.require(session)
    scenarios.logout_takes_the_key(session, operation, origin)


@pytest.mark.parametrize("operation", SINGLE, ids=str)
def test_parts_of_a_single_part_mechanism(session, operation):
    """6.1, table 1, note 1: the mechanism works in a single part only. A token that collects the parts does more."""
    operation.require(session)
    data = operation.input(session)
    assert operation.start(session) == ck.CKR_OK
    value, _ = output_of(getattr(session, operation.update), data, len(data))
    assert value in rvs("OPERATION_NOT_INITIALIZED FUNCTION_FAILED FUNCTION_NOT_SUPPORTED OK")


# Parameters: none, too short, too long; what a length field says must be what is there.
LOOSE = {
    "AES_CBC": lambda: [Mechanism(ck.CKM_AES_CBC), *(Mechanism(ck.CKM_AES_CBC, bytes(n)) for n in LENGTHS)],
    "AES_CBC_PAD": lambda: [Mechanism(ck.CKM_AES_CBC_PAD), *(Mechanism(ck.CKM_AES_CBC_PAD, bytes(n)) for n in LENGTHS)],
    "DES3_CBC": lambda: [Mechanism(ck.CKM_DES3_CBC), *(Mechanism(ck.CKM_DES3_CBC, bytes(n)) for n in (1, 7, 9, 16))],
    "AES_CTR": lambda: [Mechanism(ck.CKM_AES_CTR), Mechanism(ck.CKM_AES_CTR, IV), ctr(0), ctr(129)],
    "AES_GCM": lambda: [
        Mechanism(ck.CKM_AES_GCM),
        Mechanism(ck.CKM_AES_GCM, IV),
        gcm(tag_bits=129),
        gcm(tag_bits=7),
        gcm(tag_bits=136),
        gcm(iv=b""),
        gcm_without_memory("pIv"),
        gcm_without_memory("pAAD"),
    ],
    "RSA_PKCS_OAEP": lambda: [
        Mechanism(ck.CKM_RSA_PKCS_OAEP),
        Mechanism(ck.CKM_RSA_PKCS_OAEP, IV),
        oaep(hash_=ck.CKM_AES_CBC),
        oaep(mgf=0x99),
        oaep_without_source(),
    ],
}
LENGTHS = (1, 8, 15, 17, 32)


def gcm_without_memory(field: str) -> Mechanism:
    mechanism = gcm()
    setattr(mechanism.parameter, field, None)
    return mechanism


def oaep_without_source() -> Mechanism:
    mechanism = oaep()
    mechanism.parameter.source = 2
    return mechanism


@pytest.mark.parametrize("operation", [one for one in BOTH if one.id.split("-")[1] in LOOSE], ids=str)
def test_parameters_are_checked(session, operation):
    """6.1.8, 6.10 to 6.13: CKR_MECHANISM_PARAM_INVALID. Nothing is padded, cut or defaulted."""
    operation.require(session)
    scenarios.parameters_are_checked(session, operation, LOOSE[operation.id.split("-")[1]]())


LONG = [
    # An encryption's row, a length that it cannot take.
    ("Encrypt-AES_ECB", 15),
    ("Encrypt-AES_CBC", 1),
    ("Encrypt-AES_CBC", 17),
    ("Encrypt-DES3_CBC", 7),
    ("Encrypt-RSA_PKCS", 2048 // 8 - 10),
    ("Encrypt-RSA_PKCS", 2048 // 8 + 1),
    ("Encrypt-RSA_PKCS_OAEP", 2048 // 8 - 41),
]


@pytest.mark.parametrize("name, length", LONG)
def test_data_length(session, origin, name, length):
    """5.8.2: CKR_DATA_LEN_RANGE, and the operation is over."""
    operation = by_id(name)
    operation.require(session)
    assert operation.start(session, origin) == ck.CKR_OK
    value, _ = output_of(session.C_Encrypt, bytes(length), length)
    assert value == ck.CKR_DATA_LEN_RANGE
    scenarios.needs_init(session, operation)


@pytest.mark.parametrize("name", ["Encrypt-AES_ECB", "Encrypt-AES_CBC", "Encrypt-DES3_CBC"])
def test_data_length_in_parts(session, origin, name):
    """5.8.4: an incomplete last block is told at the end, at the latest."""
    operation = by_id(name)
    operation.require(session)
    assert operation.start(session, origin) == ck.CKR_OK
    value, _ = output_of(session.C_EncryptUpdate, bytes(17), 17)
    if value == ck.CKR_OK:
        value, _ = output_of(session.C_EncryptFinal)
    assert value == ck.CKR_DATA_LEN_RANGE
    scenarios.needs_init(session, operation)


CUT = [
    ("Decrypt-AES_ECB", 15),
    ("Decrypt-AES_CBC", 17),
    ("Decrypt-AES_CBC_PAD", 17),
    ("Decrypt-AES_CBC_PAD", 0),
    ("Decrypt-AES_GCM", 15),
    ("Decrypt-DES3_CBC", 9),
    ("Decrypt-RSA_PKCS", 255),
    ("Decrypt-RSA_PKCS", 257),
    ("Decrypt-RSA_PKCS_OAEP", 128),
]


@pytest.mark.parametrize("name, length", CUT)
def test_ciphertext_length(session, origin, name, length):
    """5.10.2: CKR_ENCRYPTED_DATA_LEN_RANGE, or the code that is hard to tell from it (5.1.8, 4)."""
    operation = by_id(name)
    operation.require(session)
    assert operation.start(session, origin) == ck.CKR_OK
    value, _ = output_of(session.C_Decrypt, bytes(length), length)
    assert value in rvs("ENCRYPTED_DATA_LEN_RANGE ENCRYPTED_DATA_INVALID AEAD_DECRYPT_FAILED")
    scenarios.needs_init(session, operation)


@pytest.mark.parametrize("name", ["Decrypt-AES_CBC_PAD", "Decrypt-AES_GCM", "Decrypt-RSA_PKCS_OAEP"])
@pytest.mark.parametrize("in_parts", [False, True], ids=["at-once", "in-parts"])
def test_forged_ciphertext(session, origin, name, in_parts):
    """5.10.2, 5.10.4: CKR_ENCRYPTED_DATA_INVALID; no plaintext comes out of a forged message."""
    operation = by_id(name)
    operation.require(session)
    if in_parts and not operation.is_multipart:
        pytest.skip("single part only")
    forged = bytearray(operation.input(session, origin))
    forged[-1] ^= 1
    if name == "Decrypt-AES_CBC_PAD":
        # The last block decrypts to a padding of 0 or of more than a block, whatever the key.
        mechanism, key = Mechanism(ck.CKM_AES_ECB), operation.handle(session, origin)
        forged = bytearray(IV + session.encrypt(mechanism, key, bytes(a ^ 0xEE for a in IV)))
    assert operation.start(session, origin) == ck.CKR_OK
    if in_parts:
        value, early = output_of(session.C_DecryptUpdate, bytes(forged), len(forged))
        assert value == ck.CKR_OK
        if name == "Decrypt-AES_GCM":
            assert early == b"", "unauthenticated plaintext came out"
        value, output = output_of(session.C_DecryptFinal)
    else:
        value, output = output_of(session.C_Decrypt, bytes(forged), len(forged))
    assert value in rvs("ENCRYPTED_DATA_INVALID AEAD_DECRYPT_FAILED")
    scenarios.needs_init(session, operation)


@pytest.mark.parametrize("operation", [one for one in ENCRYPT if one.id in {
    "Encrypt-AES_CBC", "Encrypt-AES_ECB", "Encrypt-AES_CBC_PAD", "Encrypt-AES_CTR", "Encrypt-AES_GCM",
    "Encrypt-RSA_PKCS", "Encrypt-RSA_PKCS_OAEP",
}], ids=str)  # fmt: skip
def test_nothing_is_encrypted_too(session, origin, operation):
    """5.2: a length of 0 is a length. What it encrypts to is decrypted to nothing again."""
    operation.require(session)
    key = operation.handle(session, origin)
    assert operation.start(session, origin) == ck.CKR_OK
    value, ciphertext = output_of(session.C_Encrypt, b"", 0)
    assert value == ck.CKR_OK
    undoing = next(one for one in DECRYPT if one.source == operation)
    private = undoing.handle(session, origin)
    assert key
    assert undoing.start(session, key=private) == ck.CKR_OK
    value, plaintext = output_of(session.C_Decrypt, ciphertext, len(ciphertext))
    assert (value, plaintext) == (ck.CKR_OK, b"")


@pytest.mark.parametrize("operation", [one for one in MULTIPART if one.source is None], ids=str)
def test_every_way_to_cut(session, origin, operation):
    """5.8.3: the parts may have any length."""
    operation.require(session)
    key = operation.handle(session, origin)
    data = operation.data
    expected = session.encrypt(operation.mechanism(), key, data)
    for cuts in ((0,), (1, 1, 1), (15, 2), (16, 16), (31,), (len(data),)):
        assert operation.start(session, key=key) == ck.CKR_OK
        whole, start = b"", 0
        for size in (*cuts, len(data) - sum(cuts)):
            value, output = output_of(session.C_EncryptUpdate, data[start : start + size], size)
            assert value == ck.CKR_OK, f"cuts {cuts}"
            whole, start = whole + output, start + size
        value, output = output_of(session.C_EncryptFinal)
        assert (value, whole + output) == (ck.CKR_OK, expected), f"cuts {cuts}"


def test_a_failed_update_ends_the_operation(session, origin):
    """5.8.3: an error other than CKR_BUFFER_TOO_SMALL ends the operation."""
    operation = by_id("Encrypt-AES_CBC")
    operation.require(session)
    assert operation.start(session, origin) == ck.CKR_OK
    assert session.C_EncryptUpdate(TEXT, 16, ck.ctypes.create_string_buffer(64), None) == ck.CKR_ARGUMENTS_BAD
    scenarios.needs_init(session, operation)


def test_large_data(session, origin):
    """5.8.2: what is larger than any record, message or buffer in between."""
    operation = by_id("Encrypt-AES_CBC_PAD")
    operation.require(session)
    key, data = operation.handle(session, origin), os.urandom(1_000_003)
    ciphertext = session.encrypt(operation.mechanism(), key, data)
    half = 500_009
    assert session.decrypt(operation.mechanism(), key, ciphertext[:half], ciphertext[half:]) == data
