"""Key material and certificates for import, made fresh in every run."""

import datetime
import functools

import cryptoki as ck
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519
from cryptography.x509.oid import NameOID

# Named curves as CKA_EC_PARAMS: DER of the object identifier.
OIDS = {
    "p224": bytes.fromhex("06052b81040021"),
    "p256": bytes.fromhex("06082a8648ce3d030107"),
    "p384": bytes.fromhex("06052b81040022"),
    "p521": bytes.fromhex("06052b81040023"),
    "secp256k1": bytes.fromhex("06052b8104000a"),
    "ed25519": bytes.fromhex("06032b6570"),
    "ed448": bytes.fromhex("06032b6571"),
    "x25519": bytes.fromhex("06032b656e"),
    "x448": bytes.fromhex("06032b656f"),
}
CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}
CURVE_BITS = {"p224": 224, "p256": 256, "p384": 384, "p521": 521, "secp256k1": 256}
MODERN = {
    "ed25519": (ed25519.Ed25519PrivateKey, ck.CKK_EC_EDWARDS),
    "ed448": (ed448.Ed448PrivateKey, ck.CKK_EC_EDWARDS),
    "x25519": (x25519.X25519PrivateKey, ck.CKK_EC_MONTGOMERY),
    "x448": (x448.X448PrivateKey, ck.CKK_EC_MONTGOMERY),
}
RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw
DES3 = bytes.fromhex("0123456789abcdef23456789abcdef01456789abcdef0123")


def octet_string(content: bytes) -> bytes:
    """DER OCTET STRING, the form of CKA_EC_POINT."""
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return b"\x04" + length + content


def unsigned(value: int) -> bytes:
    """A big integer as Cryptoki has it: most significant byte first, no sign byte."""
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


@functools.cache
def rsa_key(bits: int = 2048):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def ec_key(curve: str = "p256"):
    return ec.generate_private_key(CURVES[curve]())


@functools.cache
def modern_key(curve: str):
    return MODERN[curve][0].generate()


@functools.cache
def rsa_public(bits: int = 2048) -> dict:
    numbers = rsa_key(bits).public_key().public_numbers()
    return {ck.CKA_MODULUS: unsigned(numbers.n), ck.CKA_PUBLIC_EXPONENT: unsigned(numbers.e)}


@functools.cache
def rsa_private(bits: int = 2048) -> dict:
    numbers = rsa_key(bits).private_numbers()
    return rsa_public(bits) | {
        ck.CKA_PRIVATE_EXPONENT: unsigned(numbers.d),
        ck.CKA_PRIME_1: unsigned(numbers.p),
        ck.CKA_PRIME_2: unsigned(numbers.q),
        ck.CKA_EXPONENT_1: unsigned(numbers.dmp1),
        ck.CKA_EXPONENT_2: unsigned(numbers.dmq1),
        ck.CKA_COEFFICIENT: unsigned(numbers.iqmp),
    }


@functools.cache
def ec_point(curve: str = "p256") -> bytes:
    encoding = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    return ec_key(curve).public_key().public_bytes(*encoding)


def ec_public(curve: str = "p256") -> dict:
    return {ck.CKA_EC_PARAMS: OIDS[curve], ck.CKA_EC_POINT: octet_string(ec_point(curve))}


def ec_private(curve: str = "p256") -> dict:
    size = (CURVE_BITS[curve] + 7) // 8
    value = ec_key(curve).private_numbers().private_value.to_bytes(size, "big")
    return {ck.CKA_EC_PARAMS: OIDS[curve], ck.CKA_VALUE: value}


def modern_public(curve: str) -> dict:
    point = modern_key(curve).public_key().public_bytes(*RAW)
    return {ck.CKA_EC_PARAMS: OIDS[curve], ck.CKA_EC_POINT: octet_string(point)}


def modern_private(curve: str) -> dict:
    private = serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    return {ck.CKA_EC_PARAMS: OIDS[curve], ck.CKA_VALUE: modern_key(curve).private_bytes(*private)}


@functools.cache
def certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "conformance")])
    start = datetime.datetime(2020, 1, 1)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key().public_key())
        .serial_number(0x1234567890)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .sign(rsa_key(), hashes.SHA256())
    )


def certificate_attributes() -> dict:
    made = certificate()
    name = made.subject.public_bytes()
    serial = made.serial_number.to_bytes(5, "big")
    return {
        ck.CKA_SUBJECT: name,
        ck.CKA_ISSUER: name,
        ck.CKA_SERIAL_NUMBER: bytes([2, len(serial)]) + serial,
        ck.CKA_VALUE: made.public_bytes(serialization.Encoding.DER),
    }


def prepare():
    """Makes what takes time, so that children inherit it."""
    rsa_private(), ec_private(), certificate_attributes()
    for curve in MODERN:
        modern_key(curve)
