internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import OpenSSLCrypto

/// AES, DES3, HMAC and generic secret keys (section 4.10).
enum SecretKeyObjects {
    static func make(_ source: ObjectSource) throws(CryptoError) -> [Object] {
        let description = source.description
        guard let bits = description.bits, let type = keyType(description.type, bits: bits) else {
            throw CryptoError("the KMS gives no usable size for it")
        }
        let operations = description.operations
        let isMAC = operations.contains(.macGenerate)
        var attributes = AttributeSet()
        attributes.setStorageAttributes(source, CKO_SECRET_KEY, isPrivate: true)
        attributes.setKeyAttributes(source, type, id: [])
        attributes.setSecrecyAttributes(source)
        attributes.set(CKA_DERIVE, operations.contains(.deriveKey))
        attributes.set(CKA_ENCRYPT, operations.contains(.encrypt))
        attributes.set(CKA_DECRYPT, operations.contains(.decrypt))
        attributes.set(CKA_SIGN, isMAC)
        attributes.set(CKA_VERIFY, operations.contains(.macVerify))
        attributes.set(CKA_WRAP, operations.contains(.wrapKey))
        attributes.set(CKA_UNWRAP, operations.contains(.unwrapKey))
        attributes.set(CKA_TRUSTED, false)
        if let value = description.checkValue { attributes.set(CKA_CHECK_VALUE, value) }
        // DES keys have the length of their type (mechanisms specification 2.15).
        if type != CKK_DES2, type != CKK_DES3 { attributes.set(CKA_VALUE_LEN, CK_ULONG(bits / 8)) }
        attributes.setSecret(CKA_VALUE, isReadable: source.isReadable)
        return [
            try source.object(
                CKO_SECRET_KEY, attributes,
                key: Object.KeyFacts(
                    keyType: storedType(description) ?? type, type: description.type, bits: bits, curve: nil,
                    isUsable: description.isUsable))
        ]
    }

    private static func keyType(_ type: ObjectType, bits: Int) -> CK_KEY_TYPE? {
        switch type {
        case .aes: CKK_AES
        // The KMS counts with or without the parity bits.
        case .des3: bits == 112 || bits == 128 ? CKK_DES2 : CKK_DES3
        case .hmac, .secret: CKK_GENERIC_SECRET
        default: nil
        }
    }

    /// A key that was made for one hash (CKK_SHA256_HMAC) is kept as what it is.
    private static func storedType(_ description: KeyDescription) -> CK_KEY_TYPE? {
        guard let stored = description.attributes["key-type"] else { return nil }
        return AttributeTable.row(CKA_KEY_TYPE)?.loaded(stored)?.number
    }
}
