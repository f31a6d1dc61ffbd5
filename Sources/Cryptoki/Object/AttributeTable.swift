package import CPKCS11

/// The form of an attribute's value (sections 4.1 to 4.12).
package enum AttributeKind: Sendable {
    case flag
    case number
    case bytes
    /// Big-endian, at least one byte.
    case bigInteger
    /// CK_DATE: eight digits, or empty.
    case date
    /// An array of CK_MECHANISM_TYPE.
    case mechanisms
}

/// Every attribute that this token knows, with the form of its value and the name under which the KMS keeps it where the
/// KMS has no field of its own for it.
package struct AttributeTable {
    package struct Row: Sendable {
        package let type: CK_ATTRIBUTE_TYPE
        package let kind: AttributeKind
        /// nil: follows from what the KMS itself knows, or is never kept.
        package let storedName: String?
    }

    package static func row(_ type: CK_ATTRIBUTE_TYPE) -> Row? { rows.first { $0.type == type } }

    static func row(stored name: String) -> Row? { rows.first { $0.storedName == name } }

    package static var rows: [Row] {
        flags + numbers + [
            Row(type: CKA_LABEL, kind: .bytes, storedName: "label"),
            Row(type: CKA_ID, kind: .bytes, storedName: "id"),
            Row(type: CKA_SUBJECT, kind: .bytes, storedName: "subject"),
            Row(type: CKA_START_DATE, kind: .date, storedName: "start-date"),
            Row(type: CKA_END_DATE, kind: .date, storedName: "end-date"),
            Row(type: CKA_APPLICATION, kind: .bytes, storedName: "application"),
            Row(type: CKA_OBJECT_ID, kind: .bytes, storedName: "object-id"),
            Row(type: CKA_URL, kind: .bytes, storedName: "url"),
            Row(type: CKA_HASH_OF_SUBJECT_PUBLIC_KEY, kind: .bytes, storedName: "subject-key-hash"),
            Row(type: CKA_HASH_OF_ISSUER_PUBLIC_KEY, kind: .bytes, storedName: "issuer-key-hash"),
            Row(type: CKA_ALLOWED_MECHANISMS, kind: .mechanisms, storedName: "allowed-mechanisms"),
            Row(type: CKA_VALUE, kind: .bytes, storedName: nil),
            Row(type: CKA_ISSUER, kind: .bytes, storedName: nil),
            Row(type: CKA_SERIAL_NUMBER, kind: .bytes, storedName: nil),
            Row(type: CKA_CHECK_VALUE, kind: .bytes, storedName: nil),
            Row(type: CKA_PUBLIC_KEY_INFO, kind: .bytes, storedName: nil),
            Row(type: CKA_UNIQUE_ID, kind: .bytes, storedName: nil),
            Row(type: CKA_MODULUS, kind: .bigInteger, storedName: nil),
            Row(type: CKA_PUBLIC_EXPONENT, kind: .bigInteger, storedName: nil),
            Row(type: CKA_PRIVATE_EXPONENT, kind: .bigInteger, storedName: nil),
            Row(type: CKA_PRIME_1, kind: .bigInteger, storedName: nil),
            Row(type: CKA_PRIME_2, kind: .bigInteger, storedName: nil),
            Row(type: CKA_EXPONENT_1, kind: .bigInteger, storedName: nil),
            Row(type: CKA_EXPONENT_2, kind: .bigInteger, storedName: nil),
            Row(type: CKA_COEFFICIENT, kind: .bigInteger, storedName: nil),
            Row(type: CKA_EC_PARAMS, kind: .bytes, storedName: nil),
            Row(type: CKA_EC_POINT, kind: .bytes, storedName: nil),
        ]
    }

    private static var flags: [Row] {
        [
            Row(type: CKA_TOKEN, kind: .flag, storedName: nil),
            Row(type: CKA_PRIVATE, kind: .flag, storedName: "private"),
            Row(type: CKA_MODIFIABLE, kind: .flag, storedName: "modifiable"),
            Row(type: CKA_COPYABLE, kind: .flag, storedName: "copyable"),
            Row(type: CKA_DESTROYABLE, kind: .flag, storedName: "destroyable"),
            Row(type: CKA_TRUSTED, kind: .flag, storedName: nil),
            Row(type: CKA_SENSITIVE, kind: .flag, storedName: "sensitive"),
            Row(type: CKA_ALWAYS_SENSITIVE, kind: .flag, storedName: "always-sensitive"),
            Row(type: CKA_EXTRACTABLE, kind: .flag, storedName: nil),
            Row(type: CKA_NEVER_EXTRACTABLE, kind: .flag, storedName: "never-extractable"),
            Row(type: CKA_WRAP_WITH_TRUSTED, kind: .flag, storedName: "wrap-with-trusted"),
            Row(type: CKA_ALWAYS_AUTHENTICATE, kind: .flag, storedName: "always-authenticate"),
            Row(type: CKA_LOCAL, kind: .flag, storedName: "local"),
            Row(type: CKA_ENCRYPT, kind: .flag, storedName: "encrypt"),
            Row(type: CKA_DECRYPT, kind: .flag, storedName: "decrypt"),
            Row(type: CKA_SIGN, kind: .flag, storedName: "sign"),
            Row(type: CKA_SIGN_RECOVER, kind: .flag, storedName: "sign-recover"),
            Row(type: CKA_VERIFY, kind: .flag, storedName: "verify"),
            Row(type: CKA_VERIFY_RECOVER, kind: .flag, storedName: "verify-recover"),
            Row(type: CKA_WRAP, kind: .flag, storedName: "wrap"),
            Row(type: CKA_UNWRAP, kind: .flag, storedName: "unwrap"),
            Row(type: CKA_DERIVE, kind: .flag, storedName: "derive"),
        ]
    }

    private static var numbers: [Row] {
        [
            Row(type: CKA_CLASS, kind: .number, storedName: nil),
            Row(type: CKA_KEY_TYPE, kind: .number, storedName: "key-type"),
            Row(type: CKA_CERTIFICATE_TYPE, kind: .number, storedName: nil),
            Row(type: CKA_CERTIFICATE_CATEGORY, kind: .number, storedName: "certificate-category"),
            Row(type: CKA_JAVA_MIDP_SECURITY_DOMAIN, kind: .number, storedName: "security-domain"),
            Row(type: CKA_NAME_HASH_ALGORITHM, kind: .number, storedName: "name-hash-algorithm"),
            Row(type: CKA_KEY_GEN_MECHANISM, kind: .number, storedName: "key-gen-mechanism"),
            Row(type: CKA_MODULUS_BITS, kind: .number, storedName: nil),
            Row(type: CKA_VALUE_LEN, kind: .number, storedName: nil),
        ]
    }
}

extension AttributeTable.Row {
    /// Whether the bytes have the form.
    func accepts(_ value: [UInt8]) -> Bool {
        switch kind {
        case .flag: value == [CK_TRUE] || value == [CK_FALSE]
        case .number: value.number.map(acceptsNumber) ?? false
        case .bytes: true
        case .bigInteger: !value.isEmpty
        case .date: value.isEmpty || DateAttribute.isDate(value)
        case .mechanisms: value.count.isMultiple(of: MemoryLayout<CK_MECHANISM_TYPE>.size)
        }
    }

    private func acceptsNumber(_ number: CK_ULONG) -> Bool {
        switch type {
        case CKA_CERTIFICATE_CATEGORY: number <= CK_CERTIFICATE_CATEGORY_OTHER_ENTITY
        case CKA_JAVA_MIDP_SECURITY_DOMAIN: number <= CK_SECURITY_DOMAIN_THIRD_PARTY
        case CKA_NAME_HASH_ALGORITHM: HashTable.hash(mechanism: number) != nil
        default: true
        }
    }

    /// A form that a person at the KMS can read: true, false, a decimal number, numbers; other values are kept as they
    /// are.
    func stored(_ value: [UInt8]) -> [UInt8] {
        switch kind {
        case .flag: Array((value == [CK_TRUE] ? "true" : "false").utf8)
        case .number: Array(String(value.number ?? 0).utf8)
        case .mechanisms: Array(value.numbers.map { String($0) }.joined(separator: " ").utf8)
        case .bytes, .bigInteger, .date: value
        }
    }

    /// nil when what the KMS keeps is not what `stored` writes.
    func loaded(_ stored: [UInt8]) -> [UInt8]? {
        let text = String(decoding: stored, as: UTF8.self)
        switch kind {
        case .flag:
            switch text {
            case "true": return [CK_TRUE]
            case "false": return [CK_FALSE]
            default: return nil
            }
        case .number: return CK_ULONG(text)?.bytes
        case .mechanisms:
            var bytes: [UInt8] = []
            for word in text.split(separator: " ") {
                guard let number = CK_ULONG(word) else { return nil }
                bytes += number.bytes
            }
            return bytes
        case .date: return accepts(stored) ? stored : nil
        case .bytes, .bigInteger: return stored
        }
    }
}

extension CK_ULONG {
    var bytes: [UInt8] { withUnsafeBytes(of: self) { Array($0) } }
}

extension Collection<UInt8> {
    /// The CK_ULONG that these bytes are in a host's memory.
    var number: CK_ULONG? {
        guard count == MemoryLayout<CK_ULONG>.size else { return nil }
        return Array(self).withUnsafeBytes { $0.loadUnaligned(as: CK_ULONG.self) }
    }

    var numbers: [CK_ULONG] {
        let size = MemoryLayout<CK_ULONG>.size
        return Array(self).withUnsafeBytes { bytes in
            (0..<bytes.count / size).map { bytes.loadUnaligned(fromByteOffset: $0 * size, as: CK_ULONG.self) }
        }
    }
}
