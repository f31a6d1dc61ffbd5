internal import Hummingbird
internal import KMSModel
internal import KMSSupport

/// /sys/v1/apps and their API keys.
struct AppController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/apps") { request, _, principal in try await list(Query(request), principal) }
        routes.on(.post, "/sys/v1/apps") { request, context, principal in
            try Policy.checkAdministrator(principal)
            let body = try await request.json(AppRequest.self, refusing: RefusedField.ofApps)
            return try await create(body, Query(request), context, principal)
        }
        routes.on(.get, "/sys/v1/apps/:id") { request, context, principal in
            let withPermissions = try Query(request).flag("group_permissions")
            return try .json(try await app(context, principal).wire(withPermissions: withPermissions))
        }
        routes.on(.delete, "/sys/v1/apps/:id") { _, context, principal in try await delete(context, principal) }
        routes.on(.get, "/sys/v1/apps/:id/credential") { _, context, principal in
            try await credential(context, principal)
        }
        routes.on(.post, "/sys/v1/apps/:id/reset_secret") { request, context, principal in
            try await reset(request, context, principal)
        }
    }

    private func list(_ query: Query, _ principal: Principal) async throws -> Response {
        let withPermissions = try query.flag("group_permissions")
        let group = query.text("group_id")
        let all = try await vault.pool.read { db in try AppStore.all(account: principal.acctID, in: db) }
        let page = all.filter { isVisible($0, principal) && (group.map($0.groups.keys.contains) ?? true) }
            .dropFirst(try query.number("offset") ?? 0).prefix(min(try query.number("limit") ?? 1000, 1000))
        return try .json(page.map { $0.wire(withPermissions: withPermissions) })
    }

    private func create(
        _ request: AppRequest, _ query: Query, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let groups = try grants(request.addGroups)
        let defaultGroup = try defaultGroup(request, groups)
        let (secret, hash) = try newSecret(size: request.secretSize)
        let id = newID()
        var app = AppRecord(
            id: id, acctID: principal.acctID, name: try FieldRules.name(request.name), createdAt: .now,
            groups: groups, secretHash: hash, sealedSecret: try vault.engine.seal(secret, as: .appSecret(id: id)))
        app.description = try FieldRules.description(request.description)
        app.appType = request.appType
        app.interface = request.interface
        app.enabled = request.enabled ?? true
        app.defaultGroup = defaultGroup
        try await vault.change { [app] db in
            for group in groups.keys {
                guard try GroupStore.find(id: group, account: app.acctID, in: db) != nil else {
                    throw KMSError.badRequest("Field \"add_groups\": there is no group \(group)")
                }
            }
            try AppStore.insert(app, in: db)
            let event = AuditEvent(.administrative, "App \(app.name.quoted) created", by: principal, context)
            return ((), event.about(app.id, groups: groups.keys.sorted()))
        }
        return try .json(app.wire(withPermissions: try query.flag("group_permissions")), status: .created)
    }

    private func delete(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        try Policy.checkAdministrator(principal)
        let app = try await app(context, principal)
        try await vault.change { db in
            try AppStore.delete(app.id, in: db)
            let event = AuditEvent(.administrative, "App \(app.name.quoted) deleted", by: principal, context)
            return ((), event.about(app.id, groups: app.groups.keys.sorted()))
        }
        vault.apps.forget(app.id)
        vault.sessions.endAll(of: .app(app.id))
        return .noContent
    }

    private func credential(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        try Policy.checkAdministrator(principal)
        let app = try await app(context, principal)
        let secret = try vault.engine.open(app.sealedSecret, as: .appSecret(id: app.id))
        let event = AuditEvent(.administrative, "API key of app \(app.name.quoted) read", by: principal, context)
        try await vault.audit.record(event.about(app.id, groups: app.groups.keys.sorted()))
        return try .json(AppCredentialResponse(appID: app.id, secret: secret.text))
    }

    private func reset(_ request: Request, _ context: KMSContext, _ principal: Principal) async throws -> Response {
        try Policy.checkAdministrator(principal)
        let app = try await app(context, principal)
        let body = try await request.jsonIfAny(ResetRequest.self, refusing: RefusedField.ofSecretReset)
        let (secret, hash) = try newSecret(size: body.secretSize)
        let sealed = try vault.engine.seal(secret, as: .appSecret(id: app.id))
        try await vault.change { db in
            try AppStore.setSecret(of: app.id, hash: hash, sealed: sealed, in: db)
            let message = "API key of app \(app.name.quoted) replaced"
            let event = AuditEvent(.administrative, message, by: principal, context)
            return ((), event.about(app.id, groups: app.groups.keys.sorted()))
        }
        vault.apps.forget(app.id)
        vault.sessions.endAll(of: .app(app.id))
        return try .json(app.wire(withPermissions: false))
    }

    private struct ResetRequest: Decodable {
        var secretSize: Int?

        enum CodingKeys: String, CodingKey { case secretSize = "secret_size" }
    }

    private func app(_ context: KMSContext, _ principal: Principal) async throws -> AppRecord {
        let id = context.parameters.get("id")?.lowercased() ?? ""
        guard let app = try await vault.authenticator.app(id), isVisible(app, principal) else {
            throw KMSError.notFound("app does not exist")
        }
        return app
    }

    /// An app sees itself only.
    private func isVisible(_ app: AppRecord, _ principal: Principal) -> Bool {
        switch principal {
        case .app(let own): app.id == own.id
        case .user(let user): app.acctID == user.acctID
        }
    }

    private func grants(_ wanted: AppGroups?) throws(KMSError) -> [String: Set<AppPermission>?] {
        var grants: [String: Set<AppPermission>?] = [:]
        switch wanted {
        case nil:
            break
        case .list(let ids)?:
            for id in ids { grants.updateValue(nil, forKey: id.lowercased()) }
        case .permissions(let map)?:
            for (id, names) in map {
                var permissions: Set<AppPermission> = []
                for name in names {
                    guard let permission = AppPermission(wire: name) else {
                        throw .badRequest("Field \"add_groups\": there is no permission \(name.prefix(64).quoted)")
                    }
                    permissions.insert(permission)
                }
                grants.updateValue(permissions, forKey: id.lowercased())
            }
        }
        return grants
    }

    private func defaultGroup(
        _ request: AppRequest, _ groups: [String: Set<AppPermission>?]
    ) throws(KMSError) -> String? {
        guard let wanted = request.defaultGroup?.lowercased() else {
            return groups.count == 1 ? groups.keys.first : nil
        }
        guard groups.keys.contains(wanted) else {
            throw .badRequest("Field \"default_group\" is not one of \"add_groups\"")
        }
        return wanted
    }

    /// - Parameter size: random bytes in the secret; 64 unless asked otherwise.
    private func newSecret(size: Int?) throws -> (secret: Secret, hash: Secret) {
        let size = size ?? 64
        guard (32...256).contains(size) else {
            throw KMSError.badRequest("Field \"secret_size\" must be between 32 and 256 bytes")
        }
        let secret = Secret(Base64.urlEncode(try vault.engine.randomBytes(size)))
        return (secret, Secret(try secret.withBytes { try vault.engine.digest(.init($0), .sha256) }))
    }
}
