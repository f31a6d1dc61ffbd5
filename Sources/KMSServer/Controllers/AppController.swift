internal import Hummingbird
internal import KMSModel

/// /sys/v1/apps.
struct AppController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/apps") { request, _, principal in try await list(Query(request), principal) }
        routes.on(.post, "/sys/v1/apps") { request, context, principal in
            let change = try await request.json(AppChange.self, refusing: RefusedField.ofApps)
            return try await create(change, Query(request), context, principal)
        }
        routes.on(.get, "/sys/v1/apps/client_configs") { _, _, principal in try await configurations(principal) }
        routes.on(.get, "/sys/v1/apps/:id") { request, context, principal in
            let withPermissions = try Query(request).flag("group_permissions")
            return try .json(try await vault.app(context, principal).wire(withPermissions: withPermissions))
        }
        routes.on(.patch, "/sys/v1/apps/:id") { request, context, principal in
            let app = try await vault.app(context, principal)
            try Policy.check(principal, may: .changeApp, app)
            let change = try await request.json(AppChange.self, refusing: RefusedField.ofApps)
            return try await update(app, change, Query(request), context, principal)
        }
        routes.on(.delete, "/sys/v1/apps/:id") { _, context, principal in
            let app = try await vault.app(context, principal)
            try Policy.check(principal, may: .deleteApp, app)
            return try await delete(app.id, context, principal)
        }
    }

    private func list(_ query: Query, _ principal: Principal) async throws -> Response {
        try Policy.check(principal, may: .readApp)
        let listing = try Listing(query, names: ("app_id", "name"))
        let withPermissions = try query.flag("group_permissions")
        let (group, role) = (query.text("group_id")?.lowercased(), query.text("role")?.lowercased())
        return try await listing.answer(vault.pool) { db, add in
            try AppStore.forEach(account: principal.acctID, in: db) { app in
                guard Policy.isVisible(app, to: principal), group.map(app.groups.keys.contains) ?? true,
                    role == nil || app.role == role
                else { return }
                add(.init(id: app.id, name: app.name))
            }
        } item: { id, db -> App? in
            guard let app = try AppStore.find(id: id, in: db), Policy.isVisible(app, to: principal) else { return nil }
            return app.wire(withPermissions: withPermissions)
        }
    }

    private func create(
        _ change: AppChange, _ query: Query, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        var app = AppRecord(
            id: newID(), acctID: principal.acctID, name: try FieldRules.name(change.request.name), createdAt: .now,
            groups: [:], secretHash: .init(""), sealedSecret: [])
        try change.apply(to: &app)
        try Policy.check(principal, may: .createApp, app)
        try AppCredentials(engine: vault.engine).set(
            change.request.credential, size: change.request.secretSize, migration: nil, of: &app)
        try await vault.change(by: principal, context) { [app] db in
            try change.checkGroups(of: app, in: db)
            try AppStore.insert(app, in: db)
            try change.saveConfigurations(of: app, in: db)
            return ((), app.event("created", context, principal))
        }
        return try .json(app.wire(withPermissions: try query.flag("group_permissions")), status: .created)
    }

    /// The groups that the app has and those that it gets or loses must all be the caller's: otherwise an app with
    /// rights elsewhere could be taken over.
    private func update(
        _ app: AppRecord, _ change: AppChange, _ query: Query, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let credentials = AppCredentials(engine: vault.engine)
        let updated = try await vault.change(by: principal, context) { [vault] db in
            guard let before = try AppStore.find(id: app.id, in: db) else { throw KMSError.noSuchApp }
            var app = before
            try change.apply(to: &app)
            try Policy.check(principal, may: .changeApp, before, app)
            if let credential = change.request.credential {
                try Policy.checkApproval(principal, credentialOf: app.id, vault.guardedGroups)
                try credentials.set(
                    credential, size: change.request.secretSize, migration: change.request.credentialMigrationPeriod,
                    of: &app)
            }
            try change.checkGroups(of: app, in: db)
            try AppStore.update(app, in: db)
            try change.saveConfigurations(of: app, in: db)
            let verb = change.request.credential == nil ? "updated" : "updated, with a new credential"
            return (app, app.event(verb, context, principal))
        }
        vault.apps.forget(app.id)
        if change.request.credential != nil { vault.endSessions(of: updated) }
        // They do not come to life again with the app.
        if !updated.enabled { vault.sessions.endAll(of: .app(app.id)) }
        return try .json(updated.wire(withPermissions: try query.flag("group_permissions")))
    }

    private func delete(_ id: String, _ context: KMSContext, _ principal: Principal) async throws -> Response {
        try await vault.change(by: principal, context) { db in
            guard let app = try AppStore.find(id: id, in: db) else { throw KMSError.noSuchApp }
            try Policy.check(principal, may: .deleteApp, app)
            try AppStore.delete(app, in: db)
            return ((), app.event("deleted", context, principal))
        }
        vault.apps.forget(id)
        vault.sessions.endAll(of: .app(id))
        return .noContent
    }

    /// The account's settings, over them those of the app's groups, its default group last, and over these its own.
    private func configurations(_ principal: Principal) async throws -> Response {
        guard case .app(let app) = principal else {
            throw KMSError.forbidden("Requested operation is not allowed: it needs the session of an app")
        }
        let groups = app.groups.keys.sorted().filter { $0 != app.defaultGroup } + [app.defaultGroup].compactMap(\.self)
        let merged = try await vault.pool.read { db in
            var owners = [ClientConfigurationStore.Owner.account(app.acctID)]
            for group in groups { owners.append(.group(group)) }
            owners.append(.app(app.id))
            return try owners.reduce(JSONValue.object([:])) { merged, owner in
                ClientConfigurations.merge(merged, try ClientConfigurationStore.value(of: owner, in: db) ?? .null)
            }
        }
        return try .json(merged)
    }
}

extension AppRecord {
    func event(_ verb: String, _ context: KMSContext, _ principal: Principal) -> AuditEvent {
        AuditEvent(.administrative, "App \(name.quoted) \(verb)", by: principal, context)
            .about(id, groups: groups.keys.sorted())
    }
}

extension Vault {
    /// The app that the path names.
    func app(_ context: KMSContext, _ principal: Principal) async throws -> AppRecord {
        try Policy.check(principal, may: .readApp)
        guard let app = try await authenticator.app(context.pathID), Policy.isVisible(app.value, to: principal) else {
            throw KMSError.noSuchApp
        }
        return app.value
    }

    /// After its credential changed: at once, or when the secret before ends.
    func endSessions(of app: AppRecord) {
        guard let until = app.previous?.until else { return sessions.endAll(of: .app(app.id)) }
        sessions.limit(.app(app.id), lifetime: Int(until.seconds - Timestamp.now.seconds))
    }
}

extension KMSError {
    static var noSuchApp: KMSError { notFound("app does not exist") }
}
