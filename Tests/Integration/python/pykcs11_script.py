"""What a program in Python does with `PyKCS11`, which is the C interface as it is: the caller writes every template.
Whatever the token computes is checked with `cryptography`.

Usage: pykcs11_script.py CHECK, with CLIENT_MODULE, CLIENT_LABEL and CLIENT_PIN in the environment.
"""

import os
import sys
from datetime import datetime, timedelta

import PyKCS11
from cryptography import x509
from cryptography.hazmat.primitives import cmac, hashes, hmac, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PyKCS11 import *  # noqa: F403, its constants are what the standard calls them

DATA = b"As the standard's own words have it. " * 2
P256 = bytes.fromhex("06082a8648ce3d030107")
ED25519 = bytes.fromhex("06032b6570")
# What PyKCS11 has no names for.
KWP = 0x210B
CKR_AEAD_DECRYPT_FAILED = 0x42
CKR_PUBLIC_KEY_INVALID = 0x1B9


def rsa_pair(session, **private):
    public_template = {
        CKA_MODULUS_BITS: 2048,
        CKA_PUBLIC_EXPONENT: b"\x01\x00\x01",
        CKA_VERIFY: True,
        CKA_ENCRYPT: True,
    }
    private_template = {CKA_SIGN: True, CKA_DECRYPT: True, CKA_SENSITIVE: True} | named(private)
    return pair(session, CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, public_template, private_template)


def curve_pair(session, parameters=P256, mechanism=CKM_EC_KEY_PAIR_GEN, kind=CKK_EC, **private):
    public_template = {CKA_EC_PARAMS: parameters, CKA_VERIFY: True}
    return pair(session, mechanism, kind, public_template, {CKA_SIGN: True, CKA_SENSITIVE: True} | named(private))


def pair(session, mechanism, kind, public, private):
    common = {CKA_KEY_TYPE: kind, CKA_TOKEN: True, CKA_LABEL: "pair", CKA_ID: b"\x0a\x0b"}
    public = {CKA_CLASS: CKO_PUBLIC_KEY, CKA_PRIVATE: False} | common | public
    private = {CKA_CLASS: CKO_PRIVATE_KEY, CKA_PRIVATE: True} | common | private
    return session.generateKeyPair(list(public.items()), list(private.items()), Mechanism(mechanism))


def secret(session, kind, value, **flags):
    template = {
        CKA_CLASS: CKO_SECRET_KEY, CKA_KEY_TYPE: kind, CKA_TOKEN: False, CKA_SENSITIVE: False, CKA_EXTRACTABLE: True,
        CKA_VALUE: value,
    }  # fmt: skip
    return session.createObject(list((template | named(flags)).items()))


def named(flags: dict) -> dict:
    """Attributes whose names were written without their prefix."""
    return {getattr(PyKCS11, "CKA_" + name): value for name, value in flags.items()}


def attribute(session, key, name) -> bytes:
    return bytes(session.getAttributeValue(key, [name], allAsBinary=True)[0])


def outside_rsa(session, public):
    modulus, exponent = (
        int.from_bytes(attribute(session, public, name), "big") for name in (CKA_MODULUS, CKA_PUBLIC_EXPONENT)
    )
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def outside_p256(session, public):
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), attribute(session, public, CKA_EC_POINT)[2:])


def refuses(codes, call, *arguments):
    """`codes` is one or more of the standard's errors that fit."""
    try:
        call(*arguments)
    except PyKCS11Error as error:
        names = codes if isinstance(codes, tuple) else (codes,)
        assert error.value in names, f"{error} instead of {[CKR.get(name) for name in names]}"
        return
    raise AssertionError(f"no {codes}")


def check_information(session):
    lib = session.lib_object
    assert lib.getInfo().cryptokiVersion[0] in (2, 3)
    slot = session.getSessionInfo().slotID
    assert session.getSessionInfo().state2text() == "CKS_RW_USER_FUNCTIONS"
    # PyKCS11 1.5.20 adds a mechanism of its own (0x1D) to every list, as the last.
    mechanisms = lib.getMechanismList(slot)[:-1]
    assert len(mechanisms) == len(set(mechanisms)) and {"CKM_RSA_PKCS", "CKM_ECDSA", "CKM_AES_CBC"} <= set(mechanisms)
    for mechanism in mechanisms:
        information = lib.getMechanismInfo(slot, mechanism)
        assert information.flags and information.ulMinKeySize <= information.ulMaxKeySize, mechanism
    refuses(CKR_MECHANISM_INVALID, lib.getMechanismInfo, slot, "CKM_SKIPJACK_KEY_GEN")


def check_rsa(session):
    public, private = rsa_pair(session)
    outside = outside_rsa(session, public)
    for hash, mechanism in ((hashes.SHA1(), CKM_SHA1_RSA_PKCS), (hashes.SHA256(), CKM_SHA256_RSA_PKCS)):
        signature = bytes(session.sign(private, DATA, Mechanism(mechanism)))
        outside.verify(signature, DATA, rsa_padding.PKCS1v15(), hash)
        assert session.verify(public, DATA, signature, Mechanism(mechanism))
        assert not session.verify(public, DATA[1:], signature, Mechanism(mechanism))
    pss = RSA_PSS_Mechanism(CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, 48)
    signature = bytes(session.sign(private, DATA, pss))
    outside.verify(signature, DATA, rsa_padding.PSS(rsa_padding.MGF1(hashes.SHA384()), 48), hashes.SHA384())
    assert session.verify(public, DATA, signature, pss)
    oaep = RSAOAEPMechanism(CKM_SHA_1, CKG_MGF1_SHA1)
    padding = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    assert bytes(session.decrypt(private, outside.encrypt(DATA, padding), oaep)) == DATA
    assert bytes(session.decrypt(private, session.encrypt(public, DATA, oaep), oaep)) == DATA
    refuses((CKR_DATA_LEN_RANGE, CKR_DATA_INVALID), session.encrypt, public, bytes(215), oaep)


def check_ecdsa(session):
    public, private = curve_pair(session)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(DATA)
    for data, mechanism in ((digest.finalize(), CKM_ECDSA), (DATA, CKM_ECDSA_SHA256)):
        raw = bytes(session.sign(private, data, Mechanism(mechanism)))
        assert len(raw) == 64
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        outside_p256(session, public).verify(der, DATA, ec.ECDSA(hashes.SHA256()))
        assert session.verify(public, data, raw, Mechanism(mechanism))
        assert not session.verify(public, data, raw[32:] + raw[:32], Mechanism(mechanism))


def check_eddsa(session):
    public, private = curve_pair(session, ED25519, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS)
    outside = ed25519.Ed25519PublicKey.from_public_bytes(attribute(session, public, CKA_EC_POINT)[-32:])
    for data in (b"x", DATA):
        signature = bytes(session.sign(private, data, EDDSA_Mechanism()))
        outside.verify(signature, data)
        assert session.verify(public, data, signature, EDDSA_Mechanism())
        assert not session.verify(public, data + b"!", signature, EDDSA_Mechanism())


def check_macs(session):
    value = os.urandom(32)
    generic = secret(session, CKK_GENERIC_SECRET, value, SIGN=True, VERIFY=True)
    outside = hmac.HMAC(value, hashes.SHA256())
    outside.update(DATA)
    mac = bytes(session.sign(generic, DATA, Mechanism(CKM_SHA256_HMAC)))
    assert mac == outside.finalize() and session.verify(generic, DATA, mac, Mechanism(CKM_SHA256_HMAC))
    aes = secret(session, CKK_AES, value, SIGN=True, VERIFY=True)
    outside = cmac.CMAC(algorithms.AES(value))
    outside.update(DATA)
    mac = bytes(session.sign(aes, DATA, Mechanism(CKM_AES_CMAC)))
    assert mac == outside.finalize() and session.verify(aes, DATA, mac, Mechanism(CKM_AES_CMAC))


def check_gcm(session):
    """IVs and tags of every length that the standard has; CK_GCM_PARAMS comes with ulIvBits left at 0."""
    value = os.urandom(32)
    key = secret(session, CKK_AES, value, ENCRYPT=True, DECRYPT=True)
    for size in (12, 8, 16, 60):
        iv = os.urandom(size)
        for aad in (b"", b"header"):
            for data in (b"x", DATA):
                mechanism = AES_GCM_Mechanism(iv, aad, 128)
                sealed = bytes(session.encrypt(key, data, mechanism))
                assert sealed == AESGCM(value).encrypt(iv, data, aad)
                assert bytes(session.decrypt(key, sealed, mechanism)) == data
    iv = os.urandom(12)
    for bits in (120, 112, 104, 96):
        mechanism = AES_GCM_Mechanism(iv, b"", bits)
        sealed = bytes(session.encrypt(key, DATA, mechanism))
        assert sealed == AESGCM(value).encrypt(iv, DATA, None)[: len(DATA) + bits // 8]
        assert bytes(session.decrypt(key, sealed, mechanism)) == DATA
    for wrong in (AES_GCM_Mechanism(b"", b"", 128), AES_GCM_Mechanism(iv, b"", 136), AES_GCM_Mechanism(iv, b"", 127)):
        refuses(CKR_MECHANISM_PARAM_INVALID, session.encrypt, key, DATA, wrong)
    altered = AESGCM(value).encrypt(iv, DATA, b"header")
    refuses(
        (CKR_ENCRYPTED_DATA_INVALID, CKR_AEAD_DECRYPT_FAILED), session.decrypt, key, altered,
        AES_GCM_Mechanism(iv, b"other header", 128),
    )  # fmt: skip


def check_counter_mode(session):
    value, block = os.urandom(16), os.urandom(12) + b"\0\0\0\1"
    key = secret(session, CKK_AES, value, ENCRYPT=True, DECRYPT=True)
    encryptor = Cipher(algorithms.AES(value), modes.CTR(block)).encryptor()
    expected = encryptor.update(DATA)
    for bits in (128, 64, 32):
        mechanism = AES_CTR_Mechanism(bits, block)
        assert bytes(session.encrypt(key, DATA, mechanism)) == expected
        assert bytes(session.decrypt(key, expected, mechanism)) == DATA
    for bits in (0, 129):
        refuses(CKR_MECHANISM_PARAM_INVALID, session.encrypt, key, DATA, AES_CTR_Mechanism(bits, block))


def check_wrapping(session):
    value, content = os.urandom(32), os.urandom(24)
    wrapping = secret(session, CKK_AES, value, WRAP=True, UNWRAP=True)
    key = secret(session, CKK_AES, content, ENCRYPT=True)
    template = [(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), (CKA_SENSITIVE, False), (CKA_EXTRACTABLE, True)]
    for mechanism, outside in (
        (CKM_AES_KEY_WRAP, keywrap.aes_key_wrap(value, content)),
        (KWP, keywrap.aes_key_wrap_with_padding(value, content)),
    ):
        assert bytes(session.wrapKey(wrapping, key, Mechanism(mechanism))) == outside
        back = session.unwrapKey(wrapping, outside, template, Mechanism(mechanism))
        assert attribute(session, back, CKA_VALUE) == content
        refuses(
            (CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE), session.unwrapKey, wrapping, outside[:-8], template,
            Mechanism(mechanism),
        )  # fmt: skip
    fixed = [(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), (CKA_VALUE, content), (CKA_EXTRACTABLE, False)]
    unextractable = session.createObject([*fixed, (CKA_TOKEN, False)])
    refuses(CKR_KEY_UNEXTRACTABLE, session.wrapKey, wrapping, unextractable, Mechanism(CKM_AES_KEY_WRAP))
    plain = secret(session, CKK_AES, value, ENCRYPT=True)
    session.setAttributeValue(plain, [(CKA_WRAP, False)])
    refuses(CKR_KEY_FUNCTION_NOT_PERMITTED, session.wrapKey, plain, key, Mechanism(CKM_AES_KEY_WRAP))


def check_derivation(session):
    public, private = curve_pair(session, DERIVE=True)
    peer = ec.generate_private_key(ec.SECP256R1())
    point = peer.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    template = [
        (CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_GENERIC_SECRET), (CKA_TOKEN, False), (CKA_SENSITIVE, False),
        (CKA_EXTRACTABLE, True), (CKA_VALUE_LEN, 32),
    ]  # fmt: skip
    key = session.deriveKey(private, template, ECDH1_DERIVE_Mechanism(point))
    assert attribute(session, key, CKA_VALUE) == peer.exchange(ec.ECDH(), outside_p256(session, public))
    refuses(
        (CKR_MECHANISM_PARAM_INVALID, CKR_PUBLIC_KEY_INVALID, CKR_ARGUMENTS_BAD), session.deriveKey, private, template,
        ECDH1_DERIVE_Mechanism(point[:-1] + bytes([point[-1] ^ 1])),
    )  # fmt: skip


def check_imports(session):
    """A private key by its numbers, and a certificate with what the standard asks for beside the value."""
    outside = rsa.generate_private_key(65537, 2048)
    numbers = outside.private_numbers()
    parts = {
        CKA_MODULUS: numbers.public_numbers.n, CKA_PUBLIC_EXPONENT: numbers.public_numbers.e,
        CKA_PRIVATE_EXPONENT: numbers.d, CKA_PRIME_1: numbers.p, CKA_PRIME_2: numbers.q,
        CKA_EXPONENT_1: numbers.dmp1, CKA_EXPONENT_2: numbers.dmq1, CKA_COEFFICIENT: numbers.iqmp,
    }  # fmt: skip
    encoded = [(name, number.to_bytes((number.bit_length() + 7) // 8, "big")) for name, number in parts.items()]
    common = [(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_KEY_TYPE, CKK_RSA), (CKA_TOKEN, True), (CKA_LABEL, "brought")]
    key = session.createObject([*common, (CKA_SIGN, True), *encoded])
    signature = bytes(session.sign(key, DATA, Mechanism(CKM_SHA256_RSA_PKCS)))
    outside.public_key().verify(signature, DATA, rsa_padding.PKCS1v15(), hashes.SHA256())
    assert attribute(session, key, CKA_MODULUS) == dict(encoded)[CKA_MODULUS]

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "PyKCS11")])
    builder = x509.CertificateBuilder(name, name, outside.public_key(), 4711, datetime(2020, 1, 1))
    certificate = builder.not_valid_after(datetime(2020, 1, 1) + timedelta(days=1)).sign(outside, hashes.SHA256())
    der = certificate.public_bytes(serialization.Encoding.DER)
    handle = session.createObject([
        (CKA_CLASS, CKO_CERTIFICATE), (CKA_CERTIFICATE_TYPE, CKC_X_509), (CKA_TOKEN, True), (CKA_LABEL, "brought"),
        (CKA_SUBJECT, name.public_bytes()), (CKA_VALUE, der),
    ])  # fmt: skip
    assert attribute(session, handle, CKA_VALUE) == der
    assert attribute(session, handle, CKA_SUBJECT) == name.public_bytes()
    found = session.findObjects([(CKA_CLASS, CKO_CERTIFICATE), (CKA_SUBJECT, name.public_bytes())])
    assert len(found) == 1
    refuses(
        CKR_TEMPLATE_INCOMPLETE, session.createObject,
        [(CKA_CLASS, CKO_CERTIFICATE), (CKA_CERTIFICATE_TYPE, CKC_X_509), (CKA_TOKEN, True)],
    )  # fmt: skip


def check_digests(session):
    outside = hashes.Hash(hashes.SHA512())
    outside.update(DATA)
    expected = outside.finalize()
    assert bytes(session.digest(DATA, Mechanism(CKM_SHA512))) == expected
    parts = session.digestSession(Mechanism(CKM_SHA512))
    parts.update(DATA[:10])
    parts.update(DATA[10:])
    assert bytes(parts.final()) == expected
    value = os.urandom(32)
    outside = hashes.Hash(hashes.SHA256())
    outside.update(value)
    parts = session.digestSession(Mechanism(CKM_SHA256))
    parts.digestKey(secret(session, CKK_GENERIC_SECRET, value))
    assert bytes(parts.final()) == outside.finalize()


def check_objects(session):
    _, private = curve_pair(session)
    session.setAttributeValue(private, [(CKA_LABEL, "renamed"), (CKA_ID, b"\x42")])
    (found,) = session.findObjects([(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_ID, b"\x42")])
    assert session.getAttributeValue(found, [CKA_LABEL, CKA_TOKEN, CKA_SENSITIVE]) == ["renamed", True, True]
    assert session.getAttributeValue(found, [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE]) == [True] * 3
    assert session.getAttributeValue(found, [CKA_KEY_GEN_MECHANISM]) == [CKM_EC_KEY_PAIR_GEN]
    # One answer for several attributes of which one is secret: the others are filled in.
    assert session.getAttributeValue(found, [CKA_VALUE, CKA_LABEL]) == [None, "renamed"]
    refuses(CKR_ATTRIBUTE_READ_ONLY, session.setAttributeValue, found, [(CKA_SENSITIVE, False)])
    refuses(CKR_ATTRIBUTE_READ_ONLY, session.setAttributeValue, found, [(CKA_EXTRACTABLE, True)])
    session.destroyObject(found)
    refuses((CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID), session.destroyObject, found)
    assert not session.findObjects([(CKA_CLASS, CKO_PRIVATE_KEY)])


def check_sessions(session):
    """Session objects end with the session that made them, and a read-only session makes no token objects."""
    lib, slot = session.lib_object, session.getSessionInfo().slotID
    other = lib.openSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
    key = [(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), (CKA_VALUE_LEN, 32), (CKA_LABEL, "fleeting")]
    other.generateKey([*key, (CKA_TOKEN, False)])
    assert len(session.findObjects([(CKA_LABEL, "fleeting")])) == 1
    other.closeSession()
    assert not session.findObjects([(CKA_LABEL, "fleeting")])
    reader = lib.openSession(slot, CKF_SERIAL_SESSION)
    refuses(CKR_SESSION_READ_ONLY, reader.generateKey, [*key, (CKA_TOKEN, True)])
    reader.generateKey([*key, (CKA_TOKEN, False)])
    reader.closeSession()
    session.logout()
    refuses(CKR_USER_NOT_LOGGED_IN, session.generateKey, [*key, (CKA_TOKEN, True), (CKA_PRIVATE, True)])
    session.login(os.environ["CLIENT_PIN"])


def main():
    lib = PyKCS11Lib()
    lib.load(os.environ["CLIENT_MODULE"])
    labels = {lib.getTokenInfo(slot).label.strip(): slot for slot in lib.getSlotList(tokenPresent=True)}
    session = lib.openSession(labels[os.environ["CLIENT_LABEL"]], CKF_SERIAL_SESSION | CKF_RW_SESSION)
    session.lib_object = lib
    session.login(os.environ["CLIENT_PIN"])
    globals()[sys.argv[1]](session)
    session.logout()
    session.closeSession()
    print("done")


if __name__ == "__main__":
    main()
