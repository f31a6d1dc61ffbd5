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
        guard let label = after.attributes["label"], let name = KeyName.of(label) else {
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

    private func refresh(_ description: KeyDescription) {
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
        let isPublicGone = description.attributes[KeyPairObjects.hiddenPublicKey] != nil
        switch (object.objectClass, description.isPublicOnly) {
        case (CKO_PUBLIC_KEY, false):
            var changes = KeyChanges()
            changes.attributes = description.attributes
            changes.attributes?[KeyPairObjects.hiddenPublicKey] = Array("true".utf8)
            refresh(try backend.update(key, changes, deadline: deadline))
        case (CKO_PRIVATE_KEY, false) where !isPublicGone:
            try backend.deletePrivateHalf(key, deadline: deadline)
            refresh(try backend.describe(key, deadline: deadline))
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
        guard isToken else {
            let copy = object.with(handle: try randomHandle(), session: owner.session, attributes: changed)
            sessionObjects.insert(copy)
            return copy.handle
        }
        let description = try describe(object)
        var copy = description
        AttributeChange.apply(template, of: object, to: &copy)
        var specification = KeySpecification(name: nil, type: copy.type, operations: copy.operations)
        specification.bits = copy.bits
        specification.curve = copy.curve
        specification.attributes = copy.attributes
        let label = changed.value(CKA_LABEL) ?? []
        specification.attributes["label"] = nil
        let objects = try persist("C_CopyObject", label, specification, classes: [object.objectClass]) {
            (backend, specification, deadline) throws(BackendError) in
            guard object.keyID.kind == .local else {
                return try backend.copy(object.keyID, as: specification, deadline: deadline)
            }
            let value = try localKeys.export(object.keyID, deadline: deadline)
            return try backend.importKey(specification, value: value, deadline: deadline)
        }
        return try self.handle(of: object.objectClass, in: objects)
    }

    func describe(_ object: Object) throws(CKError) -> KeyDescription {
        try perform("looking up \"\(object.label)\"", .management, on: object.keyID) {
            (backend, deadline) throws(BackendError) in
            try backend.describe(object.keyID, deadline: deadline)
        }
    }

    /// Handles of views: unlike those of keys they mean nothing to another process.
    func randomHandle() throws(CKError) -> CK_OBJECT_HANDLE {
        do throws(CryptoError) {
            return try ObjectSource.handle(Hexadecimal.text(try Random.bytes(16, in: context)), context)
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
