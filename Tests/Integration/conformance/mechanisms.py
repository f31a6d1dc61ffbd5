"""Every mechanism that this suite can put to use: its key, its parameter, its input, and the unit of its key sizes.

A family has rows that differ by the hash or the mode only. `exercise` proves one flag of CK_MECHANISM_INFO.
"""

import ctypes
from dataclasses import dataclass
from typing import Callable

import cryptoki as ck
import material
from cryptoki import Mechanism, pointed
from operations import IV, TEXT, ctr, gcm, oaep, pss

HASHES = {
    # Name: (digest size in bytes, mask generation function, KDF of ECDH)
    "SHA_1": (20, "SHA1", "SHA1"),
    "SHA224": (28, "SHA224", "SHA224"),
    "SHA256": (32, "SHA256", "SHA256"),
    "SHA384": (48, "SHA384", "SHA384"),
    "SHA512": (64, "SHA512", "SHA512"),
    "SHA3_224": (28, "SHA3_224", "SHA3_224"),
    "SHA3_256": (32, "SHA3_256", "SHA3_256"),
    "SHA3_384": (48, "SHA3_384", "SHA3_384"),
    "SHA3_512": (64, "SHA3_512", "SHA3_512"),
}


@dataclass(frozen=True)
class Row:
    """`keys` are the names of the key that does and the key that undoes. `unit` is what the standard says of
    ulMinKeySize and ulMaxKeySize: "bits" of a modulus or field, "bytes" of a secret, or None where it leaves them open.
    `size` is the size of the keys above in that unit.
    """

    name: str
    keys: tuple[str, ...] = ()
    mechanism: Callable[[], Mechanism] | None = None
    data: bytes = TEXT
    unit: str | None = None
    size: int = 0

    @property
    def kind(self) -> int:
        return ck.CONSTANTS[self.name]

    def made(self) -> Mechanism:
        return self.mechanism() if self.mechanism else Mechanism(self.kind)


def _digests():
    for name in HASHES:
        yield Row(f"CKM_{name}")
    for name in ("SHA512_224", "SHA512_256"):
        yield Row(f"CKM_{name}")


def _rsa():
    keys, undo = ("rsa-private", "rsa-public"), ("rsa-public", "rsa-private")
    size = {"unit": "bits", "size": 2048}
    yield Row("CKM_RSA_PKCS", keys, data=TEXT[:32], **size)
    yield Row("CKM_RSA_X_509", keys, data=b"\0" + TEXT * 5 + TEXT[:15], **size)
    yield Row("CKM_RSA_PKCS_OAEP", undo, oaep, TEXT[:32], **size)
    yield Row("CKM_RSA_PKCS_PSS", keys, pss, TEXT[:32], **size)
    for name, (length, mgf, _) in HASHES.items():
        short = name.replace("SHA_1", "SHA1")
        yield Row(f"CKM_{short}_RSA_PKCS", keys, **size)
        kind, hash_ = ck.CONSTANTS[f"CKM_{short}_RSA_PKCS_PSS"], ck.CONSTANTS[f"CKM_{name}"]
        generator = ck.CONSTANTS[f"CKG_MGF1_{mgf}"]
        yield Row(f"CKM_{short}_RSA_PKCS_PSS", keys, lambda a=(kind, hash_, generator, length): pss(*a), **size)
    yield Row("CKM_RSA_AES_KEY_WRAP", undo, rsa_aes, **size)


def rsa_aes() -> Mechanism:
    inner = oaep().parameter
    parameter = pointed(ck.CK_RSA_AES_KEY_WRAP_PARAMS, ulAESKeyBits=256, pOAEPParams=inner)
    return Mechanism(ck.CKM_RSA_AES_KEY_WRAP, parameter)


def _curves():
    keys, size = ("p256-private", "p256-public"), {"unit": "bits", "size": 256}
    yield Row("CKM_ECDSA", keys, data=TEXT[:32], **size)
    for name in HASHES:
        yield Row(f"CKM_ECDSA_{name.replace('SHA_1', 'SHA1')}", keys, **size)
    yield Row("CKM_EDDSA", ("ed25519-private", "ed25519-public"), unit="bits", size=255)
    for name in ("CKM_ECDH1_DERIVE", "CKM_ECDH1_COFACTOR_DERIVE"):
        yield Row(name, keys, lambda kind=ck.CONSTANTS[name]: agreement(kind), **size)


def agreement(kind: int) -> Mechanism:
    point = material.ec_point("p256")
    own = {"kdf": ck.CKD_NULL, "pPublicData": point, "ulPublicDataLen": len(point)}
    return Mechanism(kind, pointed(ck.CK_ECDH1_DERIVE_PARAMS, **own))


def made(name: str, parameter) -> Callable[[], Mechanism]:
    """A mechanism with a parameter that never changes, or the function that makes both."""
    return parameter if callable(parameter) else lambda: Mechanism(ck.CONSTANTS[name], parameter)


def _secrets():
    aes, size = ("aes", "aes"), {"unit": "bytes", "size": 32}
    for name, parameter in [
        ("ECB", None), ("CBC", IV), ("CBC_PAD", IV), ("CTS", IV), ("OFB", IV), ("CFB1", IV), ("CFB8", IV),
        ("CFB64", IV), ("CFB128", IV), ("CTR", ctr), ("GCM", gcm), ("CCM", ccm), ("GMAC", IV[:12]), ("CMAC", None),
        ("CMAC_GENERAL", 8), ("MAC", None), ("MAC_GENERAL", 8), ("XCBC_MAC", None), ("XCBC_MAC_96", None),
        ("KEY_WRAP", None), ("KEY_WRAP_KWP", None), ("KEY_WRAP_PAD", None), ("KEY_WRAP_PKCS7", None),
        ("ECB_ENCRYPT_DATA", string_data(TEXT[:32])),
        ("CBC_ENCRYPT_DATA", cbc_data(ck.CK_AES_CBC_ENCRYPT_DATA_PARAMS, 16)),
    ]:  # fmt: skip
        # 6.17 does not say the unit for derivation by encryption.
        yield Row(
            f"CKM_AES_{name}", aes, made(f"CKM_AES_{name}", parameter), **({} if name.endswith("_DATA") else size)
        )
    # The standard does not use the key sizes of triple DES.
    for name, parameter in [
        ("ECB", None), ("CBC", IV[:8]), ("CBC_PAD", IV[:8]), ("CMAC", None), ("CMAC_GENERAL", 4), ("MAC", None),
        ("MAC_GENERAL", 4), ("ECB_ENCRYPT_DATA", string_data(TEXT[:32])),
        ("CBC_ENCRYPT_DATA", cbc_data(ck.CK_DES_CBC_ENCRYPT_DATA_PARAMS, 8)),
    ]:  # fmt: skip
        yield Row(f"CKM_DES3_{name}", ("des3", "des3"), made(f"CKM_DES3_{name}", parameter))
    # Nor does it say the unit of an HMAC's: 32 bytes or 256 bits must be among them.
    for name in [*HASHES, "SHA512_224", "SHA512_256"]:
        yield Row(f"CKM_{name}_HMAC", ("generic-64", "generic-64"))
        general = f"CKM_{name}_HMAC_GENERAL"
        yield Row(general, ("generic-64", "generic-64"), lambda kind=ck.CONSTANTS[general]: Mechanism(kind, 10))
    for name in ("CKM_HKDF_DERIVE", "CKM_HKDF_DATA"):
        yield Row(name, ("generic-32",), lambda kind=ck.CONSTANTS[name]: Mechanism(kind, hkdf()))
    for name in ("CONCATENATE_BASE_AND_DATA", "CONCATENATE_DATA_AND_BASE", "XOR_BASE_AND_DATA"):
        kind = ck.CONSTANTS[f"CKM_{name}"]
        yield Row(f"CKM_{name}", ("generic-32",), lambda kind=kind: Mechanism(kind, string_data(TEXT[:32])))
    for name in HASHES:
        yield Row(f"CKM_{name.replace('SHA_1', 'SHA1')}_KEY_DERIVATION", ("generic-32",))


def ccm() -> Mechanism:
    own = {"ulDataLen": len(TEXT), "pNonce": IV[:12], "ulNonceLen": 12, "ulMACLen": 16}
    return Mechanism(ck.CKM_AES_CCM, pointed(ck.CK_CCM_PARAMS, **own))


def string_data(data: bytes):
    return pointed(ck.CK_KEY_DERIVATION_STRING_DATA, pData=data, ulLen=len(data))


def cbc_data(structure: type, block: int):
    parameter = pointed(structure, pData=TEXT[:32], length=32)
    parameter.iv[:] = IV[:block]
    return parameter


def hkdf():
    own = {"prfHashMechanism": ck.CKM_SHA256, "ulSaltType": ck.CKF_HKDF_SALT_DATA, "pSalt": IV, "ulSaltLen": 16}
    return pointed(ck.CK_HKDF_PARAMS, bExtract=1, bExpand=1, pInfo=IV, ulInfoLen=16, **own)


def _generation():
    yield Row("CKM_RSA_PKCS_KEY_PAIR_GEN", ("rsa",), unit="bits", size=2048)
    yield Row("CKM_EC_KEY_PAIR_GEN", ("p256",), unit="bits", size=256)
    yield Row("CKM_EC_EDWARDS_KEY_PAIR_GEN", ("ed25519",), unit="bits", size=255)
    yield Row("CKM_EC_MONTGOMERY_KEY_PAIR_GEN", ("x25519",), unit="bits", size=255)
    yield Row("CKM_AES_KEY_GEN", ("aes",), unit="bytes", size=32)
    # 6.8: the range of the generic secret's generation is told in bits.
    yield Row("CKM_GENERIC_SECRET_KEY_GEN", ("generic",), unit="bits", size=256)
    for name in ("DES2", "DES3", "HKDF", *HASHES, "SHA512_224", "SHA512_256"):
        yield Row(f"CKM_{name}_KEY_GEN", (name,))


ROWS = [*_digests(), *_rsa(), *_curves(), *_secrets(), *_generation()]
BY_KIND = {row.kind: row for row in ROWS}

DERIVED = {
    ck.CKA_CLASS: ck.CKO_SECRET_KEY, ck.CKA_KEY_TYPE: ck.CKK_GENERIC_SECRET, ck.CKA_VALUE_LEN: 16,
    ck.CKA_SENSITIVE: False, ck.CKA_EXTRACTABLE: True,
}  # fmt: skip
WRAPPED = {ck.CKA_CLASS: ck.CKO_SECRET_KEY, ck.CKA_KEY_TYPE: ck.CKK_AES, ck.CKA_ENCRYPT: True}


class Exercise:
    """Proves flags of one row with keys of one origin."""

    def __init__(self, session, row: Row, origin: str):
        self.session, self.row, self.origin = session, row, origin
        self._keys: dict[str, int] = {}

    def key(self, half: str) -> int:
        """The private, public or only key."""
        name = ([name for name in self.row.keys if name.endswith(half)] or list(self.row.keys))[0]
        if name not in self._keys:
            self._keys[name] = self.session.keys(name, self.origin, **self._more_uses())
        return self._keys[name]

    def _more_uses(self) -> dict[str, bool]:
        """Uses that the keys of other tests do not have."""
        if not self.row.name.startswith("CKM_DES3"):
            return {}
        if self.row.name.endswith("_DATA"):
            return {"DERIVE": True}
        return {"SIGN": True, "VERIFY": True} if "MAC" in self.row.name else {}

    def encrypt(self):
        ciphertext = self.session.encrypt(self.row.made(), self.key("public"), self.row.data)
        assert ciphertext != self.row.data
        plain = self.session.decrypt(self.row.made(), self.key("private"), ciphertext)
        assert plain == self.row.data

    decrypt = encrypt

    def sign(self):
        signature = self.session.sign(self.row.made(), self.key("private"), self.row.data)
        assert self.session.verify(self.row.made(), self.key("public"), signature, self.row.data) == ck.CKR_OK
        wrong = bytes([signature[0] ^ 1]) + signature[1:]
        assert (
            self.session.verify(self.row.made(), self.key("public"), wrong, self.row.data) == ck.CKR_SIGNATURE_INVALID
        )

    verify = sign

    def sign_recover(self):
        signature = self.session.sign_recover(self.row.made(), self.key("private"), self.row.data)
        assert self.session.verify_recover(self.row.made(), self.key("public"), signature) == self.row.data

    verify_recover = sign_recover

    def digest(self):
        assert len(self.session.digest(self.row.made(), self.row.data)) >= 20

    def wrap(self):
        key = self.session.keys("aes-16")
        wrapped = self.session.wrap(self.row.made(), self.key("public"), key)
        again = self.session.unwrap(self.row.made(), self.key("private"), wrapped, WRAPPED)
        ecb = Mechanism(ck.CKM_AES_ECB)
        assert self.session.encrypt(ecb, again, IV) == self.session.encrypt(ecb, key, IV)

    unwrap = wrap

    def derive(self):
        wanted = dict(DERIVED)
        if self.row.name == "CKM_HKDF_DATA":
            wanted = {ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_VALUE_LEN: 16}
        one = self.session.get(self.session.derive(self.row.made(), self.key("private"), wanted), ck.CKA_VALUE)
        two = self.session.get(self.session.derive(self.row.made(), self.key("private"), wanted), ck.CKA_VALUE)
        assert one == two and len(one) == 16

    def generate(self):
        sized = {} if "DES" in self.row.name else {ck.CKA_VALUE_LEN: 32}
        key = self.session.generate(self.row.made(), sized)
        assert ck.number(self.session.get(key, ck.CKA_KEY_GEN_MECHANISM)) == self.row.kind

    def generate_key_pair(self):
        assert self.session.keys(f"{self.row.keys[0]}-private", "generated")

    def message_sign(self):
        session = self.session
        assert session.C_MessageSignInit(self.row.made(), self.key("private")) == ck.CKR_OK
        data = self.row.data
        signature = session.library.sized(lambda *out: session.C_SignMessage(None, 0, data, len(data), *out))
        assert session.C_MessageSignFinal() == ck.CKR_OK
        assert session.verify(self.row.made(), self.key("public"), signature, data) == ck.CKR_OK

    def message_verify(self):
        session, data = self.session, self.row.data
        signature = session.sign(self.row.made(), self.key("private"), data)
        assert session.C_MessageVerifyInit(self.row.made(), self.key("public")) == ck.CKR_OK
        assert session.C_VerifyMessage(None, 0, data, len(data), signature, len(signature)) == ck.CKR_OK
        assert session.C_MessageVerifyFinal() == ck.CKR_OK

    def message_encrypt(self):
        from test_states_messages import Message, gcm_mechanism, one_shot

        assert self.row.name == "CKM_AES_GCM", "the suite knows no other mechanism for messages"
        key, message = self.key("only"), Message()
        assert self.session.C_MessageEncryptInit(gcm_mechanism(), key) == ck.CKR_OK
        value, ciphertext = one_shot(self.session, "Encrypt", message, b"", TEXT)
        assert value == ck.CKR_OK
        assert self.session.C_MessageEncryptFinal() == ck.CKR_OK
        assert self.session.C_MessageDecryptInit(gcm_mechanism(), key) == ck.CKR_OK
        assert one_shot(self.session, "Decrypt", message, b"", ciphertext) == (ck.CKR_OK, TEXT)
        assert self.session.C_MessageDecryptFinal() == ck.CKR_OK

    message_decrypt = message_encrypt


FLAGS = {
    ck.CONSTANTS["CKF_" + name.upper()]: name
    for name in (
        "encrypt decrypt digest sign sign_recover verify verify_recover generate generate_key_pair wrap unwrap derive "
        "message_encrypt message_decrypt message_sign message_verify"
    ).split()
}
OTHER_FLAGS = (
    ck.CKF_HW | ck.CKF_EC_F_P | ck.CKF_EC_F_2M | ck.CKF_EC_ECPARAMETERS | ck.CKF_EC_OID | ck.CKF_EC_UNCOMPRESS
    | ck.CKF_EC_COMPRESS | ck.CKF_EC_CURVENAME | ck.CKF_MULTI_MESSAGE | ck.CKF_FIND_OBJECTS
)  # fmt: skip


def begin(session, flag: str, mechanism: Mechanism, key: int):
    """Starts or does what the flag stands for; the answer tells whether the mechanism is one for it."""
    place, empty = ctypes.c_ulong(), (None, 0)
    if flag in ("encrypt", "decrypt", "sign", "verify"):
        return getattr(session, f"C_{flag.capitalize()}Init")(mechanism, key)
    if flag in ("sign_recover", "verify_recover"):
        return getattr(session, f"C_{flag.split('_')[0].capitalize()}RecoverInit")(mechanism, key)
    if flag.startswith("message_"):
        return getattr(session, f"C_Message{flag.split('_')[1].capitalize()}Init")(mechanism, key)
    calls = {
        "digest": lambda: session.C_DigestInit(mechanism),
        "generate": lambda: session.C_GenerateKey(mechanism, *empty, place),
        "generate_key_pair": lambda: session.C_GenerateKeyPair(mechanism, *empty, *empty, place, ctypes.c_ulong()),
        "wrap": lambda: session.C_WrapKey(mechanism, key, key, None, place),
        "unwrap": lambda: session.C_UnwrapKey(mechanism, key, bytes(64), 64, *ck.Template(WRAPPED).arguments, place),
        "derive": lambda: session.C_DeriveKey(mechanism, key, *ck.Template(DERIVED).arguments, place),
    }
    return calls[flag]()
