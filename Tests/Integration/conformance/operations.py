"""One row per operation that the state tests put through its paces: functions, mechanism, key, input."""

import hashlib
from dataclasses import dataclass, replace
from typing import Callable

import cryptoki as ck
import pytest
from cryptoki import Mechanism, pointed

IV = bytes(range(16))
TEXT = bytes(range(48))
SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(TEXT).digest()
DIGEST = hashlib.sha256(TEXT).digest()


def gcm(iv: bytes = IV[:12], aad: bytes = b"header", tag_bits: int = 128) -> Mechanism:
    own = {"pIv": iv, "ulIvLen": len(iv), "ulIvBits": 8 * len(iv), "pAAD": aad, "ulAADLen": len(aad)}
    return Mechanism(ck.CKM_AES_GCM, pointed(ck.CK_GCM_PARAMS, **own, ulTagBits=tag_bits))


def ctr(bits: int = 128, counter: bytes = IV) -> Mechanism:
    parameter = ck.CK_AES_CTR_PARAMS(ulCounterBits=bits)
    parameter.cb[:] = counter
    return Mechanism(ck.CKM_AES_CTR, parameter)


def oaep(hash_: int | None = None, mgf: int | None = None, label: bytes = b"") -> Mechanism:
    parameter = pointed(
        ck.CK_RSA_PKCS_OAEP_PARAMS,
        hashAlg=ck.CKM_SHA_1 if hash_ is None else hash_,
        mgf=ck.CKG_MGF1_SHA1 if mgf is None else mgf,
        source=ck.CKZ_DATA_SPECIFIED,
        pSourceData=label or None,
        ulSourceDataLen=len(label),
    )
    return Mechanism(ck.CKM_RSA_PKCS_OAEP, parameter)


def pss(kind: int | None = None, hash_: int | None = None, mgf: int | None = None, salt: int = 32) -> Mechanism:
    return Mechanism(
        ck.CKM_RSA_PKCS_PSS if kind is None else kind,
        ck.CK_RSA_PKCS_PSS_PARAMS(
            ck.CKM_SHA256 if hash_ is None else hash_, ck.CKG_MGF1_SHA256 if mgf is None else mgf, salt
        ),
    )


@dataclass(frozen=True)
class Operation:
    """`key` is the key's family; `doing` and `undoing` are the halves or flags that the two directions need."""

    id: str
    verb: str
    mechanism: Callable[[], Mechanism]
    key: str | None
    data: bytes = TEXT
    is_multipart: bool = True
    # The operation whose output this one takes: a decryption's encryption, a verification's signature.
    source: "Operation | None" = None
    # A key of another type, or of a class that cannot do this.
    foreign_key: str = "generic-32"

    @property
    def init(self) -> str:
        return f"C_{self.verb}Init"

    @property
    def one(self) -> str:
        return f"C_{self.verb}"

    @property
    def update(self) -> str:
        return f"C_{self.verb}Update"

    @property
    def final(self) -> str:
        return f"C_{self.verb}Final"

    @property
    def has_output(self) -> bool:
        return self.verb != "Verify"

    @property
    def updates_have_output(self) -> bool:
        return self.verb in ("Encrypt", "Decrypt")

    def require(self, session):
        """Skips where the token does not have the mechanism: that list is the matter of test_mechanisms.py."""
        kind = self.mechanism().struct.mechanism
        library = session.library
        flag = ck.CONSTANTS[{
            "Encrypt": "CKF_ENCRYPT", "Decrypt": "CKF_DECRYPT", "Digest": "CKF_DIGEST", "Sign": "CKF_SIGN",
            "Verify": "CKF_VERIFY", "SignRecover": "CKF_SIGN_RECOVER", "VerifyRecover": "CKF_VERIFY_RECOVER",
        }[self.verb]]  # fmt: skip
        if kind not in library.mechanisms(session.slot) or not library.mechanism_info(session.slot, kind).flags & flag:
            pytest.skip(f"no {ck.MECHANISM_NAMES[kind]} here")

    def handle(self, session, origin: str) -> int:
        return session.keys(self.key, origin) if self.key else 0

    def start(self, session, origin: str = "imported", key: int | None = None, mechanism: Mechanism | None = None):
        """Calls C_...Init and returns its answer."""
        mechanism = mechanism or self.mechanism()
        if self.key is None:
            return session.C_DigestInit(mechanism)
        return getattr(session, self.init)(mechanism, self.handle(session, origin) if key is None else key)

    def input(self, session, origin: str = "imported") -> bytes:
        """What the operation takes: data, or what `source` made of the data."""
        if self.source is None or self.verb == "Verify":
            return self.data
        return self._made(session, origin)

    def signature(self, session, origin: str = "imported") -> bytes:
        return self._made(session, origin)

    def _made(self, session, origin: str) -> bytes:
        source = self.source
        method = {"Encrypt": session.encrypt, "Sign": session.sign, "SignRecover": session.sign_recover}[source.verb]
        return method(source.mechanism(), source.handle(session, origin), source.data)

    def prepared(self, session, origin: str = "imported"):
        """A function for after C_...Init that does the work in one call; returns the answer and the output, if any.
        What it needs is made now: a token may have one operation at a time.
        """
        data = self.input(session, origin)
        if self.has_output:
            return lambda: output_of(getattr(session, self.one), data, len(data))
        signature = self.signature(session, origin)
        return lambda: (session.C_Verify(data, len(data), signature, len(signature)), b"")

    def __str__(self):
        return self.id


def output_of(function, *arguments, room: int = 8192):
    """Calls a function that writes into a buffer of `room` bytes; returns its answer and the output."""
    buffer, length = ck.ctypes.create_string_buffer(max(1, room)), ck.ctypes.c_ulong(room)
    value = function(*arguments, buffer, length)
    return value, buffer.raw[: min(room, length.value)]


def size_of(function, *arguments):
    """The size query: returns the answer and the length told."""
    length = ck.ctypes.c_ulong()
    return function(*arguments, None, length), length.value


def _pairs(verbs: tuple[str, str], rows) -> tuple[list[Operation], list[Operation]]:
    doing, undoing = [], []
    for row in rows:
        words = dict(zip(("id", "mechanism", "keys", "data", "is_multipart", "foreign_key"), row))
        keys = words.pop("keys")
        name = words.pop("id")
        one = Operation(id=f"{verbs[0]}-{name}", verb=verbs[0], key=keys[0], **words)
        doing.append(one)
        undoing.append(replace(one, id=f"{verbs[1]}-{name}", verb=verbs[1], key=keys[1], source=one))
    return doing, undoing


RSA = "rsa-public", "rsa-private"
RSA_SIGN = "rsa-private", "rsa-public"
EC_SIGN = "p256-private", "p256-public"
ED_SIGN = "ed25519-private", "ed25519-public"

ENCRYPT, DECRYPT = _pairs(
    ("Encrypt", "Decrypt"),
    [
        ("AES_ECB", lambda: Mechanism(ck.CKM_AES_ECB), ("aes", "aes")),
        ("AES_CBC", lambda: Mechanism(ck.CKM_AES_CBC, IV), ("aes", "aes")),
        ("AES_CBC_PAD", lambda: Mechanism(ck.CKM_AES_CBC_PAD, IV), ("aes", "aes"), TEXT[:37]),
        ("AES_CTR", ctr, ("aes", "aes"), TEXT[:37]),
        ("AES_GCM", gcm, ("aes", "aes"), TEXT[:37]),
        ("DES3_CBC", lambda: Mechanism(ck.CKM_DES3_CBC, IV[:8]), ("des3", "des3")),
        ("RSA_PKCS", lambda: Mechanism(ck.CKM_RSA_PKCS), RSA, TEXT[:32], False),
        ("RSA_PKCS_OAEP", oaep, RSA, TEXT[:32], False),
    ],
)
SIGN, VERIFY = _pairs(
    ("Sign", "Verify"),
    [
        ("RSA_PKCS", lambda: Mechanism(ck.CKM_RSA_PKCS), RSA_SIGN, SHA256_DIGEST_INFO, False),
        ("RSA_PKCS_PSS", pss, RSA_SIGN, DIGEST, False),
        ("SHA256_RSA_PKCS", lambda: Mechanism(ck.CKM_SHA256_RSA_PKCS), RSA_SIGN),
        ("SHA256_RSA_PKCS_PSS", lambda: pss(ck.CKM_SHA256_RSA_PKCS_PSS), RSA_SIGN),
        ("ECDSA", lambda: Mechanism(ck.CKM_ECDSA), EC_SIGN, DIGEST, False),
        ("ECDSA_SHA256", lambda: Mechanism(ck.CKM_ECDSA_SHA256), EC_SIGN),
        ("EDDSA", lambda: Mechanism(ck.CKM_EDDSA), ED_SIGN, TEXT, False),
        ("SHA256_HMAC", lambda: Mechanism(ck.CKM_SHA256_HMAC), ("generic-32", "generic-32"), TEXT, True, "rsa-private"),
        ("AES_CMAC", lambda: Mechanism(ck.CKM_AES_CMAC), ("aes", "aes")),
    ],
)
SIGN_RECOVER, VERIFY_RECOVER = _pairs(
    ("SignRecover", "VerifyRecover"),
    [("RSA_PKCS", lambda: Mechanism(ck.CKM_RSA_PKCS), RSA_SIGN, TEXT[:32], False)],
)
DIGESTS = [
    Operation(f"Digest-{name}", "Digest", lambda kind=kind: Mechanism(kind), None)
    for name, kind in [
        ("SHA_1", ck.CKM_SHA_1),
        ("SHA256", ck.CKM_SHA256),
        ("SHA512", ck.CKM_SHA512),
        ("SHA3_256", ck.CKM_SHA3_256),
    ]
]
EVERYTHING = [*ENCRYPT, *DECRYPT, *DIGESTS, *SIGN, *VERIFY, *SIGN_RECOVER, *VERIFY_RECOVER]
