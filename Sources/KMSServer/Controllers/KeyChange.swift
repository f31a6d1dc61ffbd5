internal import KMSModel

/// PATCH /crypto/v1/keys/{kid}: which permissions a change needs, and the change itself.
struct KeyChange: Sendable {
    private let request: SobjectRequest
    /// The group to move to; nil: none was named.
    let group: String?

    init(_ request: SobjectRequest, group: String?) {
        self.request = request
        self.group = group
    }

    /// What the caller must be allowed to do with the object. A request that changes nothing counts as one of the
    /// profile, so that nobody without any permission leaves "updated" in the audit log.
    func actions(on object: Sobject) -> [Policy.Action] {
        var actions: [Policy.Action] = []
        if request.keyOps != nil { actions.append(.updateKeyOps) }
        if request.enabled != nil { actions.append(.updateEnabledState) }
        if request.rsa != nil { actions.append(.updatePolicies) }
        // Who may say that it begins or ends now may say when.
        if request.activationDate.map({ $0 != object.activationDate }) ?? false { actions.append(.activate) }
        if request.deactivationDate.map({ $0 != object.deactivationDate }) ?? false { actions.append(.revoke) }
        if let group, group != object.groupID { actions.append(.move) }
        let touchesProfile = request.name != nil || request.description != nil || request.customMetadata != nil
        if touchesProfile || actions.isEmpty { actions.append(.updateProfile) }
        return actions
    }

    func apply(to object: inout Sobject) throws(KMSError) {
        try checkFixed(object)
        if let name = request.name { object.name = try FieldRules.name(name) }
        if let description = try FieldRules.description(request.description) { object.description = description }
        if let metadata = try FieldRules.metadata(request.customMetadata) { object.customMetadata = metadata }
        if let enabled = request.enabled { object.enabled = enabled }
        if let wanted = request.keyOps {
            let operations = try KeyRules.checked(
                wanted, object.objType, object.ellipticCurve, publicOnly: object.publicOnly)
            // What may never leave the KMS cannot be made exportable later.
            if operations.contains(.export), !object.keyOps.contains(.export) {
                throw KMSError.badRequest("Field \"key_ops\": EXPORT cannot be added later")
            }
            object.keyOps = operations
        }
        if let rsa = request.rsa {
            guard object.rsa != nil else { throw .badRequest("Field \"rsa\": the object is not an RSA key") }
            try PaddingPolicy.check(rsa)
            if let policy = rsa.signaturePolicy { object.rsa?.signaturePolicy = policy }
            if let policy = rsa.encryptionPolicy { object.rsa?.encryptionPolicy = policy }
        }
        try ObjectDates(request).change(&object)
        if let group { object.groupID = group }
    }

    /// - Throws: 400 when the request would change what stays as it is for the object's life.
    private func checkFixed(_ object: Sobject) throws(KMSError) {
        if let state = request.state, state != object.currentState {
            throw .badRequest("Field \"state\" cannot be changed here; use POST …/activate or …/revoke")
        }
        if request.value != nil { throw .badRequest("Field \"value\" cannot be changed; import a new object with PUT") }
        let changed: [(field: String, isChanged: Bool)] = [
            ("obj_type", request.objType.map { $0 != object.objType } ?? false),
            ("key_size", (request.keySize ?? request.rsa?.keySize).map { $0 != object.keySize } ?? false),
            ("elliptic_curve", request.ellipticCurve.map { $0 != object.ellipticCurve } ?? false),
            ("pub_exponent", request.pubExponent.map { $0 != object.rsa?.publicExponent } ?? false),
            ("transient", request.transient == true),
            ("kcv", request.kcv.map { $0.lowercased() != object.kcv } ?? false),
        ]
        for entry in changed where entry.isChanged {
            throw .badRequest("Field \"\(entry.field)\" cannot be changed; make a new object")
        }
    }
}
