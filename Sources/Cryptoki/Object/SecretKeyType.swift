package import CPKCS11
package import KMSModel

/// A type of secret keys: what the KMS calls it, and the lengths that its values may have.
package struct SecretKeyType: Sendable {
    package let keyType: CK_KEY_TYPE
    package let type: ObjectType
    /// In bytes.
    private let lengths: [Int]?

    /// The value has the one length of the type, so there is no CKA_VALUE_LEN.
    package var hasFixedLength: Bool { lengths?.count == 1 }
    package var fixedLength: Int? { hasFixedLength ? lengths?.first : nil }

    package func accepts(length: Int) -> Bool {
        if let lengths { return lengths.contains(length) }
        return (1...1_024).contains(length)
    }

    package static func of(_ keyType: CK_KEY_TYPE) -> SecretKeyType? {
        switch keyType {
        case CKK_AES: SecretKeyType(keyType: keyType, type: .aes, lengths: [16, 24, 32])
        case CKK_DES2: SecretKeyType(keyType: keyType, type: .des3, lengths: [16])
        case CKK_DES3: SecretKeyType(keyType: keyType, type: .des3, lengths: [24])
        case CKK_GENERIC_SECRET, CKK_HKDF: SecretKeyType(keyType: keyType, type: .hmac, lengths: nil)
        default:
            HashTable.rows.contains { $0.keyType == keyType }
                ? SecretKeyType(keyType: keyType, type: .hmac, lengths: nil) : nil
        }
    }
}
