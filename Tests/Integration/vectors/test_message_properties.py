"""Properties of the operations on messages (PKCS#11 3.0): what comes out is what the older functions and another
implementation make of each message by itself.
"""

import ctypes

import cryptoki as ck
import pytest
import vector_reference as reference
from vector_calls import Call
from vector_inputs import changed, inputs
from vector_origins import ORIGINS, pair, secret
from vector_token import VectorToken, split

TAG_BITS = [96, 104, 112, 120, 128]
of_every_origin = pytest.mark.parametrize("origin", ORIGINS)


class Message:
    """A CK_GCM_MESSAGE_PARAMS with its memory: room for IV and tag, which one side fills."""

    def __init__(self, iv: bytes, tag_bits: int, generator: int, fixed_bits: int = 0, tag: bytes | None = None):
        self._iv = ctypes.create_string_buffer(iv, len(iv))
        self._tag = ctypes.create_string_buffer(tag or bytes(tag_bits // 8), tag_bits // 8)
        self.struct = ck.CK_GCM_MESSAGE_PARAMS(
            ctypes.addressof(self._iv), len(iv), fixed_bits, generator, ctypes.addressof(self._tag), tag_bits
        )

    @property
    def iv(self) -> bytes:
        return self._iv.raw

    @property
    def tag(self) -> bytes:
        return self._tag.raw

    @property
    def arguments(self):
        return self.struct, ctypes.sizeof(self.struct)


def run_message(token: VectorToken, chance, verb: str, message: Message, aad: bytes, data: bytes) -> bytes:
    """One message, in one call or in several."""
    session = token.session
    if chance.random() < 0.5:
        function = getattr(session, f"C_{verb}Message")
        return token.library.sized(
            lambda *output: function(*message.arguments, aad, len(aad), data, len(data), *output), len(data) + 16
        )
    begin, following = (getattr(session, f"C_{verb}Message{suffix}") for suffix in ("Begin", "Next"))
    ck.check(begin(*message.arguments, aad, len(aad)), f"C_{verb}MessageBegin")
    parts, made = split(data, [chance.randrange(1, 40), 16]) or [b""], b""
    for number, part in enumerate(parts, 1):
        flags = ck.CKF_END_OF_MESSAGE if number == len(parts) else 0
        made += token.library.sized(
            lambda *output: following(*message.arguments, part, len(part), *output, flags), len(data) + 16
        )
    return made


@of_every_origin
@pytest.mark.parametrize("generator", ["CKG_NO_GENERATE", "CKG_GENERATE", "CKG_GENERATE_RANDOM"])
def test_encrypted_messages(token: VectorToken, chance, generator, origin):
    """Many messages under one key: those with a generated IV have each its own."""
    token.needs("CKM_AES_GCM")
    with secret(token, chance, "AES", 32, origin) as (handle, key):
        mechanism = ck.Mechanism(ck.CKM_AES_GCM)
        ck.check(token.session.C_MessageEncryptInit(mechanism, handle), "C_MessageEncryptInit")
        ivs, fixed = set(), chance.randbytes(12)
        for data in inputs(chance, 16):
            tag_bits, aad = chance.choice(TAG_BITS), chance.randbytes(chance.randrange(40))
            start = fixed if generator != "CKG_NO_GENERATE" else chance.randbytes(12)
            message = Message(start, tag_bits, ck.CONSTANTS[generator], 32 if generator != "CKG_NO_GENERATE" else 0)
            ciphertext = run_message(token, chance, "Encrypt", message, aad, data)
            call = Call("CKM_AES_GCM", {"iv": message.iv, "aad": aad, "tag_bits": tag_bits})
            assert reference.decrypt(call, key, ciphertext + message.tag) == data
            assert message.iv[:4] == start[:4] and message.iv not in ivs
            ivs.add(message.iv)
        ck.check(token.session.C_MessageEncryptFinal(), "C_MessageEncryptFinal")


@of_every_origin
def test_decrypted_messages(token: VectorToken, chance, origin):
    """A wrong message does not end the operation: the next one is decrypted again."""
    token.needs("CKM_AES_GCM")
    with secret(token, chance, "AES", 16, origin) as (handle, key):
        ck.check(token.session.C_MessageDecryptInit(ck.Mechanism(ck.CKM_AES_GCM), handle), "C_MessageDecryptInit")
        for data in inputs(chance, 16):
            tag_bits, aad = chance.choice(TAG_BITS), chance.randbytes(chance.randrange(40))
            call = Call("CKM_AES_GCM", {"iv": chance.randbytes(12), "aad": aad, "tag_bits": tag_bits})
            whole = reference.encrypt(call, key, data)
            for is_right in (False, True):
                given = whole if is_right else changed(chance, whole)
                ciphertext, tag = given[: len(data)], given[len(data) :]
                message = Message(call.parameter["iv"], tag_bits, ck.CKG_NO_GENERATE, tag=tag)
                if is_right:
                    assert run_message(token, chance, "Decrypt", message, aad, ciphertext) == data
                    continue
                with pytest.raises(ck.Refused) as refusal:
                    run_message(token, chance, "Decrypt", message, aad, ciphertext)
                assert refusal.value.value == ck.rv("AEAD_DECRYPT_FAILED")
        ck.check(token.session.C_MessageDecryptFinal(), "C_MessageDecryptFinal")


@of_every_origin
@pytest.mark.parametrize("mechanism", ["CKM_SHA256_RSA_PKCS", "CKM_ECDSA_SHA384", "CKM_EDDSA", "CKM_SHA512_HMAC"])
def test_signed_messages(token: VectorToken, chance, mechanism, origin):
    token.needs(mechanism)
    call = Call(mechanism)
    kinds = {"CKM_SHA256_RSA_PKCS": "RSA-2048", "CKM_ECDSA_SHA384": "P-384", "CKM_EDDSA": "Ed25519"}
    if kind := kinds.get(mechanism):
        with pair(token, chance, kind, origin) as (public, private, key):
            check_signed_messages(token, chance, call, public, private, key)
    else:
        with secret(token, chance, "GENERIC_SECRET", 64, origin) as (handle, key):
            check_signed_messages(token, chance, call, handle, handle, key)


def check_signed_messages(token: VectorToken, chance, call: Call, public: int, private: int, key: dict):
    session = token.session
    ck.check(session.C_MessageSignInit(call.mechanism, private), "C_MessageSignInit")
    ck.check(session.C_MessageVerifyInit(call.mechanism, public), "C_MessageVerifyInit")
    for data in inputs(chance, 64):
        signature = token.library.sized(lambda *output: session.C_SignMessage(None, 0, data, len(data), *output))
        reference.verify(call, key, data, signature)
        for is_right in (False, True):
            given = signature if is_right else changed(chance, signature)
            value = session.C_VerifyMessage(None, 0, data, len(data), given, len(given))
            assert value == ck.rv("OK" if is_right else "SIGNATURE_INVALID")
    ck.check(session.C_MessageSignFinal(), "C_MessageSignFinal")
    ck.check(session.C_MessageVerifyFinal(), "C_MessageVerifyFinal")
