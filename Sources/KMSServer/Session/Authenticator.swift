internal import GRDB
package import Hummingbird
package import KMSSupport
internal import NIOPosix
internal import OpenSSLCrypto

/// Finds out who makes a request.
package struct Authenticator: Sendable {
    let pool: DatabasePool
    let apps: RecordCache<AppRecord>
    let sessions: Sessions
    let throttle: LoginThrottle
    let audit: AuditLog
    let context: LibraryContext
    let blocking: NIOThreadPool

    /// Bearer token, or an API key as Basic, which is allowed on every request.
    package func principal(of request: Request, context: KMSContext) async throws -> Principal {
        switch try Credential(request) {
        case .bearer(let token):
            guard let session = try sessions.use(token) else { throw KMSError.noSession }
            return try await principal(of: session)
        case .app(let id, let secret):
            return .app(try await login(id, secret, context))
        case .user:
            throw KMSError.unauthenticated("Users log in at /sys/v1/session/auth and then send the token as Bearer")
        }
    }

    package func principal(of session: Sessions.Session) async throws -> Principal {
        switch session.owner {
        case .app(let id):
            guard let app = try await app(id), app.enabled else { throw KMSError.noSession }
            return .app(app)
        case .user(let id):
            guard let user = try await user(id) else { throw KMSError.noSession }
            guard session.account == user.acctID else { throw KMSError.noAccountSelected }
            return .user(user)
        }
    }

    /// The app with this API key.
    package func login(_ id: String, _ secret: Secret, _ context: KMSContext) async throws -> AppRecord {
        try await attempt("App", id, recorded: id, context) { try await app(id, secret) }
    }

    /// The user with this password. The claimed name is not recorded: people type passwords there.
    package func login(user email: String, _ password: Secret, _ context: KMSContext) async throws -> UserRecord {
        try await attempt("User", email, recorded: nil, context) { try await user(email, password) }
    }

    /// Slows guesses down and records those that fail.
    private func attempt<Owner>(
        _ type: String, _ claimed: String, recorded id: String?, _ context: KMSContext, _ body: () async throws -> Owner
    ) async throws -> Owner {
        try throttle.check(claimed, from: context.clientAddress)
        do {
            let owner = try await body()
            throttle.succeeded(claimed, from: context.clientAddress)
            return owner
        } catch let error as KMSError where error.status == .unauthorized {
            throttle.failed(claimed, from: context.clientAddress)
            try await audit.record(AuditEvent(failedLogin: "Login failed", actorType: type, actorID: id, context))
            throw error
        }
    }

    private func app(_ id: String, _ secret: Secret) async throws -> AppRecord {
        let hash = Secret(try secret.withBytes { try Digest.hash($0, .sha256, in: context) })
        guard let app = try await app(id), app.secretHash.equals(hash), app.enabled else {
            throw KMSError.wrongCredential
        }
        return app
    }

    /// Takes equally long for users that do not exist.
    private func user(_ email: String, _ password: Secret) async throws -> UserRecord {
        let user = try await pool.read { db in try UserStore.find(email: email, in: db) }
        let hash = user?.passwordHash ?? Authenticator.nobody
        let matches = try await blocking.runIfActive { [context] in
            try PasswordHash.matches(password, hash, in: context)
        }
        guard let user, matches else { throw KMSError.wrongCredential }
        return user
    }

    package func user(_ id: String) async throws -> UserRecord? {
        try await pool.read { db in try UserStore.find(id: id, in: db) }
    }

    package func app(_ id: String) async throws -> AppRecord? {
        try await apps.value(id) { try await pool.read { db in try AppStore.find(id: id, in: db) } }
    }

    /// A hash that no password has, with the usual cost.
    private static var nobody: String {
        "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    }
}
