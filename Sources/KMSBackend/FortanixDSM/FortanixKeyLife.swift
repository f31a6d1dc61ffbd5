internal import FoundationEssentials
internal import KMSModel
package import KMSSupport
internal import KMSTransport

// A key comes, changes and goes.
//
// What makes or changes a stored object is not repeated when its fate is unknown: a second try could make a second
// object, or report that the first one's name is taken. Transient keys vanish with the session.

extension FortanixDSM {
    /// POST /crypto/v1/keys.
    package func generate(
        _ specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let doing = "generate a key"
        switch specification.type {
        case .aes, .des, .des3, .rsa, .ec, .hmac: break
        case .secret, .opaque, .certificate, .other:
            throw BackendError(
                .unsupported,
                "\(doing): the KMS generates no \(specification.type.rawValue) objects; of secret keys it generates "
                    + "AES, DES3 and HMAC")
        }
        var request = try SobjectRequest(specification, doing: doing)
        request.describeMaterial(of: specification)
        let call = FortanixCall(path: "/crypto/v1/keys", doing: doing, isRepeatable: specification.isTransient)
        let sobject = try session.call(call, request, as: Sobject.self, deadline: deadline)
        return try made(sobject, as: specification, doing: doing, deadline: deadline)
    }

    /// PUT /crypto/v1/keys.
    package func importKey(
        _ specification: KeySpecification, value: Secret, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let doing = "import a key"
        var request = try SobjectRequest(specification, doing: doing)
        request.describeMaterial(of: specification)
        request.value = Data(value)
        defer { request.value?.wipe() }
        let call = FortanixCall(
            method: .put, path: "/crypto/v1/keys", doing: doing, isRepeatable: specification.isTransient,
            secrets: [value])
        let sobject = try session.call(call, request, as: Sobject.self, deadline: deadline)
        return try made(sobject, as: specification, doing: doing, deadline: deadline)
    }

    /// PATCH /crypto/v1/keys/{kid}. Metadata is replaced as a whole, so that what others keep there is read first and
    /// sent along.
    package func update(
        _ key: KeyID, _ changes: KeyChanges, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let doing = "change \(key)"
        let path = try key.path(doing: doing)
        guard changes.name != nil || changes.operations != nil || changes.attributes != nil else {
            return try describe(key, deadline: deadline)
        }
        var request = SobjectRequest()
        if let name = changes.name {
            guard FortanixName.isPossible(name) else {
                throw BackendError(
                    .invalid,
                    "\(doing): a name is one line, not blank, of at most \(FortanixName.longest) bytes")
            }
            request.name = name
        }
        // An app that gave this up could never take it back.
        request.keyOps = changes.operations?.manageable
        if let attributes = changes.attributes {
            let present = try sobject(key, doing: doing, deadline: deadline).customMetadata
            request.customMetadata = try FortanixMetadata.merge(attributes, into: present, doing: doing)
        }
        let call = FortanixCall(method: .patch, path: path, doing: doing, isRepeatable: false)
        let changed = try session.call(call, request, as: Sobject.self, deadline: deadline)
        try key.check(changed.kid, doing: doing)
        return completed(changed, id: key, doing: doing, deadline: deadline)
    }

    /// POST /crypto/v1/keys/copy; of a transient key to a stored one POST /crypto/v1/keys/persist.
    package func copy(
        _ key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        if key.kind == .transient, !specification.isTransient {
            return try persist(key, as: specification, deadline: deadline)
        }
        let doing = "copy \(key)"
        let request = CopyKeyRequest(
            key: try SobjectDescriptor(key, doing: doing), object: try SobjectRequest(specification, doing: doing))
        let call = FortanixCall(path: "/crypto/v1/keys/copy", doing: doing, isRepeatable: specification.isTransient)
        let sobject = try session.call(call, request, as: Sobject.self, deadline: deadline)
        return try made(sobject, as: specification, doing: doing, deadline: deadline)
    }

    /// persist takes no operations: those of the transient key stay, and are changed afterwards.
    private func persist(
        _ key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let doing = "store a transient key"
        guard let transientKey = try SobjectDescriptor(key, doing: doing).transientKey else {
            throw BackendError(.invalid, "\(doing): \(key) is none")
        }
        var object = try SobjectRequest(specification, doing: doing)
        let operations = object.keyOps
        object.keyOps = nil
        let call = FortanixCall(path: "/crypto/v1/keys/persist", doing: doing, isRepeatable: false)
        let sobject = try session.call(
            call, PersistKeyRequest(transientKey: transientKey, object: object), as: Sobject.self, deadline: deadline)
        let stored = try made(sobject, as: specification, doing: doing, deadline: deadline)
        guard let operations, operations != stored.operations else { return stored }
        var changes = KeyChanges()
        changes.operations = operations
        do throws(BackendError) {
            return try update(stored.id, changes, deadline: deadline)
        } catch {
            // A stored key that may do more than was asked for must not stay.
            do throws(BackendError) {
                try delete(stored.id, deadline: deadline)
            } catch {
                Log.warning(
                    "\(doing): \(stored.id) stays at the KMS with operations that were not asked for: "
                        + error.message)
            }
            throw error
        }
    }

    /// DELETE /crypto/v1/keys/{kid}. The API has no request for a transient key, which ends with the session.
    package func delete(_ key: KeyID, deadline: Deadline) throws(BackendError) {
        guard key.kind != .transient else { return }
        let doing = "delete \(key)"
        let call = FortanixCall(
            method: .delete, path: try key.path(doing: doing), doing: doing, isRepeatable: false)
        try session.call(call, deadline: deadline)
    }

    /// DELETE /crypto/v1/keys/{kid}/private.
    package func deletePrivateHalf(_ key: KeyID, deadline: Deadline) throws(BackendError) {
        let doing = "delete the private half of \(key)"
        let call = FortanixCall(
            method: .delete, path: try key.path(doing: doing) + "/private", doing: doing, isRepeatable: false)
        try session.call(call, deadline: deadline)
    }

    /// POST /crypto/v1/keys/export.
    package func export(_ key: KeyID, deadline: Deadline) throws(BackendError) -> Secret {
        let doing = "export \(key)"
        let call = FortanixCall(path: "/crypto/v1/keys/export", doing: doing)
        let descriptor = try SobjectDescriptor(key, doing: doing)
        var sobject = try session.call(call, descriptor, as: Sobject.self, deadline: deadline)
        defer { sobject.value?.wipe() }
        try key.check(sobject.kid, doing: doing)
        guard let value = sobject.value, !value.isEmpty || sobject.objType == .opaque else {
            throw BackendError(.protocolViolation, "\(doing): the KMS's answer has no value")
        }
        return Secret(value)
    }
}

extension SobjectRequest {
    /// Type and size, for a request that makes or brings key material.
    fileprivate mutating func describeMaterial(of specification: KeySpecification) {
        objType = specification.type
        ellipticCurve = specification.curve
        // A curve says the size.
        if specification.curve == nil { keySize = specification.wireBits }
        pubExponent = specification.publicExponent
        allowAnyPadding(of: specification)
    }
}
