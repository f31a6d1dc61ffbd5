internal import Hummingbird
internal import KMSModel

/// /sys/v1/accounts.
struct AccountController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/accounts") { _, _, principal in try await accounts(of: principal) }
        // A user reads the names of accounts before choosing one, so this works without a selected account.
        routes.open(.get, "/sys/v1/accounts/:id") { request, context in
            let id = context.pathID
            guard try await visible(to: request, context).contains(id),
                let account = try await vault.pool.read({ db in try AccountStore.find(id: id, in: db) })
            else { throw KMSError.noSuchAccount }
            return try .json(account)
        }
        routes.on(.post, "/sys/v1/accounts") { request, context, principal in
            try Policy.check(principal, may: .createAccount)
            return try await create(try await request.json(AccountRequest.self), context, principal)
        }
        routes.on(.patch, "/sys/v1/accounts/:id") { request, context, principal in
            try check(principal, .changeAccount, context)
            let configurations = try await request.json(Change.self, refusing: RefusedField.ofAccounts)
            return try await update(configurations, context, principal)
        }
        routes.on(.delete, "/sys/v1/accounts/:id") { _, context, principal in
            try check(principal, .deleteAccount, context)
            return try await delete(context, principal)
        }
        routes.on(.get, "/sys/v1/accounts/:id/usage") { _, context, principal in
            try check(principal, .readAccount, context)
            return try .json(try await usage(of: context.pathID))
        }
    }

    private struct Change: Decodable {
        var fields: AccountRequest
        var configurations: ClientConfigurations

        init(from decoder: any Decoder) throws {
            fields = try AccountRequest(from: decoder)
            configurations = try ClientConfigurations(from: decoder)
        }
    }

    /// What belongs to another account does not exist for the caller.
    private func check(
        _ principal: Principal, _ action: Policy.Administration, _ context: KMSContext
    ) throws(KMSError) {
        guard context.pathID == principal.acctID else { throw .noSuchAccount }
        try Policy.check(principal, may: action)
    }

    private func create(
        _ request: AccountRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        guard case .user(let creator) = principal else { throw KMSError.forbidden("An account needs a user") }
        var account = Account(acctID: newID(), name: try FieldRules.name(request.name), createdAt: .now)
        try apply(request, to: &account)
        var user = creator.value
        user.acctID = account.acctID
        user.role = .administrator
        user.groups = [:]
        let created = try await vault.change(by: principal, context) { [account, user] db in
            try AccountStore.insert(account, in: db)
            try UserStore.insertMember(user, in: db)
            let event = AuditEvent(.administrative, "Account \(account.name.quoted) created", by: principal, context)
            return (account, event.about(account.acctID))
        }
        return try .json(created, status: .created)
    }

    private func update(_ change: Change, _ context: KMSContext, _ principal: Principal) async throws -> Response {
        try change.configurations.check()
        let id = context.pathID
        let updated = try await vault.change(by: principal, context) { db in
            guard var account = try AccountStore.find(id: id, in: db) else { throw KMSError.noSuchAccount }
            if let name = change.fields.name { account.name = try FieldRules.name(name) }
            try apply(change.fields, to: &account)
            try AccountStore.update(account, in: db)
            if let value = change.configurations.value {
                try ClientConfigurationStore.set(value, of: .account(id), in: db)
            }
            let event = AuditEvent(.administrative, "Account \(account.name.quoted) updated", by: principal, context)
            return (account, event.about(id))
        }
        return try .json(updated)
    }

    private func apply(_ request: AccountRequest, to account: inout Account) throws(KMSError) {
        if let description = try FieldRules.description(request.description) { account.description = description }
        if let metadata = try FieldRules.metadata(request.customMetadata) { account.customMetadata = metadata }
    }

    private func delete(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        let id = context.pathID
        try await vault.change(by: principal, context) { db in
            let memberships = try UserStore.memberships(of: principal.id, in: db)
            guard memberships.contains(where: { $0.acctID != id && $0.isActive }) else {
                throw KMSError.conflict("The account is the only one that you have; make another one first")
            }
            guard let account = try AccountStore.find(id: id, in: db) else { throw KMSError.noSuchAccount }
            try AccountStore.delete(id, in: db)
            let event = AuditEvent(.administrative, "Account \(account.name.quoted) deleted", by: principal, context)
            return ((), event.about(id))
        }
        return .noContent
    }

    private func usage(of id: String) async throws -> AccountUsage {
        try await vault.audit.settle()
        let (usage, tally) = try await vault.pool.read { db in
            let tally = try OperationTally.current(in: db)
            return (try AccountStore.usage(of: id, operations: tally[id], in: db), tally)
        }
        // On a full disk the next one counts again.
        try? await tally.keep(in: vault.pool)
        return usage
    }

    private func accounts(of principal: Principal) async throws -> Response {
        try Policy.check(principal, may: .readAccount)
        let ids: [String]
        switch principal {
        case .app(let app): ids = [app.acctID]
        case .user(let user):
            ids = try await vault.authenticator.memberships(of: user.id).filter(\.isActive).map(\.acctID)
        }
        let all = try await vault.pool.read { db in try AccountStore.ids(in: db) }
        return try await .list(of: all.filter(ids.contains), vault.pool) { id, db in
            try AccountStore.find(id: id, in: db)
        }
    }

    /// Ids of accounts. A user sees those that have sent an invitation, too.
    private func visible(to request: Request, _ context: KMSContext) async throws -> [String] {
        if let (_, user) = try? vault.authenticator.userSession(of: request) {
            return try await vault.authenticator.memberships(of: user).filter(\.isEnabled).map(\.acctID)
        }
        return [try await vault.authenticator.principal(of: request, context: context).acctID]
    }
}

extension KMSError {
    static var noSuchAccount: KMSError { notFound("account does not exist") }
}
