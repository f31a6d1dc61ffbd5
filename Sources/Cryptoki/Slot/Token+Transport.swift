package import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

// C_WrapKey and C_UnwrapKey (sections 5.18.3 and 5.18.4). Secret keys travel as their value, private keys as PKCS #8.
extension Token {
    package func wrap(
        _ request: MechanismRequest, _ wrappingHandle: CK_OBJECT_HANDLE, _ handle: CK_OBJECT_HANDLE,
        into output: Output
    ) throws(CKError) {
        let mechanism = try mechanisms.row(request.type).mechanism
        guard let role = mechanism.wrap else { throw CKError(CKR_MECHANISM_INVALID) }
        let wrapping = try object(wrappingHandle, or: CKR_WRAPPING_KEY_HANDLE_INVALID)
        guard let facts = wrapping.key, wrapping.objectClass != CKO_PRIVATE_KEY else {
            throw CKError(CKR_WRAPPING_KEY_TYPE_INCONSISTENT)
        }
        try Token.check(
            mechanism, facts, wrapping, CKA_WRAP, type: CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
            size: CKR_WRAPPING_KEY_SIZE_RANGE)
        let cipher = try role.make(request)
        let subject = try wrappable(handle, by: cipher)
        guard WrappedLength.fits(subject, cipher, facts) else { throw CKError(CKR_KEY_SIZE_RANGE) }
        _ = try output.fill(bound: WrappedLength.bound(subject, cipher, facts)) { () throws(CKError) in
            let wrapped = try performWrap(subject, wrapping, cipher)
            return wrapped.bytes + wrapped.tag
        }
    }

    /// The checks that wrapping and unwrapping have in common.
    private static func check(
        _ mechanism: Mechanism, _ facts: Object.KeyFacts, _ key: Object, _ usage: CK_ATTRIBUTE_TYPE, type: CK_RV,
        size: CK_RV
    ) throws(CKError) {
        do throws(CKError) {
            try mechanism.check(facts)
        } catch {
            throw CKError(error.rv == CKR_KEY_SIZE_RANGE ? size : type)
        }
        try key.requireUsage(usage, mechanism.type)
    }

    private func wrappable(_ handle: CK_OBJECT_HANDLE, by cipher: Cipher) throws(CKError) -> Object {
        let subject = try object(handle, or: CKR_KEY_HANDLE_INVALID)
        switch (subject.objectClass, cipher) {
        case (CKO_SECRET_KEY, _): break
        // A private key is longer than what RSA takes.
        case (CKO_PRIVATE_KEY, .symmetric): break
        default: throw CKError(CKR_KEY_NOT_WRAPPABLE)
        }
        guard subject.attributes.flag(CKA_EXTRACTABLE) else { throw CKError(CKR_KEY_UNEXTRACTABLE) }
        // No wrapping key is trusted: that is for a security officer to say, and this token has none.
        guard !subject.attributes.flag(CKA_WRAP_WITH_TRUSTED) else { throw CKError(CKR_KEY_NOT_WRAPPABLE) }
        return subject
    }

    /// In this process when both keys are a session's own; else at the KMS, which the one that it has never leaves.
    private func performWrap(_ subject: Object, _ wrapping: Object, _ cipher: Cipher) throws(CKError) -> Ciphertext {
        let areLocal = subject.keyID.kind == .local && wrapping.keyID.kind == .local
        return try perform(
            "C_WrapKey of \"\(subject.label)\"", .operation(invalid: CKR_KEY_NOT_WRAPPABLE),
            on: areLocal ? subject.keyID : nil
        ) { (backend, deadline) throws(BackendError) in
            guard !areLocal else {
                return try backend.wrap(subject.keyID, with: cipher, key: wrapping.keyID, deadline: deadline)
            }
            let subjectID = try lent(subject, [.export], to: backend, deadline)
            let wrappingID = try lent(wrapping, [.wrapKey, .encrypt], to: backend, deadline)
            return try backend.wrap(subjectID, with: cipher, key: wrappingID, deadline: deadline)
        }
    }

    /// A transient key at the KMS with the value of a session's own key.
    private func lent(
        _ object: Object, _ operations: KeyOperations, to backend: any Backend, _ deadline: Deadline
    ) throws(BackendError) -> KeyID {
        guard object.keyID.kind == .local, let facts = object.key else { return object.keyID }
        var specification = KeySpecification(
            name: nil, type: facts.type, operations: operations, isTransient: true)
        specification.bits = facts.bits
        specification.curve = facts.curve
        let value = try localKeys.export(object.keyID, deadline: deadline)
        return try backend.importKey(specification, value: value, deadline: deadline).id
    }

    // MARK: Unwrapping

    package func unwrap(
        _ request: MechanismRequest, _ handle: CK_OBJECT_HANDLE, _ wrapped: Input, _ template: Template,
        by owner: ObjectOwner
    ) throws(CKError) -> CK_OBJECT_HANDLE {
        let mechanism = try mechanisms.row(request.type).mechanism
        guard let role = mechanism.unwrap else { throw CKError(CKR_MECHANISM_INVALID) }
        let key = try object(handle, or: CKR_UNWRAPPING_KEY_HANDLE_INVALID)
        guard let facts = key.key, key.objectClass != CKO_PUBLIC_KEY else {
            throw CKError(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT)
        }
        try Token.check(
            mechanism, facts, key, CKA_UNWRAP, type: CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
            size: CKR_UNWRAPPING_KEY_SIZE_RANGE)
        let cipher = try role.make(request)
        let draft = try ObjectDraft(template, .unwrap)
        guard draft.objectClass == CKO_SECRET_KEY || draft.objectClass == CKO_PRIVATE_KEY else {
            throw CKError(CKR_TEMPLATE_INCONSISTENT)
        }
        try authorize(draft, owner)
        let ciphertext = try WrappedLength.split(try wrapped.bytes(), cipher, facts)
        let objects =
            key.keyID.kind == .local
            ? try unwrapLocally(ciphertext, cipher, key, draft, owner)
            : try unwrapRemotely(ciphertext, cipher, key, draft, owner)
        return try self.handle(of: draft.objectClass, in: objects)
    }

    private func unwrapRemotely(
        _ ciphertext: Ciphertext, _ cipher: Cipher, _ key: Object, _ draft: ObjectDraft, _ owner: ObjectOwner
    ) throws(CKError) -> [Object] {
        let specification = try draft.arrivingKey()
        var hasOtherLength = false
        do throws(CKError) {
            return try make(
                "C_UnwrapKey", [draft], specification, by: owner, on: .transient,
                purpose: .operation(invalid: CKR_WRAPPED_KEY_INVALID)
            ) { (backend, specification, deadline) throws(BackendError) in
                let description = try backend.unwrap(
                    ciphertext, with: cipher, key: key.keyID, as: specification, deadline: deadline)
                hasOtherLength = !draft.accepts(bits: description.bits)
                guard hasOtherLength else { return description }
                if !specification.isTransient { try? backend.delete(description.id, deadline: deadline) }
                throw BackendError(.invalid, "the wrapped key does not have the length that the template says")
            }
        } catch {
            throw hasOtherLength ? CKError(CKR_TEMPLATE_INCONSISTENT) : error
        }
    }

    private func unwrapLocally(
        _ ciphertext: Ciphertext, _ cipher: Cipher, _ key: Object, _ draft: ObjectDraft, _ owner: ObjectOwner
    ) throws(CKError) -> [Object] {
        let value = try perform("C_UnwrapKey", .operation(invalid: CKR_WRAPPED_KEY_INVALID), on: key.keyID) {
            (backend, deadline) throws(BackendError) in
            try backend.decrypt(ciphertext, with: cipher, key: key.keyID, deadline: deadline)
        }
        return try place(value, draft, "C_UnwrapKey", owner, invalid: CKR_WRAPPED_KEY_INVALID)
    }

    /// Makes a key of a value that this process has: a session's own, or one of the token.
    func place(
        _ value: Secret, _ draft: ObjectDraft, _ function: String, _ owner: ObjectOwner, invalid: CK_RV,
        _ change: (inout KeySpecification) -> Void = { _ in }
    ) throws(CKError) -> [Object] {
        var specification = try draft.arrivingKey()
        change(&specification)
        var value = value
        if draft.objectClass == CKO_PRIVATE_KEY {
            let key = try CKError.failing(invalid) { () throws(CryptoError) in
                try PrivateKey(der: value, in: context)
            }
            guard key.kind.keyType == draft.subtype else { throw CKError(invalid) }
            specification.bits = key.kind.bits
            specification.curve = key.kind.curve
            value = try CKError.failing { () throws(CryptoError) in try key.der() }
        } else {
            guard let subtype = draft.subtype, let type = SecretKeyType.of(subtype),
                type.accepts(length: value.count)
            else { throw CKError(invalid) }
            guard draft.accepts(bits: value.count * 8) else { throw CKError(CKR_TEMPLATE_INCONSISTENT) }
            specification.bits = value.count * 8
        }
        return try make(function, [draft], specification, by: owner, on: .local) {
            (backend, specification, deadline) throws(BackendError) in
            try backend.importKey(specification, value: value, deadline: deadline)
        }
    }
}

extension ObjectDraft {
    /// A key that comes from elsewhere: unwrapped or derived.
    func arrivingKey() throws(CKError) -> KeySpecification {
        guard let subtype else { throw CKError(CKR_TEMPLATE_INCOMPLETE) }
        let type: ObjectType
        switch subtype {
        case CKK_RSA: type = .rsa
        case CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY: type = .ec
        default:
            guard let kind = SecretKeyType.of(subtype) else { throw CKError(CKR_ATTRIBUTE_VALUE_INVALID) }
            type = kind.type
        }
        var specification = broughtKey(type)
        specification.attributes["local"] = Array("false".utf8)
        return specification
    }

    /// Whether a key has the length that the template says, if it says one.
    func accepts(bits: Int?) -> Bool {
        switch subtype {
        // With or without parity.
        case CKK_DES2: return bits.map { $0 == 112 || $0 == 128 } ?? true
        case CKK_DES3: return bits.map { $0 == 168 || $0 == 192 } ?? true
        default: break
        }
        guard let length = number(CKA_VALUE_LEN), let bits else { return true }
        return CK_ULONG(bits / 8) == length
    }
}

/// Lengths of wrapped keys, in bytes.
private enum WrappedLength {
    /// The most that a wrapped key takes: exact for secret keys, generous for PKCS #8.
    static func bound(_ subject: Object, _ cipher: Cipher, _ facts: Object.KeyFacts) -> Int {
        let bits = subject.key?.bits ?? 0
        // Of DES keys a KMS counts the bits without parity.
        let fixed = subject.key.flatMap { SecretKeyType.of($0.keyType)?.fixedLength }
        // RSA's PKCS #8 has nine numbers with four and a half moduli among them, others have key and point.
        let isSecret = subject.objectClass == CKO_SECRET_KEY
        let plain = fixed ?? (isSecret ? bits / 8 : bits / 8 * (subject.key?.type == .rsa ? 5 : 3) + 128)
        return CipherLengths(cipher)?.ciphertext(of: plain) ?? (facts.bits + 7) / 8
    }

    /// Whether a secret key has a length that the mechanism takes. That of a private key only its encoding tells.
    static func fits(_ subject: Object, _ cipher: Cipher, _ facts: Object.KeyFacts) -> Bool {
        guard let key = subject.key, subject.objectClass == CKO_SECRET_KEY else { return true }
        let length = SecretKeyType.of(key.keyType)?.fixedLength ?? key.bits / 8
        if case .rsa(let padding, _) = cipher {
            return length <= padding.longestPlaintext(modulus: (facts.bits + 7) / 8)
        }
        return CipherLengths(cipher)?.accepts(plaintext: length) ?? false
    }

    /// - Throws: CKR_WRAPPED_KEY_LEN_RANGE.
    static func split(
        _ bytes: UnsafeRawBufferPointer, _ cipher: Cipher, _ facts: Object.KeyFacts
    ) throws(CKError) -> Ciphertext {
        let lengths = CipherLengths(cipher)
        let tagLength = lengths?.tag ?? 0
        let isGood =
            lengths.map { $0.accepts(ciphertext: bytes.count) && bytes.count > tagLength }
            ?? (bytes.count == (facts.bits + 7) / 8)
        guard isGood, bytes.count <= 1 << 16 else { throw CKError(CKR_WRAPPED_KEY_LEN_RANGE) }
        return Ciphertext(Array(bytes.dropLast(tagLength)), tag: Array(bytes.suffix(tagLength)))
    }
}
