"""Operations on messages, since 3.0: PKCS#11 3.2, sections 5.9, 5.11, 5.14 and 5.16."""

import ctypes

import cryptoki as ck
import pytest
import scenarios
from cryptoki import Mechanism, rvs
from operations import IV, TEXT, output_of, size_of

FORGED = rvs("AEAD_DECRYPT_FAILED ENCRYPTED_DATA_INVALID")


@pytest.fixture(params=["imported", "generated"])
def origin(request):
    return request.param


class Message:
    """A CK_GCM_MESSAGE_PARAMS with its memory."""

    def __init__(self, iv: bytes = IV[:12], generator: int | None = None, tag: bytes = bytes(16), fixed_bits: int = 0):
        self.iv = ctypes.create_string_buffer(iv, max(1, len(iv)))
        self.tag = ctypes.create_string_buffer(tag, max(1, len(tag)))
        self.struct = ck.CK_GCM_MESSAGE_PARAMS(
            ctypes.addressof(self.iv), len(iv), fixed_bits, ck.CKG_NO_GENERATE if generator is None else generator,
            ctypes.addressof(self.tag), 8 * len(tag),
        )  # fmt: skip

    @property
    def arguments(self):
        return self.struct, ctypes.sizeof(self.struct)


def gcm_mechanism() -> Mechanism:
    return Mechanism(ck.CKM_AES_GCM, Message().struct)


# The example of 5.9 gives C_MessageEncryptInit the parameter of the messages; some clients give none.
@pytest.mark.parametrize("verb", ["Encrypt", "Decrypt"])
@pytest.mark.parametrize("has_parameter", [True, False], ids=["with-parameter", "without"])
def test_parameter_of_init(session, verb, has_parameter):
    """5.9.1, 5.11.1, 6.13.3: the mechanism may come with a CK_GCM_MESSAGE_PARAMS."""
    require(session, ck.CKM_AES_GCM, ck.CKF_MESSAGE_ENCRYPT)
    mechanism = gcm_mechanism() if has_parameter else Mechanism(ck.CKM_AES_GCM)
    value = getattr(session, f"C_Message{verb}Init")(mechanism, session.keys("aes"))
    assert value in (rvs("OK") if has_parameter else rvs("OK MECHANISM_PARAM_INVALID"))


def require(session, kind: int, flag: int):
    library = session.library
    if not library.is_3_0:
        pytest.skip("no function list of 3.0")
    if kind not in library.mechanisms(session.slot) or not library.mechanism_info(session.slot, kind).flags & flag:
        pytest.skip("not here")


def begin(session, verb: str, origin: str = "imported") -> int:
    require(session, ck.CKM_AES_GCM, ck.CKF_MESSAGE_ENCRYPT if verb == "Encrypt" else ck.CKF_MESSAGE_DECRYPT)
    key = session.keys("aes", origin)
    ck.check(getattr(session, f"C_Message{verb}Init")(gcm_mechanism(), key), "init")
    return key


def one_shot(session, verb: str, message: Message, aad: bytes, data: bytes, room: int = 4096):
    return output_of(
        getattr(session, f"C_{verb}Message"), *message.arguments, aad, len(aad), data, len(data), room=room
    )


def test_message_functions_are_offered(token):
    """5.9, 5.11: AES-GCM carries CKF_MESSAGE_ENCRYPT and CKF_MESSAGE_DECRYPT."""
    if not token.library.is_3_0:
        pytest.skip("no function list of 3.0")
    flags = token.library.mechanism_info(token.slot, ck.CKM_AES_GCM).flags
    assert flags & ck.CKF_MESSAGE_ENCRYPT and flags & ck.CKF_MESSAGE_DECRYPT


def test_messages_one_after_another(session, origin):
    """5.9.2, 5.11.2: one key, many messages, each with its nonce, associated data and tag; until the final call."""
    key = begin(session, "Encrypt", origin)
    sealed = []
    for number in range(3):
        message = Message(iv=bytes([number]) * 12)
        value, ciphertext = one_shot(session, "Encrypt", message, b"aad", TEXT[:37])
        assert value == ck.CKR_OK and len(ciphertext) == 37
        sealed.append((message, ciphertext))
    assert session.C_MessageEncryptFinal() == ck.CKR_OK
    assert len({message.tag.raw for message, _ in sealed}) == 3
    assert session.C_MessageDecryptInit(gcm_mechanism(), key) == ck.CKR_OK
    for message, ciphertext in sealed:
        assert one_shot(session, "Decrypt", message, b"aad", ciphertext) == (ck.CKR_OK, TEXT[:37])
    message, ciphertext = sealed[0]
    for forged in (
        (message, b"AAD", ciphertext),
        (message, b"aad", bytes([ciphertext[0] ^ 1]) + ciphertext[1:]),
        (Message(iv=message.iv.raw, tag=bytes(16)), b"aad", ciphertext),
        (Message(iv=bytes(12) + b"", tag=sealed[1][0].tag.raw), b"aad", ciphertext),
    ):
        assert one_shot(session, "Decrypt", *forged)[0] in FORGED
    assert one_shot(session, "Decrypt", message, b"aad", ciphertext) == (ck.CKR_OK, TEXT[:37])
    assert session.C_MessageDecryptFinal() == ck.CKR_OK


def test_the_result_is_that_of_gcm(session, origin):
    """6.13.3: the same ciphertext and tag as C_Encrypt with the same nonce, which appends the tag."""
    from operations import gcm

    key = begin(session, "Encrypt", origin)
    message = Message()
    value, ciphertext = one_shot(session, "Encrypt", message, b"header", TEXT)
    assert value == ck.CKR_OK
    assert session.C_MessageEncryptFinal() == ck.CKR_OK
    assert session.encrypt(gcm(), key, TEXT) == ciphertext + message.tag.raw


@pytest.mark.parametrize("generator", ["CKG_GENERATE", "CKG_GENERATE_RANDOM", "CKG_GENERATE_COUNTER"])
def test_the_token_makes_the_nonce(session, origin, generator):
    """6.13.3: the nonce is written into the parameter and differs each time; fixed bits stay."""
    key = begin(session, "Encrypt", origin)
    fixed = 32 if generator == "CKG_GENERATE_COUNTER" else 0
    seen = []
    for _ in range(4):
        message = Message(iv=b"\x5a" * 12, generator=ck.CONSTANTS[generator], fixed_bits=fixed)
        value, ciphertext = one_shot(session, "Encrypt", message, b"", TEXT)
        if value == ck.CKR_MECHANISM_PARAM_INVALID and generator == "CKG_GENERATE_COUNTER":
            pytest.skip("no counters here")
        assert value == ck.CKR_OK
        seen.append((message.iv.raw, message.tag.raw, ciphertext))
    assert session.C_MessageEncryptFinal() == ck.CKR_OK
    assert len({iv for iv, _, _ in seen}) == 4
    if fixed:
        assert {iv[:4] for iv, _, _ in seen} == {b"\x5a" * 4}
    assert session.C_MessageDecryptInit(gcm_mechanism(), key) == ck.CKR_OK
    for iv, tag, ciphertext in seen:
        assert one_shot(session, "Decrypt", Message(iv=iv, tag=tag), b"", ciphertext) == (ck.CKR_OK, TEXT)


def in_parts(session, verb: str, message: Message, parts: list[bytes]):
    """Begin and Next; the answer of the last call and the whole output."""
    value = getattr(session, f"C_{verb}MessageBegin")(*message.arguments, b"aad", 3)
    whole = b""
    for number, part in enumerate(parts):
        if value != ck.CKR_OK:
            break
        flags = ck.CKF_END_OF_MESSAGE if number == len(parts) - 1 else 0
        buffer, length = ctypes.create_string_buffer(512), ctypes.c_ulong(512)
        next_ = getattr(session, f"C_{verb}MessageNext")
        value = next_(*message.arguments, part, len(part), buffer, length, flags)
        whole += buffer.raw[: length.value]
    return value, whole


def test_a_message_in_parts(session, origin):
    """5.9.3, 5.9.4, 5.11.3, 5.11.4: the same as at once; the process goes on to the next message."""
    key = begin(session, "Encrypt", origin)
    whole = Message()
    value, expected = one_shot(session, "Encrypt", whole, b"aad", TEXT)
    assert value == ck.CKR_OK
    parted = Message()
    assert in_parts(session, "Encrypt", parted, [TEXT[:5], TEXT[5:33], TEXT[33:]]) == (ck.CKR_OK, expected)
    assert parted.tag.raw == whole.tag.raw
    assert session.C_MessageEncryptFinal() == ck.CKR_OK
    assert session.C_MessageDecryptInit(gcm_mechanism(), key) == ck.CKR_OK
    opened = Message(tag=whole.tag.raw)
    assert in_parts(session, "Decrypt", opened, [expected[:20], expected[20:]]) == (ck.CKR_OK, TEXT)
    forged = Message(tag=bytes(16))
    assert in_parts(session, "Decrypt", forged, [expected[:20], expected[20:]])[0] in FORGED
    assert one_shot(session, "Decrypt", opened, b"aad", expected) == (ck.CKR_OK, TEXT)


def test_states_of_messages(session):
    """5.9, 5.11: CKR_OPERATION_NOT_INITIALIZED, CKR_OPERATION_ACTIVE."""
    message = Message()
    require(session, ck.CKM_AES_GCM, ck.CKF_MESSAGE_ENCRYPT)
    key = session.keys("aes")
    for verb in ("Encrypt", "Decrypt"):
        init, final = (getattr(session, f"C_Message{verb}{end}") for end in ("Init", "Final"))
        assert one_shot(session, verb, message, b"", TEXT)[0] == ck.CKR_OPERATION_NOT_INITIALIZED
        assert final() == ck.CKR_OPERATION_NOT_INITIALIZED
        start = getattr(session, f"C_{verb}MessageBegin")
        assert start(*message.arguments, None, 0) == ck.CKR_OPERATION_NOT_INITIALIZED
        assert init(gcm_mechanism(), key) == ck.CKR_OK
        assert init(gcm_mechanism(), key) == ck.CKR_OPERATION_ACTIVE
        following = getattr(session, f"C_{verb}MessageNext")
        buffer, length = ctypes.create_string_buffer(64), ctypes.c_ulong(64)
        value = following(*message.arguments, TEXT, 16, buffer, length, 0)
        assert value == ck.CKR_OPERATION_NOT_INITIALIZED, "no message was begun"
        assert start(*message.arguments, None, 0) == ck.CKR_OK
        assert one_shot(session, verb, message, b"", TEXT)[0] == ck.CKR_OPERATION_ACTIVE
        assert start(*message.arguments, None, 0) == ck.CKR_OPERATION_ACTIVE
        assert init(None, key) == ck.CKR_OK, "a null mechanism ends everything"
        assert final() == ck.CKR_OPERATION_NOT_INITIALIZED


@pytest.mark.parametrize("verb", ["Encrypt", "Decrypt"])
def test_init_of_messages(session, verb):
    """5.9.1, 5.11.1: the same checks as those of C_EncryptInit and C_DecryptInit."""
    require(session, ck.CKM_AES_GCM, ck.CKF_MESSAGE_ENCRYPT)
    init = getattr(session, f"C_Message{verb}Init")
    for handle in (ck.CK_INVALID_HANDLE, scenarios.NO_KEY):
        assert init(gcm_mechanism(), handle) == ck.CKR_KEY_HANDLE_INVALID
    assert init(gcm_mechanism(), session.keys("generic-32")) == ck.CKR_KEY_TYPE_INCONSISTENT
    locked = session.keys("aes", **{verb.upper(): False})
    assert init(gcm_mechanism(), locked) == ck.CKR_KEY_FUNCTION_NOT_PERMITTED
    for kind in (ck.CKM_SHA256, ck.CKM_SKIPJACK_CBC64, ck.CKM_AES_KEY_WRAP):
        assert init(Mechanism(kind), session.keys("aes")) == ck.CKR_MECHANISM_INVALID


def test_parameters_of_messages(session):
    """6.13.3: CKR_MECHANISM_PARAM_INVALID or CKR_ARGUMENTS_BAD; the process goes on."""
    begin(session, "Encrypt")
    codes = rvs("MECHANISM_PARAM_INVALID ARGUMENTS_BAD")
    hollow, tagless, odd = Message(), Message(), Message()
    hollow.struct.pIv = None
    tagless.struct.pTag = None
    odd.struct.ulTagBits = 7
    for message in (hollow, tagless, odd, Message(iv=b""), Message(generator=99), Message(fixed_bits=97, generator=1)):
        assert one_shot(session, "Encrypt", message, b"", TEXT)[0] in codes
    call = session.C_EncryptMessage
    assert output_of(call, None, 0, None, 0, TEXT, 16)[0] in codes
    assert output_of(call, IV, 16, None, 0, TEXT, 16)[0] in codes
    assert one_shot(session, "Encrypt", Message(), b"", TEXT)[0] == ck.CKR_OK


def test_room_for_messages(session, origin):
    """5.9.2, 5.2: size query and CKR_BUFFER_TOO_SMALL; the process goes on."""
    message = Message()
    begin(session, "Encrypt", origin)
    arguments = *message.arguments, b"", 0, TEXT, len(TEXT)
    value, size = size_of(session.C_EncryptMessage, *arguments)
    assert (value, size) == (ck.CKR_OK, len(TEXT))
    value, _ = output_of(session.C_EncryptMessage, *arguments, room=size - 1)
    assert value == ck.CKR_BUFFER_TOO_SMALL
    assert session.C_EncryptMessage(*arguments, None, None) == ck.CKR_ARGUMENTS_BAD
    assert output_of(session.C_EncryptMessage, *arguments, room=size)[0] == ck.CKR_OK


# Signatures


ROWS = [
    ("SHA256_RSA_PKCS", "rsa-private", "rsa-public"),
    ("ECDSA_SHA256", "p256-private", "p256-public"),
    ("ECDSA", "p256-private", "p256-public"),
]


@pytest.mark.parametrize("name, private, public", ROWS)
def test_signatures_one_after_another(session, origin, name, private, public):
    """5.14, 5.16: one key, many messages; a wrong signature does not end the process."""
    kind = ck.CONSTANTS["CKM_" + name]
    require(session, kind, ck.CKF_MESSAGE_SIGN)
    key, verifying = session.keys(private, origin), session.keys(public, origin)
    assert output_of(session.C_SignMessage, None, 0, TEXT, 32)[0] == ck.CKR_OPERATION_NOT_INITIALIZED
    assert session.C_MessageSignFinal() == ck.CKR_OPERATION_NOT_INITIALIZED
    assert session.C_MessageSignInit(Mechanism(kind), key) == ck.CKR_OK
    assert session.C_MessageSignInit(Mechanism(kind), key) == ck.CKR_OPERATION_ACTIVE
    signed = []
    for number in range(3):
        data = bytes([number]) * 32
        value, size = size_of(session.C_SignMessage, None, 0, data, 32)
        assert value == ck.CKR_OK
        assert output_of(session.C_SignMessage, None, 0, data, 32, room=size - 1)[0] == ck.CKR_BUFFER_TOO_SMALL
        value, signature = output_of(session.C_SignMessage, None, 0, data, 32, room=size)
        assert value == ck.CKR_OK
        signed.append((data, signature))
    assert session.C_MessageSignFinal() == ck.CKR_OK
    flag = session.library.mechanism_info(session.slot, kind).flags & ck.CKF_MESSAGE_VERIFY
    for data, signature in signed:
        assert session.verify(Mechanism(kind), verifying, signature, data) == ck.CKR_OK
    if not flag:
        return
    assert session.C_MessageVerifyFinal() == ck.CKR_OPERATION_NOT_INITIALIZED
    assert session.C_MessageVerifyInit(Mechanism(kind), verifying) == ck.CKR_OK
    for data, signature in signed:
        assert session.C_VerifyMessage(None, 0, data, 32, signature, len(signature)) == ck.CKR_OK
        wrong = bytes([data[0] ^ 1]) + data[1:]
        assert session.C_VerifyMessage(None, 0, wrong, 32, signature, len(signature)) == ck.CKR_SIGNATURE_INVALID
        short = len(signature) - 1
        assert session.C_VerifyMessage(None, 0, data, 32, signature, short) == ck.CKR_SIGNATURE_LEN_RANGE
    assert session.C_MessageVerifyFinal() == ck.CKR_OK


def test_signing_messages_is_offered(token):
    """5.14, 5.16."""
    if not token.library.is_3_0:
        pytest.skip("no function list of 3.0")
    flags = token.library.mechanism_info(token.slot, ck.CKM_SHA256_RSA_PKCS).flags
    assert flags & ck.CKF_MESSAGE_SIGN and flags & ck.CKF_MESSAGE_VERIFY
