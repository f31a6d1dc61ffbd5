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
            case .aes, .des3, .hmac, .secret: return try SecretKeyObjects.make(source)
            case .opaque: return try DataObjects.make(source)
            case .des, .other: return []
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
        // What the app may not manage, the KMS would not change for it either. A session's own objects it may.
        let isManageable = source.session != nil || source.description.operations.contains(.appManageable)
        set(CKA_CLASS, objectClass)
        set(CKA_TOKEN, source.session == nil)
        set(CKA_PRIVATE, isPrivate)
        set(CKA_MODIFIABLE, isManageable)
        set(CKA_COPYABLE, true)
        set(CKA_DESTROYABLE, isManageable)
        set(CKA_LABEL, source.description.label)
        set(CKA_UNIQUE_ID, "\(source.description.id.text.prefix(64))/\(objectClass)".utf8)
    }

    /// Section 4.7, key objects.
    mutating func setKeyAttributes(_ source: ObjectSource, _ type: CK_KEY_TYPE, id: [UInt8]) {
        let description = source.description
        set(CKA_KEY_TYPE, type)
        set(CKA_ID, id)
        set(CKA_START_DATE, DateAttribute.bytes(description.startSeconds))
        set(CKA_END_DATE, DateAttribute.bytes(description.endSeconds))
        set(CKA_LOCAL, source.isLocal)
        set(
            CKA_KEY_GEN_MECHANISM,
            source.isLocal
                ? KeyGenMechanism.of(type, bits: description.bits) ?? CK_UNAVAILABLE_INFORMATION
                : CK_UNAVAILABLE_INFORMATION)
        set(CKA_ALLOWED_MECHANISMS, [])
    }

    /// Section 4.8, public keys.
    mutating func setPublicKeyAttributes(_ source: ObjectSource, subjectPublicKeyInfo: [UInt8]) {
        let operations = source.description.operations
        set(CKA_SUBJECT, [])
        set(CKA_DERIVE, false)
        set(CKA_ENCRYPT, operations.contains(.encrypt))
        set(CKA_VERIFY, operations.contains(.verify))
        set(CKA_VERIFY_RECOVER, operations.contains(.verify) && source.description.type == .rsa)
        set(CKA_WRAP, operations.contains(.wrapKey))
        set(CKA_TRUSTED, false)
        set(CKA_PUBLIC_KEY_INFO, subjectPublicKeyInfo)
    }

    /// Section 4.9, private keys.
    mutating func setPrivateKeyAttributes(_ source: ObjectSource, subjectPublicKeyInfo: [UInt8]) {
        let operations = source.description.operations
        set(CKA_SUBJECT, [])
        set(CKA_DERIVE, operations.contains(.agreeKey))
        set(CKA_DECRYPT, operations.contains(.decrypt))
        set(CKA_SIGN, operations.contains(.sign))
        set(CKA_SIGN_RECOVER, operations.contains(.sign) && source.description.type == .rsa)
        set(CKA_UNWRAP, operations.contains(.unwrapKey))
        set(CKA_ALWAYS_AUTHENTICATE, false)
        set(CKA_PUBLIC_KEY_INFO, subjectPublicKeyInfo)
        setSecrecyAttributes(source)
    }

    /// What sections 4.9 and 4.10 say of the secrecy of private and secret keys.
    mutating func setSecrecyAttributes(_ source: ObjectSource) {
        let description = source.description
        let isNeverExportable = source.isLocal && description.isNeverExportable
        set(CKA_SENSITIVE, true)
        set(CKA_EXTRACTABLE, description.operations.contains(.export))
        set(CKA_ALWAYS_SENSITIVE, isNeverExportable)
        set(CKA_NEVER_EXTRACTABLE, isNeverExportable)
        set(CKA_WRAP_WITH_TRUSTED, false)
    }
}

extension ObjectSource {
    /// A KMS calls its own what it derived or unwrapped; to the standard only generated keys are local.
    var isLocal: Bool { description.isLocal && description.attributes["local"] != Array("false".utf8) }

    /// Whether the secret parts of the key may be read: neither sensitive nor unextractable (section 4.9, footnote 7).
    var isReadable: Bool {
        description.operations.contains(.export) && description.attributes["sensitive"] == Array("false".utf8)
    }
}

enum KeyGenMechanism {
    static func of(_ type: CK_KEY_TYPE, bits: Int?) -> CK_MECHANISM_TYPE? {
        switch type {
        case CKK_RSA: CKM_RSA_PKCS_KEY_PAIR_GEN
        case CKK_EC: CKM_EC_KEY_PAIR_GEN
        case CKK_EC_EDWARDS: CKM_EC_EDWARDS_KEY_PAIR_GEN
        case CKK_EC_MONTGOMERY: CKM_EC_MONTGOMERY_KEY_PAIR_GEN
        case CKK_AES: CKM_AES_KEY_GEN
        case CKK_DES2: CKM_DES2_KEY_GEN
        case CKK_DES3: CKM_DES3_KEY_GEN
        case CKK_GENERIC_SECRET: CKM_GENERIC_SECRET_KEY_GEN
        default: nil
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

    /// Eight digits that name a day of the Gregorian calendar.
    static func isDate(_ value: [UInt8]) -> Bool {
        func number(_ range: Range<Int>) -> Int? { Int(String(decoding: value[range], as: UTF8.self)) }
        guard value.count == 8, value.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let year = number(0..<4), let month = number(4..<6), let day = number(6..<8), (1...12).contains(month)
        else { return false }
        let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...days[month - 1]).contains(day)
    }

    private static func digits(_ value: Int, _ width: Int) -> [UInt8] {
        let text = Array(String(value).utf8)
        return [UInt8](repeating: UInt8(ascii: "0"), count: max(0, width - text.count)) + text
    }
}
