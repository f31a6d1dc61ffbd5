internal import Hummingbird
internal import KMSModel

/// /sys/v1/groups.
struct GroupController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/groups") { _, _, principal in
            let groups = try await vault.pool.read { db in try GroupStore.all(account: principal.acctID, in: db) }
            return try .json(groups.filter { isVisible($0, principal) })
        }
        routes.on(.get, "/sys/v1/groups/:id") { _, context, principal in
            try .json(try await group(context, principal))
        }
        routes.on(.post, "/sys/v1/groups") { request, context, principal in
            let body = try await request.json(GroupRequest.self, refusing: RefusedField.ofGroups)
            return try await create(body, context, principal)
        }
        routes.on(.patch, "/sys/v1/groups/:id") { request, context, principal in
            let body = try await request.json(GroupRequest.self, refusing: RefusedField.ofGroups)
            return try await update(body, context, principal)
        }
        routes.on(.delete, "/sys/v1/groups/:id") { _, context, principal in try await delete(context, principal) }
    }

    private func create(_ request: GroupRequest, _ context: KMSContext, _ principal: Principal) async throws -> Response
    {
        try Policy.checkAdministrator(principal)
        var group = Group(
            groupID: newID(), name: try FieldRules.name(request.name),
            description: try FieldRules.description(request.description), acctID: principal.acctID, createdAt: .now)
        group.creator = principal.creator
        let created = try await vault.change { [group, vault] db in
            var group = group
            if case .set(let policy)? = request.approvalPolicy {
                try Policy.check(policy, account: principal.acctID, in: db)
                group.approvalPolicy = policy
            }
            try GroupStore.insert(group, in: db)
            try vault.guardedGroups.update(in: db)
            let event = AuditEvent(.administrative, "Group \(group.name.quoted) created", by: principal, context)
            return (group, event.about(group.groupID, groups: [group.groupID]))
        }
        return try .json(created, status: .created)
    }

    private func update(_ request: GroupRequest, _ context: KMSContext, _ principal: Principal) async throws -> Response
    {
        try Policy.checkAdministrator(principal)
        let id = try await group(context, principal).groupID
        try Policy.checkApproval(principal, changing: id)
        let updated = try await vault.change { [vault] db in
            guard var group = try GroupStore.find(id: id, account: principal.acctID, in: db) else {
                throw KMSError.notFound("group does not exist")
            }
            if let name = request.name { group.name = try FieldRules.name(name) }
            if let description = try FieldRules.description(request.description) { group.description = description }
            switch request.approvalPolicy {
            case .set(let policy)?:
                try Policy.check(policy, account: principal.acctID, in: db)
                group.approvalPolicy = policy
            case .remove?: group.approvalPolicy = nil
            case nil: break
            }
            try GroupStore.update(group, in: db)
            try vault.guardedGroups.update(in: db)
            let event = AuditEvent(.administrative, "Group \(group.name.quoted) updated", by: principal, context)
            return (group, event.about(group.groupID, groups: [group.groupID]))
        }
        return try .json(updated)
    }

    private func delete(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        try Policy.checkAdministrator(principal)
        let group = try await group(context, principal)
        try Policy.checkApproval(principal, changing: group.groupID)
        try await vault.change { [vault] db in
            try GroupStore.delete(group.groupID, in: db)
            try vault.guardedGroups.update(in: db)
            let event = AuditEvent(.administrative, "Group \(group.name.quoted) deleted", by: principal, context)
            return ((), event.about(group.groupID, groups: [group.groupID]))
        }
        return .noContent
    }

    private func group(_ context: KMSContext, _ principal: Principal) async throws -> Group {
        let id = context.parameters.get("id")?.lowercased() ?? ""
        let group = try await vault.pool.read { db in
            try GroupStore.find(id: id, account: principal.acctID, in: db)
        }
        guard let group, isVisible(group, principal) else { throw KMSError.notFound("group does not exist") }
        return group
    }

    private func isVisible(_ group: Group, _ principal: Principal) -> Bool {
        principal.groups?.contains(group.groupID) ?? true
    }
}
