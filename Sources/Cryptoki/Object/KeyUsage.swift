internal import CPKCS11
internal import KMSBackend
internal import KMSModel

/// How the usage flags of PKCS#11 and the `key_ops` of a KMS stand for each other.
enum KeyUsage {
    struct Row {
        let attribute: CK_ATTRIBUTE_TYPE
        let operation: KeyOperation
        /// Whether a key may do it that was made without a word about it.
        let isDefault: Bool
    }

    /// What a key of this class and type can be used for.
    static func rows(_ objectClass: CK_OBJECT_CLASS, _ keyType: CK_KEY_TYPE) -> [Row] {
        switch objectClass {
        case CKO_PRIVATE_KEY: privateRows(keyType)
        case CKO_PUBLIC_KEY: publicRows(keyType)
        case CKO_SECRET_KEY: secretRows(keyType)
        default: []
        }
    }

    private static func privateRows(_ keyType: CK_KEY_TYPE) -> [Row] {
        let sign = Row(attribute: CKA_SIGN, operation: .sign, isDefault: true)
        // The standard's own default for CKA_DERIVE is false.
        let derive = Row(attribute: CKA_DERIVE, operation: .agreeKey, isDefault: false)
        switch keyType {
        case CKK_RSA:
            return [
                sign, Row(attribute: CKA_DECRYPT, operation: .decrypt, isDefault: true),
                Row(attribute: CKA_UNWRAP, operation: .unwrapKey, isDefault: true),
            ]
        case CKK_EC: return [sign, derive]
        case CKK_EC_EDWARDS: return [sign]
        case CKK_EC_MONTGOMERY: return [derive]
        default: return []
        }
    }

    private static func publicRows(_ keyType: CK_KEY_TYPE) -> [Row] {
        let verify = Row(attribute: CKA_VERIFY, operation: .verify, isDefault: true)
        switch keyType {
        case CKK_RSA:
            return [
                verify, Row(attribute: CKA_ENCRYPT, operation: .encrypt, isDefault: true),
                Row(attribute: CKA_WRAP, operation: .wrapKey, isDefault: true),
            ]
        case CKK_EC, CKK_EC_EDWARDS: return [verify]
        default: return []
        }
    }

    private static func secretRows(_ keyType: CK_KEY_TYPE) -> [Row] {
        let mac = [
            Row(attribute: CKA_SIGN, operation: .macGenerate, isDefault: true),
            Row(attribute: CKA_VERIFY, operation: .macVerify, isDefault: true),
        ]
        let derive = Row(attribute: CKA_DERIVE, operation: .deriveKey, isDefault: false)
        let cipher = [
            Row(attribute: CKA_ENCRYPT, operation: .encrypt, isDefault: true),
            Row(attribute: CKA_DECRYPT, operation: .decrypt, isDefault: true),
            Row(attribute: CKA_WRAP, operation: .wrapKey, isDefault: true),
            Row(attribute: CKA_UNWRAP, operation: .unwrapKey, isDefault: true),
        ]
        switch keyType {
        case CKK_AES: return mac + cipher + [derive]
        case CKK_DES2, CKK_DES3: return mac + cipher
        default: return mac + [derive]
        }
    }

    /// The operation of the other half of a key pair.
    static func twin(_ operation: KeyOperation) -> KeyOperation? {
        switch operation {
        case .sign: .verify
        case .decrypt: .encrypt
        case .unwrapKey: .wrapKey
        default: nil
        }
    }
}

extension ObjectDraft {
    /// The `key_ops` that the template asks for.
    var operations: KeyOperations {
        var values = Set<KeyOperation>()
        if let keyType = subtype {
            for row in KeyUsage.rows(objectClass, keyType) where flag(row.attribute) ?? row.isDefault {
                values.insert(row.operation)
            }
        }
        switch objectClass {
        case CKO_PRIVATE_KEY, CKO_SECRET_KEY:
            if isExtractable { values.insert(.export) }
        // The value of a data object is there to be read.
        case CKO_DATA: values.insert(.export)
        default: break
        }
        // Without it the KMS would not let the app change or delete the object again.
        values.insert(.appManageable)
        return KeyOperations(values)
    }

    /// The key that the template asks for, of parts that somebody brings or that another key makes. The public half of a
    /// private key comes along.
    func broughtKey(_ type: ObjectType) -> KeySpecification {
        var operations = self.operations.values
        if objectClass == CKO_PRIVATE_KEY {
            for operation in operations { KeyUsage.twin(operation).map { _ = operations.insert($0) } }
        }
        var specification = KeySpecification(name: nil, type: type, operations: KeyOperations(operations))
        specification.attributes = storedAttributes(specification.operations)
        if objectClass == CKO_PRIVATE_KEY {
            specification.attributes[KeyPairObjects.impliedPublicKey] = Array("true".utf8)
        }
        return specification
    }

    /// What the KMS is to keep beside an object with `operations`, by stored name. The label is not among it: it becomes
    /// the name, where it can.
    ///
    /// - Parameter prefix: for the public face of a key pair, whose label is kept.
    func storedAttributes(_ operations: KeyOperations, prefix: String = "") -> [String: [UInt8]] {
        var stored: [String: [UInt8]] = [:]
        let usages = subtype.map { KeyUsage.rows(objectClass, $0) } ?? []
        for (type, value) in given {
            guard let row = AttributeTable.row(type), let name = row.storedName else { continue }
            let implied: [UInt8]?
            switch type {
            case CKA_LABEL where prefix.isEmpty: continue
            // Without one, keys and certificates have the hash of the public key; an empty one must be said.
            case CKA_ID: implied = objectClass == CKO_SECRET_KEY ? [] : nil
            case CKA_PRIVATE: implied = [ObjectDraft.isPrivateByDefault(objectClass) ? CK_TRUE : CK_FALSE]
            case CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE: implied = [CK_TRUE]
            case CKA_SENSITIVE: continue
            case CKA_KEY_TYPE: continue
            case CKA_SIGN_RECOVER, CKA_VERIFY_RECOVER:
                let signs = operations.contains(type == CKA_SIGN_RECOVER ? .sign : .verify)
                implied = [signs && subtype == CKK_RSA ? CK_TRUE : CK_FALSE]
            case CKA_CERTIFICATE_CATEGORY, CKA_NAME_HASH_ALGORITHM, CKA_JAVA_MIDP_SECURITY_DOMAIN: implied = []
            default:
                switch row.kind {
                case .flag:
                    let usage = usages.first { $0.attribute == type }
                    implied = [usage.map { operations.contains($0.operation) } ?? false ? CK_TRUE : CK_FALSE]
                default: implied = []
                }
            }
            if value != implied { stored[prefix + name] = row.stored(value) }
        }
        if objectClass == CKO_PRIVATE_KEY || objectClass == CKO_SECRET_KEY { storeSecrecy(&stored) }
        if objectClass == CKO_SECRET_KEY, let subtype, KeyGenMechanism.of(subtype, bits: nil) == nil {
            stored["key-type"] = Array(String(subtype).utf8)
        }
        return stored
    }

    /// A KMS keeps every key as sensitive, so only the others are marked.
    private func storeSecrecy(_ stored: inout [String: [UInt8]]) {
        if !isSensitive { stored["sensitive"] = Array("false".utf8) }
        // Without a mark, what was never exportable counts as always sensitive.
        if origin == .generate, isSensitive == isExtractable {
            stored["always-sensitive"] = Array((isSensitive ? "true" : "false").utf8)
        }
    }
}
