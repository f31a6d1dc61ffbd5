internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

extension Token {
    /// The key of an operation, once everything is checked that the standard asks for.
    ///
    /// - Parameters:
    ///   - usage: the attribute that must be true.
    ///   - classes: what the key may be.
    /// - Throws: CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_SIZE_RANGE,
    ///   CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_MECHANISM_INVALID for one that the key does not allow.
    func key(
        _ handle: CK_OBJECT_HANDLE, for usage: CK_ATTRIBUTE_TYPE, _ classes: [CK_OBJECT_CLASS],
        _ row: MechanismTable.Row
    ) throws(CKError) -> KeyInUse {
        let object = try object(handle, or: CKR_KEY_HANDLE_INVALID)
        guard let facts = object.key, classes.contains(object.objectClass) else {
            throw CKError(object.key == nil ? CKR_KEY_HANDLE_INVALID : CKR_KEY_TYPE_INCONSISTENT)
        }
        try row.mechanism.check(facts)
        try object.requireUsage(usage, row.mechanism.type)
        return KeyInUse(object: object, facts: facts, token: self)
    }

    // MARK: Values

    /// The value of an object that may be read.
    func value(of object: Object) throws(CKError) -> Secret {
        try perform("the value of \"\(object.label)\"", .management, on: object.keyID) {
            (backend, deadline) throws(BackendError) in
            try backend.export(object.keyID, deadline: deadline)
        }
    }

    /// The attributes of an object, with those that only an export tells, where it may be read.
    func readableAttributes(_ object: Object) throws(CKError) -> AttributeSet {
        var attributes = object.attributes
        let value = try value(of: object)
        guard object.objectClass == CKO_PRIVATE_KEY else {
            value.withBytes { attributes.set(CKA_VALUE, $0) }
            return attributes
        }
        try CKError.failing(CKR_DEVICE_ERROR) { () throws(CryptoError) in
            try attributes.setSecrets(PrivateKey(der: value, in: context).components())
        }
        return attributes
    }
}

extension Object {
    /// - Throws: CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_MECHANISM_INVALID.
    func requireUsage(_ usage: CK_ATTRIBUTE_TYPE, _ mechanism: CK_MECHANISM_TYPE) throws(CKError) {
        guard attributes.flag(usage), key?.isUsable == true else { throw CKError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
        guard allowedMechanisms.isEmpty || allowedMechanisms.contains(mechanism) else {
            throw CKError(CKR_MECHANISM_INVALID)
        }
    }
}

extension AttributeSet {
    /// The secret parts of a private key.
    fileprivate mutating func setSecrets(_ components: PrivateKey.Components) {
        switch components {
        case .ec(_, let scalar): scalar.withBytes { set(CKA_VALUE, $0) }
        case .rsa(let key):
            for (type, value) in [
                (CKA_PRIVATE_EXPONENT, key.privateExponent), (CKA_PRIME_1, key.prime1), (CKA_PRIME_2, key.prime2),
                (CKA_EXPONENT_1, key.exponent1), (CKA_EXPONENT_2, key.exponent2),
                (CKA_COEFFICIENT, key.coefficient),
            ] {
                value?.withBytes { set(type, $0) }
            }
        }
    }
}
