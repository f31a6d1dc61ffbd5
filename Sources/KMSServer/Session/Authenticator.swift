internal import GRDB
package import Hummingbird
package import KMSModel
package import KMSSupport
internal import NIOPosix
internal import OpenSSLCrypto

/// Finds out who makes a request.
package struct Authenticator: Sendable {
    let pool: DatabasePool
    let apps: RecordCache<Shared<AppRecord>>
    let sessions: Sessions
    let throttle: LoginThrottle
    let work: LoginWork
    let audit: AuditLog
    let context: LibraryContext
    let blocking: NIOThreadPool

    /// Bearer token, or an API key as Basic, which is allowed on every request.
    package func principal(of request: Request, context: KMSContext) async throws -> Principal {
        switch try Credential(request) {
        case .bearer(let token):
            guard let session = sessions.use(token) else { throw KMSError.noSession }
            return try await principal(of: session, context)
        case .app(let id, let secret):
            return .app(try await login(id, secret, context).app)
        case .user:
            throw KMSError.unauthenticated("Users log in at /sys/v1/session/auth and then send the token as Bearer")
        }
    }

    /// As `principal(of:context:)` for what is in memory: the app of a bearer token. nil when more is needed to know.
    func known(_ authorization: String, from address: String?) throws -> Principal? {
        guard case .bearer(let token) = try Credential(authorization), let session = sessions.use(token),
            case .app(let id) = session.owner, let app = apps.cached(id), app.enabled
        else { return nil }
        try app.checkAddress(address)
        return .app(app)
    }

    package func principal(of session: Sessions.Session, _ context: KMSContext) async throws -> Principal {
        switch session.owner {
        case .app(let id):
            guard let app = try await app(id), app.enabled else { throw KMSError.noSession }
            try app.checkAddress(context.clientAddress)
            return .app(app)
        case .user(let id):
            guard let account = session.account, let user = try await user(id, account), user.isActive else {
                throw KMSError.noAccountSelected
            }
            return .user(Shared(user))
        }
    }

    package struct AppLogin: Sendable {
        package var app: Shared<AppRecord>
        /// When a login with the secret before the last one ends; nil: it was with the present one.
        package var until: Timestamp?
    }

    /// The app with this API key; with an empty secret, the app whose certificate the client has shown.
    package func login(_ id: String, _ secret: Secret, _ context: KMSContext) async throws -> AppLogin {
        let login = try await attempt(.app(id), context) { () -> AppLogin in
            guard secret.isEmpty, let certificate = await context.clientCertificate() else {
                return try await app(id, secret)
            }
            return AppLogin(app: try await app(id, certificate))
        }
        try login.app.checkAddress(context.clientAddress)
        return login
    }

    /// The only app that the certificate belongs to.
    package func login(certificate: [UInt8], _ context: KMSContext) async throws -> AppLogin {
        let hash = try Digest.hash(certificate, .sha256, in: self.context)
        let name = Hex.text(hash)
        let found = try await attempt(.certificate(name), context) { try await app(certificate, hash) }
        try found.checkAddress(context.clientAddress)
        return AppLogin(app: found)
    }

    /// The user with this password.
    package func login(user email: String, _ password: Secret, _ context: KMSContext) async throws -> UserRecord {
        try await attempt(.user(email), context) { try await user(email, password) }
    }

    /// Slows guesses down and records those that fail.
    private func attempt<Owner>(
        _ claim: LoginClaim, _ context: KMSContext, _ body: () async throws -> Owner
    ) async throws -> Owner {
        try throttle.check(claim.name, from: context.clientAddress)
        do {
            let owner = try await body()
            throttle.succeeded(claim.name, from: context.clientAddress)
            return owner
        } catch let error as KMSError where error.status == .unauthorized {
            throttle.failed(claim.name, from: context.clientAddress)
            work.count { $0.throttled += 1 }
            let owner = try await pool.read { db in try claim.owner(in: db) }
            work.count { $0.reads += 1 }
            // Of names that nobody has, only the operator of the machine learns.
            context.logger.notice(
                "login failed",
                metadata: [
                    "type": "\(claim.actorType)", "id": "\(owner?.id ?? claim.recordedID ?? "-")",
                    "client": "\(context.clientAddress ?? "-")",
                ])
            try await audit.record(AuditEvent(failedLogin: claim, of: owner, context))
            work.count { $0.records += 1 }
            throw error
        }
    }

    // MARK: Apps

    /// Every failure has hashed once, compared twice and read the database once, whether the app exists or not: what
    /// the cache knows is read again.
    private func app(_ id: String, _ secret: Secret) async throws -> AppLogin {
        let hash = Secret(try secret.withBytes { try Digest.hash($0, .sha256, in: context) })
        work.count { $0.hashes += 1 }
        let known = apps.cached(id)
        let app: Shared<AppRecord>? = if let known { known } else { try await apps.value(id) { try await read(id) } }
        let isPresent = equals(app?.secretHash, hash)
        let isPrevious = equals(app?.previous?.hash, hash)
        if let app, app.enabled, app.credential == nil {
            if isPresent { return AppLogin(app: app) }
            if isPrevious, let until = app.previous?.until, until > .now { return AppLogin(app: app, until: until) }
        }
        if known != nil { _ = try await read(id) }
        throw KMSError.wrongCredential
    }

    private func equals(_ stored: Secret?, _ hash: Secret) -> Bool {
        work.count { $0.comparisons += 1 }
        return (stored ?? Authenticator.noHash).equals(hash)
    }

    private func read(_ id: String) async throws -> Shared<AppRecord>? {
        work.count { $0.reads += 1 }
        return try await find(id)
    }

    /// Every failure has hashed, read the database and checked the certificate once, as above.
    private func app(_ id: String, _ certificate: [UInt8]) async throws -> Shared<AppRecord> {
        let hash = try Digest.hash(certificate, .sha256, in: context)
        work.count { $0.hashes += 1 }
        let known = apps.cached(id)
        let app: Shared<AppRecord>? = if let known { known } else { try await apps.value(id) { try await read(id) } }
        let able = app?.enabled ?? false ? app : nil
        let isRight: Bool =
            if let shown = ClientCertificate(der: certificate) { await isRight(shown, hash, for: able?.value) } else {
                false
            }
        if isRight, let able { return able }
        if known != nil { _ = try await read(id) }
        throw KMSError.wrongCredential
    }

    private func app(_ certificate: [UInt8], _ hash: [UInt8]) async throws -> Shared<AppRecord> {
        guard let shown = ClientCertificate(der: certificate) else { throw KMSError.wrongCredential }
        let candidates = try await pool.read { db in
            try AppStore.all(certificateHash: hash, in: db) + AppStore.allWithAuthority(in: db)
        }
        var found: [AppRecord] = []
        for app in candidates where app.enabled {
            if await isRight(shown, hash, for: app) { found.append(app) }
        }
        guard let app = found.first, found.count == 1 else { throw KMSError.wrongCredential }
        return Shared(app)
    }

    /// - Parameter app: nil: there is none, which takes the time of the check all the same.
    private func isRight(_ shown: ClientCertificate, _ hash: [UInt8], for app: AppRecord?) async -> Bool {
        work.count { $0.comparisons += 1 }
        switch app?.credential {
        case .certificate? where app?.certificateHash == hash && shown.isValidNow:
            return true
        case .trustedAuthority(let authority)?:
            return await shown.belongs(to: authority)
        case nil, .secret?, .certificate?:
            _ = await shown.belongs(to: shown.ownAuthority)
            return false
        }
    }

    package func app(_ id: String) async throws -> Shared<AppRecord>? {
        try await apps.value(id) { try await find(id) }
    }

    private func find(_ id: String) async throws -> Shared<AppRecord>? {
        try await pool.read { db in try AppStore.find(id: id, in: db).map { Shared($0) } }
    }

    // MARK: Users

    /// Takes equally long for users that do not exist.
    private func user(_ email: String, _ password: Secret) async throws -> UserRecord {
        let user = try await pool.read { db in try UserStore.find(email: email, in: db) }
        work.count { $0.reads += 1 }
        guard try await matches(password, user), let user, user.isEnabled else { throw KMSError.wrongCredential }
        return user
    }

    package func matches(_ password: Secret, _ user: UserRecord?) async throws -> Bool {
        let hash = user?.passwordHash ?? Authenticator.nobody
        work.count { $0.hashes += 1 }
        work.count { $0.comparisons += 1 }
        return try await blocking.runIfActive { [context] in
            try PasswordHash.matches(password, hash, in: context)
        }
    }

    package func user(_ id: String, _ account: String) async throws -> UserRecord? {
        try await pool.read { db in try UserStore.find(id: id, account: account, in: db) }
    }

    /// The user's memberships of all accounts, invitations included.
    package func memberships(of id: String) async throws -> [UserRecord] {
        try await pool.read { db in try UserStore.memberships(of: id, in: db) }
    }

    /// A hash that no password has, with the usual cost.
    private static var nobody: String {
        "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    }

    /// As long as a SHA-256 and, for that would be to break it, never one of a secret.
    private static var noHash: Secret { Secret([UInt8](repeating: 0, count: 32)) }
}

extension Authenticator {
    /// The token and the user of a user's session, which need not have selected an account.
    package func userSession(of request: Request) throws -> (token: String, user: String) {
        guard case .bearer(let token) = try Credential(request) else { throw KMSError.noCredential }
        guard let session = sessions.use(token) else { throw KMSError.noSession }
        guard case .user(let id) = session.owner else {
            throw KMSError.forbidden("Requested operation is not allowed: it needs a user session")
        }
        return (token, id)
    }
}
