internal import CPKCS11
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// Makes the PKCS#11 objects of a security object. A new kind is a file in KeyTypes and a line here.
package enum ObjectFactory {
    /// An object that cannot be understood is left out, with a line in the log, and does not spoil the listing.
    package static func objects(_ source: ObjectSource) -> [Object] {
        do throws(CryptoError) {
            switch source.description.type {
            case .rsa, .ec: return try KeyPairObjects.make(source)
            case .certificate: return try CertificateObjects.make(source)
            case .aes, .des, .des3, .hmac, .secret, .opaque, .other: return []
            }
        } catch {
            Log.warning("security object \(source.description.id) is not shown: \(error)")
            return []
        }
    }
}

// The common attributes, by the standard's sections.
extension AttributeSet {
    /// Section 4.4, storage objects.
    mutating func setStorageAttributes(_ source: ObjectSource, _ objectClass: CK_OBJECT_CLASS, isPrivate: Bool) {
        set(CKA_CLASS, objectClass)
        set(CKA_TOKEN, true)
        set(CKA_PRIVATE, isPrivate)
        set(CKA_MODIFIABLE, false)
        set(CKA_COPYABLE, false)
        set(CKA_DESTROYABLE, false)
        set(CKA_LABEL, source.description.name.utf8)
        set(CKA_UNIQUE_ID, "\(source.description.id)/\(objectClass)".utf8)
    }

    /// Section 4.7, key objects.
    mutating func setKeyAttributes(_ source: ObjectSource, _ type: CK_KEY_TYPE, id: [UInt8]) {
        set(CKA_KEY_TYPE, type)
        set(CKA_ID, id)
        set(CKA_START_DATE, DateAttribute.bytes(source.description.startSeconds))
        set(CKA_END_DATE, DateAttribute.bytes(source.description.endSeconds))
        set(CKA_DERIVE, source.description.operations.contains(.agreeKey))
        set(CKA_LOCAL, source.description.isLocal)
        set(CKA_KEY_GEN_MECHANISM, KeyGenMechanism.of(type, isLocal: source.description.isLocal))
    }

    /// Section 4.8, public keys.
    mutating func setPublicKeyAttributes(_ source: ObjectSource, subjectPublicKeyInfo: [UInt8]) {
        let operations = source.description.operations
        set(CKA_SUBJECT, [])
        set(CKA_ENCRYPT, operations.contains(.encrypt))
        set(CKA_VERIFY, operations.contains(.verify))
        set(CKA_VERIFY_RECOVER, false)
        set(CKA_WRAP, operations.contains(.wrapKey))
        set(CKA_TRUSTED, false)
        set(CKA_PUBLIC_KEY_INFO, subjectPublicKeyInfo)
    }

    /// Section 4.9, private keys.
    mutating func setPrivateKeyAttributes(_ source: ObjectSource, subjectPublicKeyInfo: [UInt8]) {
        let description = source.description
        let operations = description.operations
        set(CKA_SUBJECT, [])
        set(CKA_SENSITIVE, true)
        set(CKA_DECRYPT, operations.contains(.decrypt))
        set(CKA_SIGN, operations.contains(.sign))
        set(CKA_SIGN_RECOVER, false)
        set(CKA_UNWRAP, operations.contains(.unwrapKey))
        set(CKA_EXTRACTABLE, operations.contains(.export))
        set(CKA_ALWAYS_SENSITIVE, description.isLocal && description.isNeverExportable)
        set(CKA_NEVER_EXTRACTABLE, description.isLocal && description.isNeverExportable)
        set(CKA_WRAP_WITH_TRUSTED, false)
        set(CKA_ALWAYS_AUTHENTICATE, false)
        set(CKA_PUBLIC_KEY_INFO, subjectPublicKeyInfo)
    }
}

enum KeyGenMechanism {
    static func of(_ type: CK_KEY_TYPE, isLocal: Bool) -> CK_MECHANISM_TYPE {
        guard isLocal else { return CK_UNAVAILABLE_INFORMATION }
        switch type {
        case CKK_RSA: return CKM_RSA_PKCS_KEY_PAIR_GEN
        case CKK_EC: return CKM_EC_KEY_PAIR_GEN
        default: return CK_UNAVAILABLE_INFORMATION
        }
    }
}

/// CK_DATE: eight digits, or empty when there is no date.
enum DateAttribute {
    static func bytes(_ seconds: Int64?) -> [UInt8] {
        guard let seconds else { return [] }
        let date = Timestamp(seconds: seconds).date
        return bytes(year: Int(clamping: date.year), month: Int(clamping: date.month), day: Int(clamping: date.day))
    }

    static func bytes(year: Int, month: Int, day: Int) -> [UInt8] {
        guard (0...9999).contains(year) else { return [] }
        return digits(year, 4) + digits(month, 2) + digits(day, 2)
    }

    private static func digits(_ value: Int, _ width: Int) -> [UInt8] {
        let text = Array(String(value).utf8)
        return [UInt8](repeating: UInt8(ascii: "0"), count: max(0, width - text.count)) + text
    }
}
