internal import KMSSupport
package import OpenSSLCrypto

/// The bearer sessions, in memory: a restart of the server ends them all, and clients log in again.
///
/// Only hashes of the tokens are kept, so that a memory dump holds none that could be used.
package final class Sessions: Sendable {
    package enum Owner: Sendable, Equatable {
        case app(String)
        case user(String)

        /// Seconds without use after which the session ends.
        package var idleLimit: Int {
            switch self {
            case .app: 600
            case .user: 86_400
            }
        }
    }

    package struct Session: Sendable {
        package var owner: Owner
        /// A user's chosen account.
        package var account: String?
        fileprivate var lastUse: ContinuousClock.Instant
    }

    private struct State: Sendable {
        var sessions: [[UInt8]: Session] = [:]
        var sweepAt = 1024
    }

    private let state = Locked(State())
    private let context: LibraryContext
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameter now: for tests that cannot wait for a day.
    package init(
        in context: LibraryContext, now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.context = context
        self.now = now
    }

    /// Those that are alive.
    package var count: Int { state.withLock { $0.sessions.values.count(where: isAlive) } }

    /// A new session's token: 64 random bytes in base64url, 86 characters.
    package func create(_ owner: Owner) throws -> String {
        let token = Base64.urlEncode(try Random.bytes(64, in: context))
        let session = Session(owner: owner, account: nil, lastUse: now())
        let id = try key(token)
        state.withLock { state in
            if state.sessions.count >= state.sweepAt {
                state.sessions = state.sessions.filter { isAlive($0.value) }
                state.sweepAt = max(1024, state.sessions.count * 2)
            }
            state.sessions[id] = session
        }
        return token
    }

    /// The session of a token, its idle time started again; nil when there is none or it idled too long.
    package func use(_ token: String) throws -> Session? {
        let id = try key(token)
        return state.withLock { state in
            guard var session = state.sessions[id], isAlive(session) else {
                state.sessions[id] = nil
                return nil
            }
            session.lastUse = now()
            state.sessions[id] = session
            return session
        }
    }

    package func select(account: String, for token: String) throws {
        let id = try key(token)
        state.withLock { $0.sessions[id]?.account = account }
    }

    package func end(_ token: String) throws {
        let id = try key(token)
        state.withLock { $0.sessions[id] = nil }
    }

    /// After a change of the owner's secret.
    package func endAll(of owner: Owner) {
        state.withLock { state in state.sessions = state.sessions.filter { $0.value.owner != owner } }
    }

    private func isAlive(_ session: Session) -> Bool {
        now() - session.lastUse < .seconds(session.owner.idleLimit)
    }

    private func key(_ token: String) throws -> [UInt8] { try Digest.hash(Array(token.utf8), .sha256, in: context) }
}
