internal import GRDB
internal import Hummingbird
internal import KMSModel

/// Makes new security objects for every request that asks for one: in the store, or transient.
struct ObjectMaker: Sendable {
    let vault: Vault

    /// Checks the request and whether the caller may create objects in the group.
    func draft(
        _ request: SobjectRequest, _ source: ObjectDraft.Source, _ principal: Principal
    ) async throws -> ObjectDraft {
        var draft = try ObjectDraft(request, source, principal)
        draft.group = try await group(request.groupID?.lowercased() ?? source.parent?.groupID, principal)
        // Rotation has a permission of its own, which its controller asks for.
        if case .rotated = source { return draft }
        try Policy.checkCreate(principal, in: draft.group)
        return draft
    }

    /// - Parameters:
    ///   - verb: as in `App "web" generated "key" (AES)`, and `detail` what comes after it.
    ///   - before: other changes in the same transaction, ahead of the new object.
    ///   - material: makes or reads the key material; it may take seconds.
    func make(
        _ draft: ObjectDraft, _ verb: String, _ context: KMSContext, detail: String = "",
        before: @escaping @Sendable (Database, Sobject) throws -> Void = { _, _ in },
        material: @escaping @Sendable () throws -> KeyMaterial
    ) async throws -> Sobject {
        let material = try await vault.blocking.runIfActive(material)
        var object = try draft.object(material)
        guard !draft.isTransient else {
            try await vault.pool.read { [vault] db in
                try vault.admission.check(draft.principal, context, in: db)
                try draft.checkSources(in: db)
            }
            object.transientKey = try vault.transientKeys.blob(
                of: object, material.secret, owner: draft.principal.id)
            try await vault.audit.record(event(verb, detail, object, draft, context))
            return object
        }
        let kid = newID()
        object.kid = kid
        let sealed = try material.secret.map {
            try vault.engine.seal($0, as: .object(kid: kid, type: material.type))
        }
        let record = KeyRecord(kid: kid, object: object, sealedValue: sealed)
        return try await vault.change(by: draft.principal, context) { db in
            try draft.checkSources(in: db)
            guard try GroupStore.find(id: draft.group, account: draft.principal.acctID, in: db) != nil else {
                throw KMSError.noSuchGroup
            }
            try before(db, record.object)
            try KeyStore.insert(record, in: db)
            return (record.object, event(verb, detail, record.object, draft, context))
        }
    }

    private func event(
        _ verb: String, _ detail: String, _ object: Sobject, _ draft: ObjectDraft, _ context: KMSContext
    ) -> AuditEvent {
        let what = "\(object.quotedLabel) (\(object.objType.rawValue))"
        let message = "\(draft.principal.name) \(verb) \(what)\(detail)"
        return AuditEvent(.cryptoOperation, message, by: draft.principal, context).about(object)
    }

    /// The group of a new object: the one asked for, else the app's default, else the only one that there is.
    func group(_ wanted: String?, _ principal: Principal) async throws -> String {
        let groups = try await vault.pool.read { db in try GroupStore.ids(account: principal.acctID, in: db) }
            .filter { principal.groups?.contains($0) ?? true }
        if let wanted {
            guard groups.contains(wanted) else {
                throw KMSError.noSuchGroup
            }
            return wanted
        }
        if case .app(let app) = principal, let group = app.defaultGroup { return group }
        guard let only = groups.first else { throw KMSError.badRequest("There is no group yet; create one first") }
        guard groups.count == 1 else {
            throw KMSError.badRequest("Field \"group_id\" is needed: there are several groups and no default")
        }
        return only
    }
}

extension KMSError {
    fileprivate static var noSuchGroup: KMSError { badRequest("Field \"group_id\": there is no such group") }
}
