"""A mechanism with its parameter, as the vector files write it, and as Cryptoki wants it."""

from dataclasses import dataclass, field

import cryptoki as ck
import vector_hashes


@dataclass(frozen=True)
class Call:
    """`parameter` has the names of Tests/Vectors/README.md; octets are bytes, constants are their names."""

    name: str
    parameter: dict = field(default_factory=dict)

    @property
    def mechanism(self) -> ck.Mechanism:
        return ck.Mechanism(ck.CONSTANTS[self.name], _MAKERS[frozenset(self.parameter)](**self.parameter))

    @property
    def is_multipart(self) -> bool:
        return self.name not in _SINGLE_PART

    @property
    def mechanisms(self) -> list[str]:
        """What the token must list: the mechanism, and the hash that its parameter names."""
        hashes = [self.parameter["hash"]] if "hash" in self.parameter else []
        hashes += [row.digest for row in [vector_hashes.by("kdf", self.parameter.get("kdf"))] if row]
        return [self.name, *hashes]

    def __str__(self):
        shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in self.parameter.items()}
        return f"{self.name} {shown}"


# The mechanisms whose data the standard wants in one piece (table of mechanisms against functions, note 2).
_SINGLE_PART = {
    "CKM_RSA_PKCS", "CKM_RSA_X_509", "CKM_RSA_PKCS_OAEP", "CKM_RSA_PKCS_PSS", "CKM_ECDSA", "CKM_EDDSA",
    "CKM_AES_KEY_WRAP", "CKM_AES_KEY_WRAP_KWP",
}  # fmt: skip


def gcm(iv: bytes, aad: bytes, tag_bits: int):
    return ck.pointed(
        ck.CK_GCM_PARAMS,
        pIv=iv, ulIvLen=len(iv), ulIvBits=8 * len(iv), pAAD=aad, ulAADLen=len(aad), ulTagBits=tag_bits,
    )  # fmt: skip


def ctr(counter: bytes, counter_bits: int):
    return ck.CK_AES_CTR_PARAMS(counter_bits, (ck.ctypes.c_ubyte * 16)(*counter))


def pss(hash: str, mgf: str, salt_length: int):
    return ck.CK_RSA_PKCS_PSS_PARAMS(ck.CONSTANTS[hash], ck.CONSTANTS[mgf], salt_length)


def oaep(hash: str, mgf: str, label: bytes):
    return ck.pointed(
        ck.CK_RSA_PKCS_OAEP_PARAMS,
        hashAlg=ck.CONSTANTS[hash], mgf=ck.CONSTANTS[mgf], source=ck.CKZ_DATA_SPECIFIED,
        pSourceData=label or None, ulSourceDataLen=len(label),
    )  # fmt: skip


def eddsa(prehash: bool, context: bytes):
    return ck.pointed(
        ck.CK_EDDSA_PARAMS, phFlag=prehash, pContextData=context or None, ulContextDataLen=len(context)
    )


def ecdh(kdf: str, shared_data: bytes, public_data: bytes):
    return ck.pointed(
        ck.CK_ECDH1_DERIVE_PARAMS,
        kdf=ck.CONSTANTS[kdf], pSharedData=shared_data or None, ulSharedDataLen=len(shared_data),
        pPublicData=public_data, ulPublicDataLen=len(public_data),
    )  # fmt: skip


def hkdf(hash: str, extract: bool, expand: bool, salt: bytes | None, info: bytes):
    return ck.pointed(
        ck.CK_HKDF_PARAMS,
        bExtract=extract, bExpand=expand, prfHashMechanism=ck.CONSTANTS[hash],
        ulSaltType=ck.CKF_HKDF_SALT_NULL if salt is None else ck.CKF_HKDF_SALT_DATA,
        pSalt=salt or None, ulSaltLen=len(salt or b""), hSaltKey=ck.CK_INVALID_HANDLE,
        pInfo=info or None, ulInfoLen=len(info),
    )  # fmt: skip


def string_data(data: bytes):
    return ck.pointed(ck.CK_KEY_DERIVATION_STRING_DATA, pData=data, ulLen=len(data))


def cbc_data(iv: bytes, data: bytes):
    return ck.pointed(
        ck.CK_AES_CBC_ENCRYPT_DATA_PARAMS, iv=(ck.ctypes.c_ubyte * 16)(*iv), pData=data, length=len(data)
    )


# By the names that a parameter consists of.
_MAKERS = {
    frozenset(): lambda: None,
    frozenset({"iv"}): lambda iv: iv,
    frozenset({"mac_length"}): lambda mac_length: mac_length,
    frozenset({"iv", "aad", "tag_bits"}): gcm,
    frozenset({"counter", "counter_bits"}): ctr,
    frozenset({"hash", "mgf", "salt_length"}): pss,
    frozenset({"hash", "mgf", "label"}): oaep,
    frozenset({"prehash", "context"}): eddsa,
    frozenset({"kdf", "shared_data", "public_data"}): ecdh,
    frozenset({"hash", "extract", "expand", "salt", "info"}): hkdf,
    frozenset({"data"}): string_data,
    frozenset({"iv", "data"}): cbc_data,
}
