internal import GRDB
internal import Hummingbird
internal import KMSModel

/// /sys/v1/groups.
struct GroupController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/groups") { request, _, principal in
            try Policy.check(principal, may: .readGroup)
            let listing = try Listing(Query(request), names: ("group_id", "name"))
            return try await listing.answer(vault.pool) { db, add in
                try GroupStore.forEach(account: principal.acctID, in: db) { group in
                    if principal.sees(group: group.groupID) { add(.init(id: group.groupID, name: group.name)) }
                }
            } item: { id, db in
                try GroupStore.find(id: id, account: principal.acctID, in: db)
            }
        }
        routes.on(.get, "/sys/v1/groups/:id") { _, context, principal in
            try .json(try await group(context, principal))
        }
        routes.on(.post, "/sys/v1/groups") { request, context, principal in
            try Policy.check(principal, may: .createGroup)
            let change = try await request.json(Change.self, refusing: RefusedField.ofGroups)
            return try await create(change, context, principal)
        }
        routes.on(.patch, "/sys/v1/groups/:id") { request, context, principal in
            let id = try await group(context, principal).groupID
            try Policy.check(principal, may: .changeGroup, in: [id])
            let change = try await request.json(Change.self, refusing: RefusedField.ofGroups)
            return try await update(id, change, context, principal)
        }
        routes.on(.delete, "/sys/v1/groups/:id") { _, context, principal in
            let group = try await group(context, principal)
            try Policy.check(principal, may: .deleteGroup)
            return try await delete(group, context, principal)
        }
    }

    private struct Change: Decodable {
        var fields: GroupRequest
        var configurations: ClientConfigurations

        init(from decoder: any Decoder) throws {
            fields = try GroupRequest(from: decoder)
            configurations = try ClientConfigurations(from: decoder)
        }

        func saveConfigurations(of id: String, in db: Database) throws {
            guard let value = configurations.value else { return }
            try ClientConfigurationStore.set(value, of: .group(id), in: db)
        }
    }

    private func create(_ change: Change, _ context: KMSContext, _ principal: Principal) async throws -> Response {
        try change.configurations.check()
        var group = Group(
            groupID: newID(), name: try FieldRules.name(change.fields.name),
            description: try FieldRules.description(change.fields.description), acctID: principal.acctID,
            createdAt: .now)
        group.creator = principal.creator
        let created = try await vault.change(by: principal, context) { [group, vault] db in
            var group = group
            if case .set(let policy)? = change.fields.approvalPolicy {
                try Policy.check(policy, account: principal.acctID, in: db)
                group.approvalPolicy = policy
            }
            try GroupStore.insert(group, in: db)
            try change.saveConfigurations(of: group.groupID, in: db)
            try vault.guardedGroups.update(in: db)
            let event = AuditEvent(.administrative, "Group \(group.name.quoted) created", by: principal, context)
            return (group, event.about(group.groupID, groups: [group.groupID]))
        }
        return try .json(created, status: .created)
    }

    private func update(
        _ id: String, _ change: Change, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        try Policy.checkApproval(principal, changing: id)
        try change.configurations.check()
        let updated = try await vault.change(by: principal, context) { [vault] db in
            guard var group = try GroupStore.find(id: id, account: principal.acctID, in: db) else {
                throw KMSError.notFound("group does not exist")
            }
            if let name = change.fields.name { group.name = try FieldRules.name(name) }
            if let description = try FieldRules.description(change.fields.description) {
                group.description = description
            }
            switch change.fields.approvalPolicy {
            case .set(let policy)?:
                try Policy.check(policy, account: principal.acctID, in: db)
                group.approvalPolicy = policy
            case .remove?: group.approvalPolicy = nil
            case nil: break
            }
            try GroupStore.update(group, in: db)
            try change.saveConfigurations(of: id, in: db)
            try vault.guardedGroups.update(in: db)
            let event = AuditEvent(.administrative, "Group \(group.name.quoted) updated", by: principal, context)
            return (group, event.about(group.groupID, groups: [group.groupID]))
        }
        return try .json(updated)
    }

    private func delete(_ group: Group, _ context: KMSContext, _ principal: Principal) async throws -> Response {
        try Policy.checkApproval(principal, changing: group.groupID)
        try await vault.change(by: principal, context) { [vault] db in
            try GroupStore.delete(group.groupID, in: db)
            try vault.guardedGroups.update(in: db)
            let event = AuditEvent(.administrative, "Group \(group.name.quoted) deleted", by: principal, context)
            return ((), event.about(group.groupID, groups: [group.groupID]))
        }
        return .noContent
    }

    private func group(_ context: KMSContext, _ principal: Principal) async throws -> Group {
        try Policy.check(principal, may: .readGroup)
        let id = context.pathID
        let group = try await vault.pool.read { db in
            try GroupStore.find(id: id, account: principal.acctID, in: db)
        }
        guard let group, principal.sees(group: group.groupID) else { throw KMSError.notFound("group does not exist") }
        return group
    }
}
