package import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport

extension Token {
    /// C_GenerateKey (section 5.18.1).
    package func generateKey(
        _ request: MechanismRequest, _ template: Template, by owner: ObjectOwner
    ) throws(CKError) -> CK_OBJECT_HANDLE {
        let (mechanism, role) = try generation(request, CKF_GENERATE)
        let draft = try ObjectDraft(
            template, .generate, class: CKO_SECRET_KEY, subtype: mechanism.keyTypes.first)
        try authorize(draft, owner)
        var specification = try role.make(request, draft)
        specification.operations = draft.operations
        specification.attributes = draft.storedAttributes(specification.operations)
        specification.setGenerator(mechanism)
        let objects = try make("C_GenerateKey", [draft], specification, by: owner, on: sessionKeyResidence) {
            (backend, specification, deadline) throws(BackendError) in
            try backend.generate(specification, deadline: deadline)
        }
        return try handle(of: CKO_SECRET_KEY, in: objects)
    }

    /// C_GenerateKeyPair (section 5.18.2). Both halves are one security object; label and id that one template leaves
    /// out are the other's, so that programs find them together.
    package func generateKeyPair(
        _ request: MechanismRequest, public publicTemplate: Template, private privateTemplate: Template,
        by owner: ObjectOwner
    ) throws(CKError) -> (publicKey: CK_OBJECT_HANDLE, privateKey: CK_OBJECT_HANDLE) {
        let (mechanism, role) = try generation(request, CKF_GENERATE_KEY_PAIR)
        let publicDraft = try ObjectDraft(
            publicTemplate, .generate, class: CKO_PUBLIC_KEY, subtype: mechanism.keyTypes.first)
        var privateDraft = try ObjectDraft(
            privateTemplate, .generate, class: CKO_PRIVATE_KEY, subtype: mechanism.keyTypes.first)
        try authorize(publicDraft, owner)
        try authorize(privateDraft, owner)
        for type in [CKA_LABEL, CKA_ID] where privateDraft[type] == nil { privateDraft[type] = publicDraft[type] }

        var specification = try role.make(request, publicDraft)
        specification.operations = KeyOperations(
            publicDraft.operations.values.union(privateDraft.operations.values))
        specification.attributes = privateDraft.storedAttributes(specification.operations)
        for (name, value) in publicDraft.storedAttributes(
            specification.operations, prefix: ObjectSource.publicPrefix)
        {
            let shared = String(name.dropFirst(ObjectSource.publicPrefix.count))
            let isSame = specification.attributes[shared] == value && ObjectSource.sharedNames.contains(shared)
            if !isSame { specification.attributes[name] = value }
        }
        specification.setGenerator(mechanism)
        let isApart = publicDraft.isToken != privateDraft.isToken
        // The public key is made by itself then, and a pair of the token keeps its own one to itself.
        if isApart { specification.attributes[KeyPairObjects.hiddenPublicKey] = Array("true".utf8) }
        let drafts = isApart ? [privateDraft] : [privateDraft, publicDraft]
        let objects = try make("C_GenerateKeyPair", drafts, specification, by: owner, on: sessionKeyResidence) {
            (backend, specification, deadline) throws(BackendError) in
            try backend.generate(specification, deadline: specification.type == .rsa ? longDeadline() : deadline)
        }
        let privateKey = try handle(of: CKO_PRIVATE_KEY, in: objects)
        let publicKey =
            isApart ? try publicKey(apart: objects, publicDraft, owner) : try handle(of: CKO_PUBLIC_KEY, in: objects)
        return (publicKey, privateKey)
    }

    private func generation(
        _ request: MechanismRequest, _ flag: CK_FLAGS
    ) throws(CKError) -> (Mechanism, Mechanism.Role<Mechanism.MakeKey>) {
        let mechanism = try mechanisms.row(request.type).mechanism
        guard let role = mechanism.generate, role.flag == flag else { throw CKError(CKR_MECHANISM_INVALID) }
        return (mechanism, role)
    }

    /// A public key that shall live elsewhere than its private key.
    private func publicKey(
        apart objects: [Object], _ draft: ObjectDraft, _ owner: ObjectOwner
    ) throws(CKError) -> CK_OBJECT_HANDLE {
        guard let object = objects.first(where: { $0.objectClass == CKO_PRIVATE_KEY }), let facts = object.key,
            let info = object.attributes.value(CKA_PUBLIC_KEY_INFO)
        else { throw CKError(CKR_DEVICE_ERROR) }
        var specification = KeySpecification(name: nil, type: facts.type, operations: draft.operations)
        specification.bits = facts.bits
        specification.curve = facts.curve
        specification.attributes = draft.storedAttributes(specification.operations)
        let made = try make("C_GenerateKeyPair", [draft], specification, by: owner, on: .local) {
            (backend, specification, deadline) throws(BackendError) in
            try backend.importKey(specification, value: Secret(info), deadline: deadline)
        }
        return try handle(of: CKO_PUBLIC_KEY, in: made)
    }
}

extension KeySpecification {
    /// CKA_KEY_GEN_MECHANISM, where the type of the key does not tell it.
    fileprivate mutating func setGenerator(_ mechanism: Mechanism) {
        guard let keyType = mechanism.keyTypes.first, KeyGenMechanism.of(keyType, bits: nil) != mechanism.type else {
            return
        }
        attributes["key-gen-mechanism"] = Array(String(mechanism.type).utf8)
    }
}
