package import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// Who asks for an object, and whose it will be.
package struct ObjectOwner: Sendable {
    package let session: CK_SESSION_HANDLE
    package let isReadWrite: Bool
}

extension Token {
    /// C_CreateObject (section 5.7.1). A session's objects stay in this process.
    package func create(_ template: Template, by owner: ObjectOwner) throws(CKError) -> CK_OBJECT_HANDLE {
        let draft = try ObjectDraft(template, .create)
        try authorize(draft, owner)
        let parts = try KeyParts(draft, in: context)
        if let joined = try join(draft, parts) { return joined }
        let objects = try make("C_CreateObject", [draft], parts.specification(draft), by: owner, on: .local) {
            (backend, specification, deadline) throws(BackendError) in
            try backend.importKey(specification, value: parts.value, deadline: deadline)
        }
        return try handle(of: draft.objectClass, in: objects)
    }

    /// A public key of the token whose private key was brought before: the KMS shows it already, so it becomes what the
    /// template says instead of a second one.
    private func join(_ draft: ObjectDraft, _ parts: KeyParts) throws(CKError) -> CK_OBJECT_HANDLE? {
        guard draft.isToken, draft.objectClass == CKO_PUBLIC_KEY else { return nil }
        let info = parts.value.withBytes { Array($0) }
        let same = Template([CKA_CLASS: CKO_PUBLIC_KEY.bytes, CKA_PUBLIC_KEY_INFO: info])
        guard let object = try store.find(same, login: login, deadline: deadline()).first else { return nil }
        let description = try describe(object)
        guard description.attributes[KeyPairObjects.impliedPublicKey] != nil else { return nil }
        var changes = KeyChanges()
        var attributes = description.attributes
        attributes[KeyPairObjects.impliedPublicKey] = nil
        attributes.merge(
            draft.storedAttributes(description.operations, prefix: ObjectSource.publicPrefix)
        ) { $1 }
        changes.attributes = attributes
        let changed = try perform("C_CreateObject", .management, on: object.keyID) {
            (backend, deadline) throws(BackendError) in
            try backend.update(object.keyID, changes, deadline: deadline)
        }
        refresh(changed)
        return object.handle
    }

    /// - Throws: CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN (section 5.7.1 and table 6).
    func authorize(_ draft: ObjectDraft, _ owner: ObjectOwner) throws(CKError) {
        guard !draft.isToken || owner.isReadWrite else { throw CKError(CKR_SESSION_READ_ONLY) }
        guard login.isLoggedIn || !(draft.isToken || draft.isPrivate) else { throw CKError(CKR_USER_NOT_LOGGED_IN) }
    }

    func handle(of objectClass: CK_OBJECT_CLASS, in objects: [Object]) throws(CKError) -> CK_OBJECT_HANDLE {
        guard let object = objects.first(where: { $0.objectClass == objectClass }) else {
            Log.error("the KMS made something else than was asked for")
            throw CKError(CKR_DEVICE_ERROR)
        }
        return object.handle
    }

    /// Where the objects of a session live.
    enum Residence { case local, transient }

    /// Makes a security object and its PKCS#11 faces.
    ///
    /// - Parameters:
    ///   - drafts: what the faces shall be: one, or private and public key of a pair.
    ///   - residence: of an object that is not a token's.
    ///   - body: has it made by the backend that it is given.
    func make(
        _ function: String, _ drafts: [ObjectDraft], _ specification: KeySpecification, by owner: ObjectOwner,
        on residence: Residence, purpose: Purpose = .creation,
        _ body: (any Backend, KeySpecification, Deadline) throws(BackendError) -> KeyDescription
    ) throws(CKError) -> [Object] {
        let label = drafts.first?[CKA_LABEL] ?? []
        let isToken = drafts.first?.isToken ?? false
        var specification = specification
        guard isToken else {
            specification.isTransient = true
            if !label.isEmpty { specification.attributes["label"] = label }
            let key = residence == .local ? KeyID("", .local) : nil
            let description = try perform(function, purpose, on: key) {
                (backend, deadline) throws(BackendError) in
                try body(backend, specification, deadline)
            }
            return adopt(description, specification, session: owner.session, drafts.map(\.objectClass))
        }
        return try persist(
            function, label, specification, classes: drafts.map(\.objectClass), purpose: purpose, body)
    }

    /// Makes a security object of the token.
    func persist(
        _ function: String, _ label: [UInt8], _ specification: KeySpecification, classes: [CK_OBJECT_CLASS],
        purpose: Purpose = .creation,
        _ body: (any Backend, KeySpecification, Deadline) throws(BackendError) -> KeyDescription
    ) throws(CKError) -> [Object] {
        var specification = specification
        let what = "\(function) \"\(String(decoding: label, as: UTF8.self))\""
        let description = try perform(what, purpose, on: nil) { (backend, deadline) throws(BackendError) in
            try named(label, &specification) { specification throws(BackendError) in
                try body(backend, specification, deadline)
            }
        }
        return adopt(description, specification, session: nil, classes)
    }

    /// Names at a KMS are unique and labels are not: a second key of one label gets a name of its own, and the label
    /// beside it.
    private func named(
        _ label: [UInt8], _ specification: inout KeySpecification,
        _ body: (KeySpecification) throws(BackendError) -> KeyDescription
    ) throws(BackendError) -> KeyDescription {
        if let name = KeyName.of(label) {
            specification.name = name
            do throws(BackendError) {
                return try body(specification)
            } catch {
                guard error.kind == .conflict else { throw error }
            }
        }
        specification.name = try KeyName.unique(label, in: context)
        specification.attributes["label"] = label
        return try body(specification)
    }

    /// Shows the faces of a security object that has just been made.
    func adopt(
        _ description: KeyDescription, _ specification: KeySpecification, session: CK_SESSION_HANDLE?,
        _ classes: [CK_OBJECT_CLASS]
    ) -> [Object] {
        var description = description
        // A KMS may have no room for what a transient key carries along.
        description.attributes.merge(specification.attributes) { kept, _ in kept }
        if description.name.isEmpty, let name = specification.name { description.name = name }
        let objects = ObjectFactory.objects(
            ObjectSource(slotID: slotID, description: description, context: context, session: session))
        guard session != nil else {
            store.insert(objects, of: description.id)
            return objects
        }
        // A session's private key comes without the public one unless that was asked for.
        let wanted = objects.filter { classes.contains($0.objectClass) }
        for object in wanted { sessionObjects.insert(object) }
        return wanted
    }
}

extension KeyParts {
    /// The key that the draft asks for.
    func specification(_ draft: ObjectDraft) -> KeySpecification {
        var specification = draft.broughtKey(type)
        specification.bits = bits
        specification.curve = curve
        return specification
    }
}

/// Names of keys at the KMS.
enum KeyName {
    /// nil when the label cannot be a name: blank, not UTF-8, too long, or with control characters.
    static func of(_ label: [UInt8]) -> String? {
        guard let text = String(validating: label, as: UTF8.self), text.count <= 200,
            text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }),
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        return text
    }

    static func unique(_ label: [UInt8], in context: LibraryContext) throws(BackendError) -> String {
        do throws(CryptoError) {
            let suffix = Hex.text(try Random.bytes(8, in: context))
            return KeyName.of(label).map { "\($0) \(suffix)" } ?? "pkcs11-\(suffix)"
        } catch {
            throw BackendError(.unavailable, error.description)
        }
    }
}
