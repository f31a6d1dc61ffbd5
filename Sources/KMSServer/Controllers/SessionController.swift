internal import Hummingbird
internal import KMSModel

/// /sys/v1/session: login, renewal, choice of account, logout.
struct SessionController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.open(.post, "/sys/v1/session/auth") { request, context in try await login(request, context) }
        routes.open(.post, "/sys/v1/session/refresh") { request, _ in
            _ = try session(request)
            return .noContent
        }
        routes.open(.post, "/sys/v1/session/reauth") { request, context in try await renew(request, context) }
        routes.open(.post, "/sys/v1/session/terminate") { request, _ in
            let (token, _) = try session(request)
            try vault.sessions.end(token)
            return .noContent
        }
        routes.open(.post, "/sys/v1/session/select_account") { request, context in try await select(request, context) }
        routes.open(.get, "/sys/v1/users/accounts") { request, _ in try await accounts(request) }
    }

    private func login(_ request: Request, _ context: KMSContext) async throws -> Response {
        let owner: Sessions.Owner
        let principal: Principal
        switch try Credential(request) {
        case .app(let id, let secret):
            principal = .app(try await vault.authenticator.login(id, secret, context))
            owner = .app(principal.id)
        case .user(let email, let password):
            principal = .user(try await vault.authenticator.login(user: email, password, context))
            owner = .user(principal.id)
        case .bearer:
            throw KMSError.unauthenticated("Log in with Basic: an API key, or email and password of a user")
        }
        let token = try vault.sessions.create(owner)
        try await vault.audit.record(AuditEvent(.authentication, "\(principal.name) logged in", by: principal, context))
        return try answer(token, owner, principal.id)
    }

    private func renew(_ request: Request, _ context: KMSContext) async throws -> Response {
        let (token, session) = try session(request)
        let fresh = try vault.sessions.create(session.owner)
        if let account = session.account { try vault.sessions.select(account: account, for: fresh) }
        try vault.sessions.end(token)
        switch session.owner {
        case .app(let id), .user(let id): return try answer(fresh, session.owner, id)
        }
    }

    private func select(_ request: Request, _ context: KMSContext) async throws -> Response {
        let (token, session) = try session(request)
        guard case .user(let id) = session.owner else {
            throw KMSError.badRequest("Apps belong to one account and select none")
        }
        let wanted = try await request.json(SelectAccountRequest.self).acctID.lowercased()
        guard let user = try await vault.authenticator.user(id), user.acctID == wanted else {
            throw KMSError.notFound("account does not exist")
        }
        try vault.sessions.select(account: wanted, for: token)
        return try .json([String: String]())
    }

    /// What a user needs before an account is selected: the ids to choose from, with the user's role in each.
    private func accounts(_ request: Request) async throws -> Response {
        let (_, session) = try session(request)
        guard case .user(let id) = session.owner, let user = try await vault.authenticator.user(id) else {
            throw KMSError.forbidden("Requested operation is not allowed: it needs a user session")
        }
        return try .json([user.acctID: ["ACCOUNTADMINISTRATOR", "STATEENABLED"]])
    }

    private func session(_ request: Request) throws -> (String, Sessions.Session) {
        guard case .bearer(let token) = try Credential(request) else { throw KMSError.noCredential }
        guard let session = try vault.sessions.use(token) else { throw KMSError.noSession }
        return (token, session)
    }

    private func answer(_ token: String, _ owner: Sessions.Owner, _ id: String) throws -> Response {
        try .json(AuthResponse(accessToken: token, expiresIn: owner.idleLimit, entityID: id))
    }
}
