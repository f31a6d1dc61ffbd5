internal import GRDB
internal import Hummingbird
internal import KMSModel

/// /sys/v1/plugins: stored, listed, changed and run.
struct PluginController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/plugins") { request, _, principal in try await list(Query(request), principal) }
        routes.on(.post, "/sys/v1/plugins") { request, context, principal in
            try Policy.check(principal, may: .changePlugins)
            let body = try await request.json(PluginRequest.self, refusing: RefusedField.ofPlugins)
            return try await create(body, context, principal)
        }
        routes.on(.get, "/sys/v1/plugins/:id") { _, context, principal in
            try .json(try await plugin(context, principal))
        }
        routes.on(.patch, "/sys/v1/plugins/:id") { request, context, principal in
            try Policy.check(principal, may: .changePlugins)
            let body = try await request.json(PluginRequest.self, refusing: RefusedField.ofPlugins)
            return try await update(body, context, principal)
        }
        routes.on(.delete, "/sys/v1/plugins/:id") { _, context, principal in try await delete(context, principal) }
        routes.on(.post, "/sys/v1/plugins/:id") { request, context, principal in
            try await run(try await request.jsonValueIfAny(), context, principal)
        }
        routes.on(.get, "/sys/v1/plugins/invoke/:id") { _, context, principal in
            try await run(nil, context, principal)
        }
    }

    // MARK: Stored plugins

    private func list(_ query: Query, _ principal: Principal) async throws -> Response {
        let listing = try Listing(query, names: ("plugin_id", "name"))
        let group = query.text("group_id")?.lowercased()
        return try await listing.answer(vault.pool) { db, add in
            try PluginStore.forEach(account: principal.acctID, in: db) { plugin in
                guard Policy.isVisible(plugin, to: principal), group.map(plugin.groups.contains) ?? true else { return }
                add(.init(id: plugin.pluginID, name: plugin.name))
            }
        } item: { id, db -> Plugin? in
            guard let plugin = try PluginStore.find(id: id, account: principal.acctID, in: db),
                Policy.isVisible(plugin, to: principal)
            else { return nil }
            return plugin
        }
    }

    private func create(
        _ request: PluginRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        guard let source = request.source else { throw KMSError.badRequest("Field \"source\" is missing") }
        var draft = Plugin(
            pluginID: newID(), name: try FieldRules.name(request.name), acctID: principal.acctID, source: source,
            groups: [])
        draft.creator = principal.creator
        draft.createdAt = .now
        let created = try await vault.change(by: principal, context) { [draft] db in
            var plugin = draft
            try PluginChange(request).apply(to: &plugin, in: db)
            try PluginStore.insert(plugin, in: db)
            return (plugin, event("created", plugin, context, principal))
        }
        return try .json(created, status: .created)
    }

    private func update(
        _ request: PluginRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let id = try await plugin(context, principal).pluginID
        let updated = try await vault.change(by: principal, context) { db in
            guard var plugin = try PluginStore.find(id: id, account: principal.acctID, in: db) else {
                throw KMSError.noSuchPlugin
            }
            try PluginChange(request).apply(to: &plugin, in: db)
            try PluginStore.update(plugin, in: db)
            return (plugin, event("updated", plugin, context, principal))
        }
        return try .json(updated)
    }

    private func delete(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        try Policy.check(principal, may: .changePlugins)
        let plugin = try await plugin(context, principal)
        try await vault.change(by: principal, context) { db in
            try PluginStore.delete(plugin.pluginID, in: db)
            return ((), event("deleted", plugin, context, principal))
        }
        return .noContent
    }

    private func event(
        _ verb: String, _ plugin: Plugin, _ context: KMSContext, _ principal: Principal
    ) -> AuditEvent {
        AuditEvent(.administrative, "Plugin \(plugin.name.quoted) \(verb)", by: principal, context)
            .about(plugin.pluginID, groups: plugin.groups)
    }

    private func plugin(_ context: KMSContext, _ principal: Principal) async throws -> Plugin {
        let id = context.parameters.get("id")?.lowercased() ?? ""
        let plugin = try await vault.pool.read { db in
            try PluginStore.find(id: id, account: principal.acctID, in: db)
        }
        guard let plugin, Policy.isVisible(plugin, to: principal) else { throw KMSError.noSuchPlugin }
        return plugin
    }

    // MARK: Running

    private func run(_ input: JSONValue?, _ context: KMSContext, _ principal: Principal) async throws -> Response {
        let plugin = try await plugin(context, principal)
        try Policy.check(principal, mayRun: plugin)
        guard let native = NativePlugins.plugin(of: plugin.source) else { throw NativePlugins.refusal }
        let call = PluginCall(vault: vault, plugin: plugin, principal: principal, context: context)
        let outcome = try await native.run(input, call)
        let message = "\(principal.name) ran plugin \(plugin.name.quoted): \(outcome.summary)"
        let groups = Set(plugin.groups + outcome.groups).sorted()
        try await vault.change { db in
            try PluginStore.setLastRun(plugin.pluginID, .now, in: db)
            let event = AuditEvent(.runPlugin, message, by: principal, context)
            return ((), event.about(plugin.pluginID, groups: groups))
        }
        guard let value = outcome.value else { return Response(status: .ok) }
        return try .json(value)
    }
}
