internal import Hummingbird
internal import KMSModel

/// /sys/v1/accounts and /sys/v1/users: what clients read of them.
struct AccountController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/accounts") { _, _, principal in try .json(try await accounts(of: principal)) }
        // A user reads the names of accounts before choosing one, so this works without a selected account.
        routes.open(.get, "/sys/v1/accounts/:id") { request, context in
            let id = context.parameters.get("id")?.lowercased()
            let owner = try await account(of: request, context)
            guard let account = try await all().first(where: { $0.acctID == id && $0.acctID == owner }) else {
                throw KMSError.notFound("account does not exist")
            }
            return try .json(account)
        }
        routes.on(.get, "/sys/v1/users") { _, _, principal in
            try Policy.checkAdministrator(principal)
            let users = try await vault.pool.read { db in try UserStore.all(in: db) }
            return try .json(users.filter { $0.acctID == principal.acctID }.map(User.init))
        }
    }

    private func all() async throws -> [Account] {
        try await vault.pool.read { db in try AccountStore.all(in: db) }
    }

    private func accounts(of principal: Principal) async throws -> [Account] {
        try await all().filter { $0.acctID == principal.acctID }
    }

    private func account(of request: Request, _ context: KMSContext) async throws -> String? {
        if case .bearer(let token) = try Credential(request), case .user(let id) = try vault.sessions.use(token)?.owner
        {
            return try await vault.authenticator.user(id)?.acctID
        }
        return try await vault.authenticator.principal(of: request, context: context).acctID
    }
}

/// GET /sys/v1/users.
private struct User: Encodable {
    var userID: String
    var userEmail: String
    var accountRole = ["ACCOUNTADMINISTRATOR", "STATEENABLED"]
    var createdAt: Timestamp

    enum CodingKeys: String, CodingKey {
        case userID = "user_id"
        case userEmail = "user_email"
        case accountRole = "account_role"
        case createdAt = "created_at"
    }

    init(_ user: UserRecord) {
        userID = user.id
        userEmail = user.email
        createdAt = user.createdAt
    }
}
