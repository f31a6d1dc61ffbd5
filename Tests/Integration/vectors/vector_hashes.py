"""The hashes and the constants that have them in their names."""

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes


@dataclass(frozen=True)
class Hash:
    """`word` is the hash in the newer names (SHA256_RSA_PKCS), `digest` the mechanism of the hash itself."""

    word: str
    algorithm: hashes.HashAlgorithm
    # DER of DigestInfo up to the digest (RFC 8017 section 9.2, note 1).
    prefix: bytes

    @property
    def digest(self) -> str:
        return "CKM_SHA_1" if self.word == "SHA1" else f"CKM_{self.word}"

    @property
    def hmac(self) -> str:
        return f"{self.digest}_HMAC"

    @property
    def key_type(self) -> str:
        return self.hmac.removeprefix("CKM_")

    @property
    def rsa(self) -> str:
        return f"CKM_{self.word}_RSA_PKCS"

    @property
    def pss(self) -> str:
        return f"CKM_{self.word}_RSA_PKCS_PSS"

    @property
    def ecdsa(self) -> str:
        return f"CKM_ECDSA_{self.word}"

    @property
    def mgf(self) -> str:
        return f"CKG_MGF1_{self.word}"

    @property
    def kdf(self) -> str:
        return f"CKD_{self.word}_KDF"

    @property
    def block(self) -> int:
        """What the hash takes at a time, in bytes."""
        return 200 - 2 * self.size if self.word.startswith("SHA3") else self.algorithm.block_size

    @property
    def size(self) -> int:
        """Of the digest, in bytes."""
        return self.algorithm.digest_size


def _nist(word: str, algorithm: hashes.HashAlgorithm, arc: int) -> Hash:
    """NIST's hashes differ in the last arc of 2.16.840.1.101.3.4.2."""
    size = algorithm.digest_size
    identifier = bytes.fromhex("300d06096086480165030402") + bytes([arc]) + bytes.fromhex("0500")
    return Hash(word, algorithm, bytes([0x30, len(identifier) + 2 + size]) + identifier + bytes([0x04, size]))


HASHES = [
    Hash("SHA1", hashes.SHA1(), bytes.fromhex("3021300906052b0e03021a05000414")),
    _nist("SHA224", hashes.SHA224(), 4),
    _nist("SHA256", hashes.SHA256(), 1),
    _nist("SHA384", hashes.SHA384(), 2),
    _nist("SHA512", hashes.SHA512(), 3),
    _nist("SHA3_224", hashes.SHA3_224(), 7),
    _nist("SHA3_256", hashes.SHA3_256(), 8),
    _nist("SHA3_384", hashes.SHA3_384(), 9),
    _nist("SHA3_512", hashes.SHA3_512(), 10),
]


def by(field: str, name: str) -> Hash | None:
    """The hash whose constant of a field (`hmac`, `mgf`) is `name`."""
    return next((hash for hash in HASHES if getattr(hash, field) == name), None)
