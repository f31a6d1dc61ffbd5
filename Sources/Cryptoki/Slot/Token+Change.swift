package import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

extension Token {
    /// C_SetAttributeValue (section 5.7.6). All or nothing.
    ///
    /// - Throws: CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID,
    ///   CKR_ACTION_PROHIBITED, CKR_SESSION_READ_ONLY.
    package func set(_ handle: CK_OBJECT_HANDLE, _ template: Template, by owner: ObjectOwner) throws(CKError) {
        let object = try self.object(handle)
        guard !object.isToken || owner.isReadWrite else { throw CKError(CKR_SESSION_READ_ONLY) }
        guard object.attributes.flag(CKA_MODIFIABLE) else { throw CKError(CKR_ACTION_PROHIBITED) }
        try AttributeChange.check(template, of: object, isCopy: false)
        guard !template.attributes.isEmpty else { return }
        guard object.isToken else {
            sessionObjects.insert(
                object.with(
                    handle: object.handle, session: object.session,
                    attributes: AttributeChange.apply(template, to: object)))
            return
        }
        let description = try perform("C_SetAttributeValue on \"\(object.label)\"", .management, on: object.keyID) {
            (backend, deadline) throws(BackendError) in
            var description = try backend.describe(object.keyID, deadline: deadline)
            let before = description
            AttributeChange.apply(template, of: object, to: &description)
            return try update(before, description, backend, deadline)
        }
        refresh(description)
    }

    /// Sends what differs. A name that is taken stays what it was, with the label beside it.
    private func update(
        _ before: KeyDescription, _ after: KeyDescription, _ backend: any Backend, _ deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        var changes = KeyChanges()
        if after.operations != before.operations { changes.operations = after.operations }
        changes.attributes = after.attributes
        guard after.label != before.label, let name = KeyName.of(after.label) else {
            return try backend.update(before.id, changes, deadline: deadline)
        }
        var renaming = changes
        renaming.name = name
        renaming.attributes?["label"] = nil
        do throws(BackendError) {
            return try backend.update(before.id, renaming, deadline: deadline)
        } catch {
            guard error.kind == .conflict else { throw error }
            return try backend.update(before.id, changes, deadline: deadline)
        }
    }

    func refresh(_ description: KeyDescription) {
        store.insert(
            ObjectFactory.objects(ObjectSource(slotID: slotID, description: description, context: context)),
            of: description.id)
    }

    /// C_DestroyObject (section 5.7.3). A key pair is one security object: of the two faces, the first that goes
    /// leaves the other one behind.
    package func destroy(_ handle: CK_OBJECT_HANDLE, by owner: ObjectOwner) throws(CKError) {
        let object = try self.object(handle)
        guard !object.isToken || owner.isReadWrite else { throw CKError(CKR_SESSION_READ_ONLY) }
        guard object.attributes.flag(CKA_DESTROYABLE) else { throw CKError(CKR_ACTION_PROHIBITED) }
        guard object.isToken else { return forget { $0.handle == handle } }
        try perform("C_DestroyObject of \"\(object.label)\"", .management, on: object.keyID) {
            (backend, deadline) throws(BackendError) in
            try destroy(object, backend, deadline)
        }
    }

    private func destroy(
        _ object: Object, _ backend: any Backend, _ deadline: Deadline
    ) throws(BackendError) {
        let key = object.keyID
        let isPair = object.objectClass == CKO_PRIVATE_KEY || object.objectClass == CKO_PUBLIC_KEY
        guard isPair else {
            try backend.delete(key, deadline: deadline)
            return store.remove(key)
        }
        let description = try backend.describe(key, deadline: deadline)
        let isPublicGone =
            description.attributes[KeyPairObjects.hiddenPublicKey] != nil
            || description.attributes[KeyPairObjects.impliedPublicKey] != nil
        switch (object.objectClass, description.isPublicOnly) {
        case (CKO_PUBLIC_KEY, false):
            var changes = KeyChanges()
            changes.attributes = description.attributes
            changes.attributes?[KeyPairObjects.hiddenPublicKey] = Array("true".utf8)
            refresh(try backend.update(key, changes, deadline: deadline))
        case (CKO_PRIVATE_KEY, false) where !isPublicGone:
            try backend.deletePrivateHalf(key, deadline: deadline)
            // From now on the public key is the whole object, so what is kept for it becomes what is kept.
            var changes = KeyChanges()
            changes.attributes = KeyPairObjects.publicAttributes(description.attributes)
            refresh(try backend.update(key, changes, deadline: deadline))
        default:
            try backend.delete(key, deadline: deadline)
            store.remove(key)
        }
    }

    /// C_CopyObject (section 5.7.2). A copy within sessions, or of a token's key into one, is another view of the same
    /// key; only a copy on the token makes a second one there.
    package func copy(
        _ handle: CK_OBJECT_HANDLE, _ template: Template, by owner: ObjectOwner
    ) throws(CKError) -> CK_OBJECT_HANDLE {
        let object = try self.object(handle)
        guard object.attributes.flag(CKA_COPYABLE) else { throw CKError(CKR_ACTION_PROHIBITED) }
        try AttributeChange.check(template, of: object, isCopy: true)
        let changed = AttributeChange.apply(template, to: object)
        let isToken = changed.flag(CKA_TOKEN)
        guard !isToken || owner.isReadWrite else { throw CKError(CKR_SESSION_READ_ONLY) }
        guard login.isLoggedIn || !(isToken || changed.flag(CKA_PRIVATE)) else {
            throw CKError(CKR_USER_NOT_LOGGED_IN)
        }
        guard isToken else { return try view(of: object, changed, owner).handle }
        var specification = try copySpecification(object, template)
        let label = changed.value(CKA_LABEL) ?? []
        specification.attributes["label"] = nil
        let objects = try persist(
            "C_CopyObject", label, specification, classes: [object.objectClass], purpose: .management
        ) { (backend, specification, deadline) throws(BackendError) in
            if object.objectClass == CKO_PUBLIC_KEY, let info = object.attributes.value(CKA_PUBLIC_KEY_INFO) {
                // A copy of the security object would be a second private key.
                return try backend.importKey(specification, value: Secret(info), deadline: deadline)
            }
            guard object.keyID.kind == .local else {
                return try backend.copy(object.keyID, as: specification, deadline: deadline)
            }
            let value = try localKeys.export(object.keyID, deadline: deadline)
            return try backend.importKey(specification, value: value, deadline: deadline)
        }
        return try self.handle(of: object.objectClass, in: objects)
    }

    /// What a copy on the token shall be: the key as the KMS has it, with what this object has lost or changed since, and
    /// with what the template says.
    private func copySpecification(_ object: Object, _ template: Template) throws(CKError) -> KeySpecification {
        var copy = try describe(object)
        let original = ObjectFactory.objects(ObjectSource(slotID: slotID, description: copy, context: context))
            .first { $0.objectClass == object.objectClass }
        if let original {
            AttributeChange.apply(Template(changesOf: object, since: original), of: object, to: &copy)
        }
        AttributeChange.apply(template, of: object, to: &copy)
        if object.objectClass == CKO_PUBLIC_KEY, !copy.isPublicOnly {
            copy.attributes = KeyPairObjects.publicAttributes(copy.attributes)
            copy.operations = KeyOperations(
                copy.operations.values.intersection([.verify, .encrypt, .wrapKey, .appManageable]))
        }
        var specification = KeySpecification(name: nil, type: copy.type, operations: copy.operations)
        specification.bits = copy.bits
        specification.curve = copy.curve
        specification.attributes = copy.attributes
        return specification
    }

    /// Another object for the same key, within a session.
    private func view(
        of object: Object, _ attributes: AttributeSet, _ owner: ObjectOwner
    ) throws(CKError) -> Object {
        let handle = try randomHandle()
        var attributes = attributes
        attributes.set(CKA_UNIQUE_ID, "view/\(handle)".utf8)
        let view = object.with(handle: handle, session: owner.session, attributes: attributes)
        sessionObjects.insert(view)
        return view
    }

    func describe(_ object: Object) throws(CKError) -> KeyDescription {
        try perform("looking up \"\(object.label)\"", .management, on: object.keyID) {
            (backend, deadline) throws(BackendError) in
            try backend.describe(object.keyID, deadline: deadline)
        }
    }

    /// Handles of views: unlike those of keys they mean nothing to another process.
    private func randomHandle() throws(CKError) -> CK_OBJECT_HANDLE {
        do throws(CryptoError) {
            return try ObjectSource.handle(Hex.text(try Random.bytes(16, in: context)), context)
        } catch {
            throw CKError(CKR_DEVICE_ERROR)
        }
    }

    // MARK: The end of session objects

    /// C_CloseSession.
    package func endSession(_ session: CK_SESSION_HANDLE) { forget { $0.session == session } }

    /// C_CloseAllSessions, C_Finalize, the last session closed: objects and login end.
    package func endSessions() {
        login.reset()
        forget { _ in true }
    }

    /// C_Logout: private objects are gone with the login (section 5.6.9).
    func endPrivateSessionObjects() { forget { $0.isPrivate } }

    func forget(where isDoomed: (Object) -> Bool) {
        for key in sessionObjects.remove(where: isDoomed) where key.kind == .local {
            try? localKeys.delete(key, deadline: deadline())
        }
    }
}
