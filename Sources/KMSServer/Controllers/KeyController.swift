internal import Hummingbird
internal import KMSModel

/// /crypto/v1/keys: security objects are made, listed, shown, changed, exported and deleted.
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
            try await info(SobjectDescriptor(kid: context.kid), principal)
        }
        routes.on(.post, "/crypto/v1/keys/info") { request, _, principal in
            try await info(try await request.json(SobjectDescriptor.self), principal)
        }
        routes.on(.patch, "/crypto/v1/keys/:kid") { request, context, principal in
            try await update(
                try await request.json(SobjectRequest.self, refusing: RefusedField.ofObjects), context, principal)
        }
        routes.on(.delete, "/crypto/v1/keys/:kid") { _, context, principal in try await delete(context, principal) }
        routes.on(.get, "/crypto/v1/keys/:kid/export") { _, context, principal in
            try await export(SobjectDescriptor(kid: context.kid), context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/export") { request, context, principal in
            try await export(try await request.json(SobjectDescriptor.self), context, principal)
        }
    }

    private func create(
        _ request: SobjectRequest, _ context: KMSContext, _ principal: Principal, generated: Bool
    ) async throws -> Response {
        let maker = ObjectMaker(vault: vault)
        let draft = try await maker.draft(request, generated ? .generated : .imported, principal)
        let crypto = vault.engine.context
        let object = try await maker.make(draft, generated ? "generated" : "imported", context) {
            generated ? try KeyMaterial.generate(request, in: crypto) : try KeyMaterial.read(request, in: crypto)
        }
        return try .json(object, status: .created)
    }

    private func list(_ query: KeyQuery, _ parameters: Query) async throws -> Response {
        var frame = ListFrame.array
        if try parameters.flag("with_metadata") {
            let counts = try await vault.pool.read { db in try KeyStore.count(query, in: db) }
            frame = try .page(SobjectPage.Metadata(totalCount: counts.total, filteredCount: counts.filtered))
        }
        return try await .list(from: query, in: frame) { query in
            try await vault.pool.read { db in
                var part = ListPart<KeyQuery>()
                try KeyStore.forEach(query, in: db) { object in
                    try part.add(object)
                    if part.isFull { part.next = query.after(object, count: part.count) }
                    return !part.isFull
                }
                return part
            }
        }
    }

    private func update(_ request: SobjectRequest, _ context: KMSContext, _ principal: Principal) async throws
        -> Response
    {
        let wanted = request.groupID?.lowercased()
        let maker = ObjectMaker(vault: vault)
        let change = KeyChange(request, group: wanted == nil ? nil : try await maker.group(wanted, principal))
        return try .json(
            try await vault.modify(context.kid, "updated", context, principal) { object, _ in
                for action in change.actions(on: object) { try Policy.check(principal, may: action, object) }
                if let group = change.group, group != object.groupID { try Policy.checkCreate(principal, in: group) }
                try change.apply(to: &object)
            })
    }

    private func delete(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        let kid = context.kid
        try await vault.change(by: principal, context) { db in
            guard let object = try KeyStore.find(kid: kid, account: principal.acctID, in: db)?.object else {
                throw KMSError.noSuchObject
            }
            try Policy.check(principal, may: .delete, object)
            try KeyStore.delete(kid, in: db)
            let message = "\(principal.name) deleted \(object.quotedLabel)"
            return ((), AuditEvent(.administrative, message, by: principal, context).about(object))
        }
        vault.keys.forget(kid)
        return .noContent
    }

    private func info(_ descriptor: SobjectDescriptor, _ principal: Principal) async throws -> Response {
        var object = try await vault.key(descriptor, for: .read, by: principal).object.settled
        object.transientKey = descriptor.transientKey
        return try .json(object)
    }

    private func export(
        _ descriptor: SobjectDescriptor, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let value = try await vault.value(descriptor, for: .export, by: principal)
        guard let material = value.material else { throw KMSError.noMaterial }
        var object = value.object
        object.value = material.withBytes { .init($0) }
        object.transientKey = descriptor.transientKey
        let message = "\(principal.name) exported \(object.quotedLabel)"
        try await vault.audit.record(AuditEvent(.cryptoOperation, message, by: principal, context).about(object))
        return try .json(object)
    }
}
