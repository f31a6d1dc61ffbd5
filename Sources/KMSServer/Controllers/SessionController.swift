internal import HTTPTypes
internal import Hummingbird
internal import KMSModel

/// /sys/v1/session: login, renewal, choice of account, logout.
///
/// What a session is good for is looked up with every request: a user who was demoted or an app that was disabled
/// loses at once what they have lost.
struct SessionController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.open(.post, "/sys/v1/session/auth") { request, context in try await login(request, context) }
        routes.open(.post, "/sys/v1/session/refresh") { request, context in
            try await check(try session(request).1, context)
            return .noContent
        }
        routes.open(.post, "/sys/v1/session/reauth") { request, context in try await renew(request, context) }
        routes.open(.post, "/sys/v1/session/terminate") { request, _ in
            let (token, _) = try session(request)
            vault.sessions.end(token)
            return .noContent
        }
        routes.open(.post, "/sys/v1/session/select_account") { request, context in try await select(request, context) }
    }

    private func login(_ request: Request, _ context: KMSContext) async throws -> Response {
        let owner: Sessions.Owner
        let principal: Principal
        var lifetime: Int?
        switch try await credential(request, context) {
        case .app(let login):
            principal = .app(login.app)
            owner = .app(principal.id)
            lifetime = login.until.map { Int($0.seconds - Timestamp.now.seconds) }
        case .user(let user):
            principal = .user(Shared(user))
            owner = .user(principal.id)
        }
        let token = try vault.sessions.create(owner, lifetime: lifetime)
        try await vault.audit.record(AuditEvent(.authentication, "\(principal.name) logged in", by: principal, context))
        return try answer(token, owner, principal.id)
    }

    private enum Login {
        case app(Authenticator.AppLogin)
        case user(UserRecord)
    }

    /// Without a header a client certificate may tell who it is.
    private func credential(_ request: Request, _ context: KMSContext) async throws -> Login {
        if request.headers[.authorization] == nil, let certificate = await context.clientCertificate() {
            return .app(try await vault.authenticator.login(certificate: certificate, context))
        }
        switch try Credential(request) {
        case .app(let id, let secret):
            return .app(try await vault.authenticator.login(id, secret, context))
        case .user(let email, let password):
            return .user(try await vault.authenticator.login(user: email, password, context))
        case .bearer:
            throw KMSError.unauthenticated("Log in with Basic: an API key, or email and password of a user")
        }
    }

    private func renew(_ request: Request, _ context: KMSContext) async throws -> Response {
        let (token, session) = try session(request)
        try await check(session, context)
        let fresh = try vault.sessions.create(
            session.owner, account: session.account, lifetime: vault.sessions.lifetime(of: session))
        vault.sessions.end(token)
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
        guard let user = try await vault.authenticator.user(id, wanted), user.isActive else {
            throw KMSError.notFound("account does not exist")
        }
        vault.sessions.select(account: wanted, for: token)
        return try .json([String: String]())
    }

    /// An app's session is as good as the app; a user's needs no account for this.
    private func check(_ session: Sessions.Session, _ context: KMSContext) async throws {
        guard case .app = session.owner else { return }
        _ = try await vault.authenticator.principal(of: session, context)
    }

    private func session(_ request: Request) throws -> (String, Sessions.Session) {
        guard case .bearer(let token) = try Credential(request) else { throw KMSError.noCredential }
        guard let session = vault.sessions.use(token) else { throw KMSError.noSession }
        return (token, session)
    }

    private func answer(_ token: String, _ owner: Sessions.Owner, _ id: String) throws -> Response {
        try .json(AuthResponse(accessToken: token, expiresIn: owner.idleLimit, entityID: id))
    }
}
