"""What a program in Python does with `python-pkcs11`. Whatever the token computes is checked with `cryptography`.

Usage: python_pkcs11_script.py CHECK, with CLIENT_MODULE, CLIENT_LABEL and CLIENT_PIN in the environment.
"""

import os
import sys

import pkcs11
from cryptography.hazmat.primitives import cmac, hashes, hmac, keywrap, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from pkcs11 import KDF, MGF, Attribute, KeyType, Mechanism, ObjectClass, exceptions
from pkcs11.constants import DEFAULT
from pkcs11.mechanisms import CTRParams, GCMParams
from pkcs11.util.ec import decode_ec_private_key, encode_ec_public_key, encode_named_curve_parameters
from pkcs11.util.rsa import decode_rsa_private_key, encode_rsa_public_key

DATA = b"Made here, checked there." * 3
CURVES = {"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1(), "secp521r1": ec.SECP521R1()}
HASHES = {
    "SHA_1": hashes.SHA1(),
    "SHA224": hashes.SHA224(),
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


def rsa_pair(session, bits=2048, **options):
    public, private = session.generate_keypair(KeyType.RSA, bits, label="rsa", id=b"\x01", store=True, **options)
    return public, private, serialization.load_der_public_key(encode_rsa_public_key(public))


def ec_pair(session, curve="secp256r1", **options):
    parameters = {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
    domain = session.create_domain_parameters(KeyType.EC, parameters, local=True)
    public, private = domain.generate_keypair(label="ec", id=b"\x02", store=True, **options)
    return public, private, serialization.load_der_public_key(encode_ec_public_key(public))


def refuses(error, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


def check_signatures_with_rsa(session):
    public, private, outside = rsa_pair(session)
    for name in ("SHA256", "SHA384", "SHA512"):
        mechanism = Mechanism[f"{name}_RSA_PKCS"]
        signature = private.sign(DATA, mechanism=mechanism)
        outside.verify(signature, DATA, rsa_padding.PKCS1v15(), HASHES[name])
        assert public.verify(DATA, signature, mechanism=mechanism)
        assert not public.verify(DATA + b"!", signature, mechanism=mechanism)
        assert private.sign(iter([DATA[:7], DATA[7:]]), mechanism=mechanism) == signature
        pss = Mechanism[f"{name}_RSA_PKCS_PSS"]
        parameters = (Mechanism[name], MGF[name], HASHES[name].digest_size)
        signature = private.sign(DATA, mechanism=pss, mechanism_param=parameters)
        salt = rsa_padding.PSS(rsa_padding.MGF1(HASHES[name]), HASHES[name].digest_size)
        outside.verify(signature, DATA, salt, HASHES[name])
        assert public.verify(DATA, signature, mechanism=pss, mechanism_param=parameters)


def check_signatures_with_curves(session):
    for curve in CURVES:
        public, private, outside = ec_pair(session, curve)
        for name in ("SHA256", "SHA384", "SHA512"):
            mechanism = Mechanism[f"ECDSA_{name}"]
            raw = private.sign(DATA, mechanism=mechanism)
            half = len(raw) // 2
            der = encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
            outside.verify(der, DATA, ec.ECDSA(HASHES[name]))
            assert public.verify(DATA, raw, mechanism=mechanism)
            assert not public.verify(DATA[1:], raw, mechanism=mechanism)


def check_signatures_with_ed25519(session):
    parameters = {Attribute.EC_PARAMS: encode_named_curve_parameters("1.3.101.112")}
    domain = session.create_domain_parameters(KeyType.EC_EDWARDS, parameters, local=True)
    public, private = domain.generate_keypair(label="edwards", store=True)
    signature = private.sign(DATA, mechanism=Mechanism.EDDSA)
    ed25519.Ed25519PublicKey.from_public_bytes(public[Attribute.EC_POINT][-32:]).verify(signature, DATA)
    assert public.verify(DATA, signature, mechanism=Mechanism.EDDSA)
    assert not public.verify(DATA + b"!", signature, mechanism=Mechanism.EDDSA)


def check_macs(session):
    value = os.urandom(64)
    key = session.create_object(secret(KeyType.GENERIC_SECRET, value, sign=True))
    for name, algorithm in HASHES.items():
        mechanism = Mechanism[f"{name}_HMAC"]
        outside = hmac.HMAC(value, algorithm)
        outside.update(DATA)
        mac = key.sign(DATA, mechanism=mechanism)
        assert mac == outside.finalize() == key.sign(iter([DATA[:9], DATA[9:]]), mechanism=mechanism)
        assert key.verify(DATA, mac, mechanism=mechanism) and not key.verify(DATA, mac[::-1], mechanism=mechanism)
    for size in (16, 24, 32):
        key = session.create_object(secret(KeyType.AES, value[:size], sign=True))
        for data in (b"", b"x", bytes(16), DATA):
            outside = cmac.CMAC(algorithms.AES(value[:size]))
            outside.update(data)
            mac = key.sign(data, mechanism=Mechanism.AES_CMAC)
            assert mac == outside.finalize() and key.verify(data, mac, mechanism=Mechanism.AES_CMAC)


def secret(kind, value: bytes, sign=False, token=False):
    attributes = {
        Attribute.CLASS: ObjectClass.SECRET_KEY,
        Attribute.KEY_TYPE: kind,
        Attribute.TOKEN: token,
        Attribute.SENSITIVE: False,
        Attribute.EXTRACTABLE: True,
        Attribute.VALUE: value,
    }
    if sign:
        return attributes | {Attribute.SIGN: True, Attribute.VERIFY: True}
    flags = (Attribute.ENCRYPT, Attribute.DECRYPT, Attribute.WRAP, Attribute.UNWRAP, Attribute.DERIVE)
    return attributes | {flag: True for flag in flags if kind == KeyType.AES}


def check_ciphers(session):
    for token in (False, True):
        for size in (16, 24, 32):
            value, iv = os.urandom(size), os.urandom(16)
            key = session.create_object(secret(KeyType.AES, value, token=token))
            blocks = DATA[:64]
            padder = padding.PKCS7(128).padder()
            padded = padder.update(DATA) + padder.finalize()
            nonce = os.urandom(12)
            expected = {
                Mechanism.AES_ECB: (None, blocks, sealed(value, modes.ECB(), blocks)),
                Mechanism.AES_CBC: (iv, blocks, sealed(value, modes.CBC(iv), blocks)),
                Mechanism.AES_CBC_PAD: (iv, DATA, sealed(value, modes.CBC(iv), padded)),
                Mechanism.AES_CTR: (CTRParams(nonce), DATA, sealed(value, modes.CTR(nonce + b"\0\0\0\1"), DATA)),
            }
            for mechanism, (parameter, data, outside) in expected.items():
                options = {"mechanism": mechanism, "mechanism_param": parameter}
                assert key.encrypt(data, **options) == outside, mechanism
                assert key.decrypt(outside, **options) == data, mechanism
                assert b"".join(key.encrypt(iter([data[:16], data[16:17], data[17:]]), **options)) == outside, mechanism
                assert b"".join(key.decrypt(iter([outside[:5], outside[5:]]), **options)) == data, mechanism
            key.destroy()


def sealed(value, mode, data):
    encryptor = Cipher(algorithms.AES(value), mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def check_gcm(session):
    value, nonce = os.urandom(32), os.urandom(12)
    key = session.create_object(secret(KeyType.AES, value))
    outside = AESGCM(value)
    for data in (b"", b"x", DATA):
        for aad in (None, b"header"):
            options = {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, aad)}
            ours = key.encrypt(data, **options)
            assert ours == outside.encrypt(nonce, data, aad)
            assert key.decrypt(ours, **options) == data
            altered = ours[:-1] + bytes([ours[-1] ^ 1])
            refuses(exceptions.PKCS11Error, key.decrypt, altered, **options)
    other = {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, b"another header")}
    refuses(exceptions.PKCS11Error, key.decrypt, outside.encrypt(nonce, DATA, b"header"), **other)


def check_rsa_encryption(session):
    public, private, outside = rsa_pair(session)
    for name, algorithm in HASHES.items():
        options = {
            "mechanism": Mechanism.RSA_PKCS_OAEP,
            "mechanism_param": (Mechanism[name], MGF[name.replace("_", "")], b"label"),
        }
        oaep = rsa_padding.OAEP(rsa_padding.MGF1(algorithm), algorithm, b"label")
        assert private.decrypt(outside.encrypt(DATA[:32], oaep), **options) == DATA[:32]
        assert private.decrypt(public.encrypt(DATA[:32], **options), **options) == DATA[:32]
    pkcs1 = {"mechanism": Mechanism.RSA_PKCS}
    assert private.decrypt(outside.encrypt(DATA, rsa_padding.PKCS1v15()), **pkcs1) == DATA
    assert private.decrypt(public.encrypt(DATA, **pkcs1), **pkcs1) == DATA


def check_wrapping_by_aes(session):
    value, content = os.urandom(32), os.urandom(32)
    wrapping = session.create_object(secret(KeyType.AES, value))
    key = session.create_object(secret(KeyType.AES, content))
    wrapped = wrapping.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP)
    assert wrapped == keywrap.aes_key_wrap(value, content)
    padded = wrapping.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP_KWP)
    assert padded == keywrap.aes_key_wrap_with_padding(value, content)
    for mechanism, data in ((Mechanism.AES_KEY_WRAP, wrapped), (Mechanism.AES_KEY_WRAP_KWP, padded)):
        template = {Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False}
        back = wrapping.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, data, mechanism=mechanism, template=template)
        assert back[Attribute.VALUE] == content
        damaged = data[:-1] + bytes([data[-1] ^ 1])
        refuses(
            exceptions.PKCS11Error, wrapping.unwrap_key, ObjectClass.SECRET_KEY, KeyType.AES, damaged,
            mechanism=mechanism, template=template,
        )  # fmt: skip


def check_wrapping_by_rsa(session):
    public, private, outside = rsa_pair(session)
    content = os.urandom(32)
    key = session.create_object(secret(KeyType.AES, content))
    options = {"mechanism": Mechanism.RSA_PKCS_OAEP, "mechanism_param": (Mechanism.SHA256, MGF.SHA256, None)}
    template = {Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False}
    for wrapped in (
        public.wrap_key(key, **options),
        outside.encrypt(content, rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)),
    ):
        back = private.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, wrapped, template=template, **options)
        assert back[Attribute.VALUE] == content


def check_wrapping_private_keys(session):
    """As PKCS #8 in the padded key wrap: the way of moving a key from token to token."""
    value = os.urandom(32)
    wrapping = session.create_object(secret(KeyType.AES, value))
    template = {Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: True}
    for public, private, outside in (
        rsa_pair(session, private_template=template),
        ec_pair(session, private_template=template),
    ):
        wrapped = wrapping.wrap_key(private, mechanism=Mechanism.AES_KEY_WRAP_KWP)
        plain = keywrap.aes_key_unwrap_with_padding(value, wrapped)
        assert spki(serialization.load_der_private_key(plain, None).public_key()) == spki(outside)
        kind = private.key_type
        # By itself the package states the uses of public keys, too; those, a private key has not.
        uses = {use: DEFAULT for use in (Attribute.ENCRYPT, Attribute.VERIFY, Attribute.WRAP)}
        back = wrapping.unwrap_key(
            ObjectClass.PRIVATE_KEY, kind, wrapped, mechanism=Mechanism.AES_KEY_WRAP_KWP, label="moved",
            template=uses | {Attribute.SIGN: True},
        )  # fmt: skip
        mechanism = Mechanism.SHA256_RSA_PKCS if kind == KeyType.RSA else Mechanism.ECDSA_SHA256
        assert public.verify(DATA, back.sign(DATA, mechanism=mechanism), mechanism=mechanism)


def spki(key) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def check_derivation(session):
    for curve, outside in CURVES.items():
        _, private, public = ec_pair(session, curve)
        peer = ec.generate_private_key(outside)
        shared = peer.exchange(ec.ECDH(), public)
        encoding = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        point = peer.public_key().public_bytes(*encoding)
        template = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}
        key = private.derive_key(
            KeyType.GENERIC_SECRET, 8 * len(shared), mechanism_param=(KDF.NULL, None, point), template=template
        )
        assert key[Attribute.VALUE] == shared
        key = private.derive_key(KeyType.AES, 128, mechanism_param=(KDF.NULL, None, point), template=template)
        # "The truncation removes bytes from the leading end of the secret value."
        assert key[Attribute.VALUE] == shared[-16:]


def check_derivation_with_kdf(session):
    """X9.63's function over the shared secret, with and without shared data."""
    _, private, public = ec_pair(session)
    peer = ec.generate_private_key(ec.SECP256R1())
    shared = peer.exchange(ec.ECDH(), public)
    point = peer.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    for kdf, algorithm in ((KDF.SHA1, hashes.SHA1()), (KDF.SHA256, hashes.SHA256()), (KDF.SHA512, hashes.SHA512())):
        for info in (None, b"for somebody"):
            key = private.derive_key(
                KeyType.AES, 256, mechanism_param=(kdf, info, point),
                template={Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True},
            )  # fmt: skip
            assert key[Attribute.VALUE] == X963KDF(algorithm, 32, info).derive(shared)


def check_imported_private_keys(session):
    outside = rsa.generate_private_key(65537, 2048)
    der = outside.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    key = session.create_object(decode_rsa_private_key(der) | {Attribute.TOKEN: True, Attribute.LABEL: "brought"})
    signature = key.sign(DATA, mechanism=Mechanism.SHA256_RSA_PKCS)
    outside.public_key().verify(signature, DATA, rsa_padding.PKCS1v15(), hashes.SHA256())
    for curve in CURVES.values():
        outside = ec.generate_private_key(curve)
        der = outside.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        key = session.create_object(decode_ec_private_key(der) | {Attribute.TOKEN: True, Attribute.LABEL: "curve"})
        raw = key.sign(DATA, mechanism=Mechanism.ECDSA_SHA256)
        half = len(raw) // 2
        der = encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        outside.public_key().verify(der, DATA, ec.ECDSA(hashes.SHA256()))


def check_digests_and_random(session):
    for name, algorithm in HASHES.items():
        outside = hashes.Hash(algorithm)
        outside.update(DATA)
        expected = outside.finalize()
        assert session.digest(DATA, mechanism=Mechanism[name]) == expected
        assert session.digest(iter([DATA[:20], DATA[20:]]), mechanism=Mechanism[name]) == expected
    assert session.generate_random(256) != session.generate_random(256)


def check_objects(session):
    """Found by what they are, changed, copied, and gone when destroyed."""
    _, private, _ = ec_pair(session)
    assert [key.label for key in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})] == ["ec"]
    assert session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="ec", id=b"\x02").id == b"\x02"
    refuses(pkcs11.NoSuchKey, session.get_key, label="nobody")
    private[Attribute.LABEL] = "renamed"
    assert session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="renamed").id == b"\x02"
    key = session.generate_key(KeyType.AES, 256, label="original", store=True)
    copy = key.copy({Attribute.TOKEN: False, Attribute.LABEL: "copy"})
    iv = os.urandom(16)
    options = {"mechanism_param": iv, "mechanism": Mechanism.AES_CBC_PAD}
    assert copy.decrypt(key.encrypt(DATA, **options), **options) == DATA
    key.destroy()
    copy.destroy()
    assert not list(session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY}))
    private.destroy()
    assert not list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))


def check_refusals(session):
    """Sensitive values, one-way attributes, uses that were not granted, parameters of a wrong size."""
    key = session.generate_key(KeyType.AES, 256, label="kept", store=True, capabilities=pkcs11.MechanismFlag.ENCRYPT)
    refuses(exceptions.AttributeSensitive, lambda: key[Attribute.VALUE])
    refuses(exceptions.PKCS11Error, key.__setitem__, Attribute.SENSITIVE, False)
    refuses(exceptions.PKCS11Error, key.__setitem__, Attribute.EXTRACTABLE, True)
    aes = session.create_object(secret(KeyType.AES, bytes(32)))
    for size in (0, 8, 15, 17):
        refuses(exceptions.MechanismParamInvalid, aes.encrypt, bytes(16), mechanism_param=bytes(size))
    refuses(exceptions.MechanismParamInvalid, aes.encrypt, b"", mechanism=Mechanism.AES_GCM,
            mechanism_param=GCMParams(b"", tag_bits=128))  # fmt: skip
    refuses(exceptions.MechanismParamInvalid, aes.encrypt, b"", mechanism=Mechanism.AES_GCM,
            mechanism_param=GCMParams(bytes(12), tag_bits=129))  # fmt: skip
    refuses(exceptions.PKCS11Error, session.generate_key, KeyType.AES, 136)
    _, private, _ = rsa_pair(session, capabilities=pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY)
    refuses(exceptions.PKCS11Error, lambda: private[Attribute.PRIVATE_EXPONENT])


def check_certificates_and_data(session):
    value = os.urandom(100)
    session.create_object({
        Attribute.CLASS: ObjectClass.DATA,
        Attribute.TOKEN: True,
        Attribute.LABEL: "note",
        Attribute.APPLICATION: "tests",
        Attribute.VALUE: value,
    })  # fmt: skip
    (found,) = session.get_objects({Attribute.CLASS: ObjectClass.DATA, Attribute.LABEL: "note"})
    assert found[Attribute.VALUE] == value and found[Attribute.APPLICATION] == "tests"
    found.destroy()


def main():
    token = pkcs11.lib(os.environ["CLIENT_MODULE"]).get_token(token_label=os.environ["CLIENT_LABEL"])
    with token.open(rw=True, user_pin=os.environ["CLIENT_PIN"]) as session:
        globals()[sys.argv[1]](session)
    print("done")


if __name__ == "__main__":
    main()
