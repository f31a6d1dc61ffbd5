internal import KMSModel

/// A new security object on the way from its request to the store.
struct ObjectDraft: Sendable {
    let name: String
    private let request: SobjectRequest
    private let principal: Principal
    private let generated: Bool

    /// Checks what can be checked before any key material is made or read.
    init(_ request: SobjectRequest, _ principal: Principal, generated: Bool) throws(KMSError) {
        self.request = request
        self.principal = principal
        self.generated = generated
        name = try FieldRules.name(request.name)
        _ = try FieldRules.description(request.description)
        _ = try FieldRules.metadata(request.customMetadata)
        switch request.state {
        case nil, .active?, .preActive?: break
        default: throw .badRequest("Field \"state\": a new object is Active or PreActive")
        }
        if generated, request.value != nil {
            throw .badRequest("Field \"value\" does not belong to POST, which generates; import with PUT")
        }
    }

    func record(_ material: KeyMaterial, group: String, engine: CryptoEngine) throws -> KeyRecord {
        let kid = newID()
        let type = material.type
        let publicOnly = material.isPublicOnly
        let operations =
            try request.keyOps.map { wanted throws(KMSError) in
                try KeyRules.checked(wanted, type, publicOnly: publicOnly, isImport: !generated)
            } ?? KeyRules.defaultOperations(type, publicOnly: publicOnly, generated: generated)
        var object = Sobject(
            kid: kid, name: name, objType: type, keyOps: operations, enabled: request.enabled ?? true,
            publicOnly: publicOnly)
        object.description = request.description
        object.keySize = material.bits
        object.ellipticCurve = material.curve
        object.state = request.state ?? .active
        object.origin = generated ? .fortanixHSM : .external
        object.neverExportable = !operations.contains(.export)
        object.pubKey = material.publicKey.map { .init($0) }
        object.value = material.publicValue.map { .init($0) }
        object.groupID = group
        object.acctID = principal.acctID
        object.creator = principal.creator
        object.createdAt = .now
        if object.state == .active { object.activationDate = object.createdAt }
        object.customMetadata = request.customMetadata
        if type == .rsa, let bits = material.bits, let exponent = material.exponent {
            object.rsa = KeyRules.rsaOptions(bits: bits, exponent: exponent, wanted: request.rsa)
        }
        let sealed = try material.secret.map { try engine.seal($0, as: .object(kid: kid, type: type)) }
        return KeyRecord(kid: kid, object: object, sealedValue: sealed)
    }
}
