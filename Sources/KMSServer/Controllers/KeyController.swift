internal import Hummingbird
internal import KMSModel

/// /crypto/v1/keys: the life of security objects. Signatures are `SignatureController`'s.
struct KeyController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.post, "/crypto/v1/keys") { request, context, principal in
            let body = try await request.json(SobjectRequest.self, refusing: RefusedField.ofObjects)
            return try await create(body, context, principal, generated: true)
        }
        routes.on(.put, "/crypto/v1/keys") { request, context, principal in
            let body = try await request.json(SobjectRequest.self, refusing: RefusedField.ofObjects)
            return try await create(body, context, principal, generated: false)
        }
        routes.on(.get, "/crypto/v1/keys") { request, _, principal in
            try await list(try KeyQuery(Query(request), principal), Query(request))
        }
        routes.on(.get, "/crypto/v1/keys/:kid") { _, context, principal in
            try .json(try await vault.key(SobjectDescriptor(kid: kid(context)), for: .read, by: principal).object)
        }
        routes.on(.post, "/crypto/v1/keys/info") { request, _, principal in
            let descriptor = try await request.json(SobjectDescriptor.self)
            return try .json(try await vault.key(descriptor, for: .read, by: principal).object)
        }
        routes.on(.patch, "/crypto/v1/keys/:kid") { request, context, principal in
            try await update(
                try await request.json(SobjectRequest.self, refusing: RefusedField.ofObjects), context, principal)
        }
        routes.on(.delete, "/crypto/v1/keys/:kid") { _, context, principal in try await delete(context, principal) }
        routes.on(.get, "/crypto/v1/keys/:kid/export") { _, context, principal in
            try await export(SobjectDescriptor(kid: kid(context)), context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/export") { request, context, principal in
            try await export(try await request.json(SobjectDescriptor.self), context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/:kid/activate") { _, context, principal in
            try await activate(context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/:kid/revoke") { request, context, principal in
            try await revoke(try await request.json(RevocationRequest.self), context, principal)
        }
    }

    private func create(
        _ request: SobjectRequest, _ context: KMSContext, _ principal: Principal, generated: Bool
    ) async throws -> Response {
        guard request.transient != true else { throw KMSError.badRequest("Transient keys are not supported") }
        let draft = try ObjectDraft(request, principal, generated: generated)
        let group = try await group(request.groupID?.lowercased(), principal)
        try Policy.checkCreate(principal, in: group)
        let crypto = vault.engine.context
        let material = try await vault.blocking.runIfActive {
            generated ? try KeyMaterial.generate(request, in: crypto) : try KeyMaterial.read(request, in: crypto)
        }
        let record = try draft.record(material, group: group, engine: vault.engine)
        let object = try await vault.change { db in
            try KeyStore.insert(record, in: db)
            let verb = generated ? "generated" : "imported"
            let message = "\(principal.name) \(verb) \(draft.name.quoted) (\(material.type.rawValue))"
            return (record.object, AuditEvent(.cryptoOperation, message, by: principal, context).about(record.object))
        }
        return try .json(object, status: .created)
    }

    private func list(_ query: KeyQuery, _ parameters: Query) async throws -> Response {
        let withMetadata = try parameters.flag("with_metadata")
        let (objects, counts) = try await vault.pool.read { db in
            (
                try KeyStore.list(query, in: db).map(\.object),
                withMetadata ? try KeyStore.count(query, in: db) : (filtered: 0, total: 0)
            )
        }
        guard withMetadata else { return try .json(objects) }
        return try .json(
            SobjectPage(metadata: .init(totalCount: counts.total, filteredCount: counts.filtered), items: objects))
    }

    private func update(_ request: SobjectRequest, _ context: KMSContext, _ principal: Principal) async throws
        -> Response
    {
        let wanted = request.groupID?.lowercased()
        let change = KeyChange(request, group: wanted == nil ? nil : try await group(wanted, principal))
        return try .json(
            try await modify("updated", context, principal) { object in
                for action in change.actions(on: object) { try Policy.check(principal, may: action, object) }
                if let group = change.group, group != object.groupID { try Policy.checkCreate(principal, in: group) }
                try change.apply(to: &object)
            })
    }

    private func delete(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        let kid = kid(context)
        try await vault.change { db in
            guard let object = try KeyStore.find(kid: kid, account: principal.acctID, in: db)?.object else {
                throw KMSError.noSuchObject
            }
            try Policy.check(principal, may: .delete, object)
            try KeyStore.delete(kid, in: db)
            let message = "\(principal.name) deleted \((object.name ?? kid).quoted)"
            return ((), AuditEvent(.administrative, message, by: principal, context).about(object))
        }
        vault.keys.forget(kid)
        return .noContent
    }

    private func export(
        _ descriptor: SobjectDescriptor, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        var object = try await vault.key(descriptor, for: .export, by: principal).object
        let kid = object.kid ?? ""
        let record = try await vault.pool.read { db in
            try KeyStore.find(kid: kid, account: principal.acctID, in: db)
        }
        guard let record else { throw KMSError.noSuchObject }
        if let box = record.sealedValue {
            let value = try vault.engine.open(box, as: .object(kid: kid, type: object.objType))
            object.value = value.withBytes { .init($0) }
        } else if object.value == nil {
            object.value = object.pubKey
        }
        let message = "\(principal.name) exported \((object.name ?? kid).quoted)"
        try await vault.audit.record(AuditEvent(.cryptoOperation, message, by: principal, context).about(object))
        return try .json(object)
    }

    private func activate(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        _ = try await modify("activated", context, principal) { object in
            try Policy.check(principal, may: .activate, object)
            guard object.state == .preActive else {
                throw KMSError.badRequest("Only an object in state PreActive can be activated")
            }
            object.state = .active
            object.activationDate = .now
        }
        return .noContent
    }

    private func revoke(
        _ request: RevocationRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        try request.check()
        _ = try await modify("revoked (\(request.code.rawValue))", context, principal) { object in
            try Policy.check(principal, may: .revoke, object)
            object.state = request.code.isCompromise ? .compromised : .deactivated
            object.deactivationDate = .now
        }
        return .noContent
    }

    /// Changes an object's attributes: read, check (which is `body`'s), change and record in one transaction, so that
    /// of two changes at the same time none is lost.
    private func modify(
        _ verb: String, _ context: KMSContext, _ principal: Principal,
        _ body: @escaping @Sendable (inout Sobject) throws -> Void
    ) async throws -> Sobject {
        let kid = kid(context)
        let object = try await vault.change { db in
            guard var record = try KeyStore.find(kid: kid, account: principal.acctID, in: db) else {
                throw KMSError.noSuchObject
            }
            try Policy.check(principal, may: .read, record.object)
            try body(&record.object)
            try KeyStore.update(record, in: db)
            let message = "\(principal.name) \(verb) \((record.object.name ?? kid).quoted)"
            return (record.object, AuditEvent(.administrative, message, by: principal, context).about(record.object))
        }
        vault.keys.forget(kid)
        return object
    }

    private func kid(_ context: KMSContext) -> String { context.parameters.get("kid")?.lowercased() ?? "" }

    /// The group of a new object: the one asked for, else the app's default, else the only one that there is.
    private func group(_ wanted: String?, _ principal: Principal) async throws -> String {
        let groups = try await vault.pool.read { db in try GroupStore.all(account: principal.acctID, in: db) }
            .map(\.groupID).filter { principal.groups?.contains($0) ?? true }
        if let wanted {
            guard groups.contains(wanted) else {
                throw KMSError.badRequest("Field \"group_id\": there is no such group")
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
