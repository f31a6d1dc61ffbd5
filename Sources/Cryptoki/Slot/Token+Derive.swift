package import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport

extension Token {
    /// C_DeriveKey (section 5.18.5). In the KMS where it can make the key as the template wants it; else of the value,
    /// in this process.
    package func derive(
        _ request: MechanismRequest, _ handle: CK_OBJECT_HANDLE, _ template: Template, by owner: ObjectOwner
    ) throws(CKError) -> CK_OBJECT_HANDLE {
        let row = try mechanisms.row(request.type)
        guard let role = row.mechanism.derive else { throw CKError(CKR_MECHANISM_INVALID) }
        let key = try key(handle, for: CKA_DERIVE, [CKO_PRIVATE_KEY, CKO_SECRET_KEY], row)
        let scheme = try role.make(request, key)
        let draft = try ObjectDraft(
            template, .derive, class: CKO_SECRET_KEY, subtype: template.number(CKA_KEY_TYPE) ?? CKK_GENERIC_SECRET)
        try authorize(draft, owner)
        let length = try Token.length(draft, scheme)

        let secrecy = Secrecy(of: key.object, draft)
        var specification = try draft.arrivingKey()
        secrecy.mark(&specification)
        specification.bits = length * 8
        if scheme.isPossibleAtKMS(length: length) {
            let objects = try make(
                "C_DeriveKey", [draft], specification, by: owner, on: .transient,
                purpose: .operation(invalid: CKR_MECHANISM_PARAM_INVALID)
            ) { (backend, specification, deadline) throws(BackendError) in
                try scheme.derive(specification, backend, deadline)
            }
            return try self.handle(of: CKO_SECRET_KEY, in: objects)
        }
        let value = try scheme.value(length: length)
        let objects = try place(value, draft, "C_DeriveKey", owner, invalid: CKR_DEVICE_ERROR) { secrecy.mark(&$0) }
        return try self.handle(of: CKO_SECRET_KEY, in: objects)
    }

    /// In bytes: what the template, the type or the mechanism says.
    private static func length(_ draft: ObjectDraft, _ scheme: any KeyDerivationScheme) throws(CKError) -> Int {
        guard let subtype = draft.subtype, let type = SecretKeyType.of(subtype) else {
            throw CKError(CKR_ATTRIBUTE_VALUE_INVALID)
        }
        if let length = type.fixedLength { return length }
        if let given = draft.number(CKA_VALUE_LEN) {
            guard let length = Int(exactly: given), type.accepts(length: length) else {
                throw CKError(CKR_KEY_SIZE_RANGE)
            }
            return length
        }
        guard let length = scheme.naturalLength else { throw CKError(CKR_TEMPLATE_INCOMPLETE) }
        guard type.accepts(length: length) else { throw CKError(CKR_TEMPLATE_INCOMPLETE) }
        return length
    }

    /// What a derived key inherits (mechanisms specification, for each derivation): it was always sensitive and never
    /// extractable only if its base key was, and it is now.
    private struct Secrecy {
        private let wasAlwaysSensitive: Bool
        private let wasNeverExtractable: Bool

        init(of base: Object, _ draft: ObjectDraft) {
            wasAlwaysSensitive = base.attributes.flag(CKA_ALWAYS_SENSITIVE) && draft.isSensitive
            wasNeverExtractable = base.attributes.flag(CKA_NEVER_EXTRACTABLE) && !draft.isExtractable
        }

        func mark(_ specification: inout KeySpecification) {
            if wasAlwaysSensitive { specification.attributes["always-sensitive"] = Array("true".utf8) }
            if wasNeverExtractable { specification.attributes["never-extractable"] = Array("true".utf8) }
        }
    }
}
