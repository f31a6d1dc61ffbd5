package import CPKCS11
package import KMSModel

/// One hash function and every constant of the standard that has it in its name. A new hash is a row here: the families
/// of mechanisms make theirs from this table.
package struct HashRow: Sendable {
    package let hash: HashAlgorithm
    package let digest: CK_MECHANISM_TYPE
    package let hmac: CK_MECHANISM_TYPE
    package let hmacGeneral: CK_MECHANISM_TYPE
    package let keyGeneration: CK_MECHANISM_TYPE
    package let keyType: CK_KEY_TYPE
    package let rsaPKCS: CK_MECHANISM_TYPE
    package let rsaPSS: CK_MECHANISM_TYPE
    package let mgf: CK_RSA_PKCS_MGF_TYPE
    package let ecdsa: CK_MECHANISM_TYPE
    package let kdf: CK_EC_KDF_TYPE
}

package enum HashTable {
    package static func row(_ hash: HashAlgorithm) -> HashRow? { rows.first { $0.hash == hash } }

    package static func hash(mechanism: CK_MECHANISM_TYPE) -> HashAlgorithm? {
        rows.first { $0.digest == mechanism }?.hash
    }

    package static func hash(mgf: CK_RSA_PKCS_MGF_TYPE) -> HashAlgorithm? { rows.first { $0.mgf == mgf }?.hash }

    package static var rows: [HashRow] {
        [
            HashRow(
                hash: .sha1, digest: CKM_SHA_1, hmac: CKM_SHA_1_HMAC, hmacGeneral: CKM_SHA_1_HMAC_GENERAL,
                keyGeneration: CKM_SHA_1_KEY_GEN, keyType: CKK_SHA_1_HMAC, rsaPKCS: CKM_SHA1_RSA_PKCS,
                rsaPSS: CKM_SHA1_RSA_PKCS_PSS, mgf: CKG_MGF1_SHA1, ecdsa: CKM_ECDSA_SHA1, kdf: CKD_SHA1_KDF),
            HashRow(
                hash: .sha224, digest: CKM_SHA224, hmac: CKM_SHA224_HMAC, hmacGeneral: CKM_SHA224_HMAC_GENERAL,
                keyGeneration: CKM_SHA224_KEY_GEN, keyType: CKK_SHA224_HMAC, rsaPKCS: CKM_SHA224_RSA_PKCS,
                rsaPSS: CKM_SHA224_RSA_PKCS_PSS, mgf: CKG_MGF1_SHA224, ecdsa: CKM_ECDSA_SHA224, kdf: CKD_SHA224_KDF),
            HashRow(
                hash: .sha256, digest: CKM_SHA256, hmac: CKM_SHA256_HMAC, hmacGeneral: CKM_SHA256_HMAC_GENERAL,
                keyGeneration: CKM_SHA256_KEY_GEN, keyType: CKK_SHA256_HMAC, rsaPKCS: CKM_SHA256_RSA_PKCS,
                rsaPSS: CKM_SHA256_RSA_PKCS_PSS, mgf: CKG_MGF1_SHA256, ecdsa: CKM_ECDSA_SHA256, kdf: CKD_SHA256_KDF),
            HashRow(
                hash: .sha384, digest: CKM_SHA384, hmac: CKM_SHA384_HMAC, hmacGeneral: CKM_SHA384_HMAC_GENERAL,
                keyGeneration: CKM_SHA384_KEY_GEN, keyType: CKK_SHA384_HMAC, rsaPKCS: CKM_SHA384_RSA_PKCS,
                rsaPSS: CKM_SHA384_RSA_PKCS_PSS, mgf: CKG_MGF1_SHA384, ecdsa: CKM_ECDSA_SHA384, kdf: CKD_SHA384_KDF),
            HashRow(
                hash: .sha512, digest: CKM_SHA512, hmac: CKM_SHA512_HMAC, hmacGeneral: CKM_SHA512_HMAC_GENERAL,
                keyGeneration: CKM_SHA512_KEY_GEN, keyType: CKK_SHA512_HMAC, rsaPKCS: CKM_SHA512_RSA_PKCS,
                rsaPSS: CKM_SHA512_RSA_PKCS_PSS, mgf: CKG_MGF1_SHA512, ecdsa: CKM_ECDSA_SHA512, kdf: CKD_SHA512_KDF),
            HashRow(
                hash: .sha3_224, digest: CKM_SHA3_224, hmac: CKM_SHA3_224_HMAC,
                hmacGeneral: CKM_SHA3_224_HMAC_GENERAL, keyGeneration: CKM_SHA3_224_KEY_GEN,
                keyType: CKK_SHA3_224_HMAC, rsaPKCS: CKM_SHA3_224_RSA_PKCS, rsaPSS: CKM_SHA3_224_RSA_PKCS_PSS,
                mgf: CKG_MGF1_SHA3_224, ecdsa: CKM_ECDSA_SHA3_224, kdf: CKD_SHA3_224_KDF),
            HashRow(
                hash: .sha3_256, digest: CKM_SHA3_256, hmac: CKM_SHA3_256_HMAC,
                hmacGeneral: CKM_SHA3_256_HMAC_GENERAL, keyGeneration: CKM_SHA3_256_KEY_GEN,
                keyType: CKK_SHA3_256_HMAC, rsaPKCS: CKM_SHA3_256_RSA_PKCS, rsaPSS: CKM_SHA3_256_RSA_PKCS_PSS,
                mgf: CKG_MGF1_SHA3_256, ecdsa: CKM_ECDSA_SHA3_256, kdf: CKD_SHA3_256_KDF),
            HashRow(
                hash: .sha3_384, digest: CKM_SHA3_384, hmac: CKM_SHA3_384_HMAC,
                hmacGeneral: CKM_SHA3_384_HMAC_GENERAL, keyGeneration: CKM_SHA3_384_KEY_GEN,
                keyType: CKK_SHA3_384_HMAC, rsaPKCS: CKM_SHA3_384_RSA_PKCS, rsaPSS: CKM_SHA3_384_RSA_PKCS_PSS,
                mgf: CKG_MGF1_SHA3_384, ecdsa: CKM_ECDSA_SHA3_384, kdf: CKD_SHA3_384_KDF),
            HashRow(
                hash: .sha3_512, digest: CKM_SHA3_512, hmac: CKM_SHA3_512_HMAC,
                hmacGeneral: CKM_SHA3_512_HMAC_GENERAL, keyGeneration: CKM_SHA3_512_KEY_GEN,
                keyType: CKK_SHA3_512_HMAC, rsaPKCS: CKM_SHA3_512_RSA_PKCS, rsaPSS: CKM_SHA3_512_RSA_PKCS_PSS,
                mgf: CKG_MGF1_SHA3_512, ecdsa: CKM_ECDSA_SHA3_512, kdf: CKD_SHA3_512_KDF),
        ]
    }
}
