internal import Crypto
internal import KMSSupport
package import OpenSSLCrypto

/// The bearer sessions, in memory: a restart of the server ends them all, and clients log in again.
///
/// Only hashes of the tokens are kept, so that a memory dump holds none that could be used.
package final class Sessions: Sendable {
    package enum Owner: Sendable, Hashable {
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
        /// When it ends even if it is used.
        fileprivate var end: ContinuousClock.Instant?
    }

    /// Sessions of one owner at a time; a further one ends the one that was idle longest.
    package static var mostOfOne: Int { 1000 }

    private struct State: Sendable {
        var sessions: [SHA256.Digest: Session] = [:]
        var counts: [Owner: Int] = [:]
        var sweepAt = 1024

        mutating func remove(_ id: SHA256.Digest) {
            guard let session = sessions.removeValue(forKey: id) else { return }
            let left = (counts[session.owner] ?? 0) - 1
            counts[session.owner] = left > 0 ? left : nil
        }

        mutating func filter(_ isKept: (Session) -> Bool) {
            sessions = sessions.filter { isKept($0.value) }
            counts = sessions.values.reduce(into: [:]) { $0[$1.owner, default: 0] += 1 }
        }

        mutating func removeIdlest(of owner: Owner) {
            let own = sessions.lazy.filter { $0.value.owner == owner }
            guard let idlest = own.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
            remove(idlest.key)
        }
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
    ///
    /// - Parameter lifetime: in seconds; nil: as long as it is used.
    package func create(_ owner: Owner, account: String? = nil, lifetime: Int? = nil) throws -> String {
        let token = Base64.urlEncode(try Random.bytes(64, in: context))
        let now = self.now()
        let session = Session(
            owner: owner, account: account, lastUse: now, end: lifetime.map { now + .seconds($0) })
        let id = key(token)
        state.withLock { state in
            if state.sessions.count >= state.sweepAt {
                state.filter { isAlive($0) }
                state.sweepAt = max(1024, state.sessions.count * 2)
            }
            if state.counts[owner, default: 0] >= Sessions.mostOfOne { state.removeIdlest(of: owner) }
            state.sessions[id] = session
            state.counts[owner, default: 0] += 1
        }
        return token
    }

    /// The session of a token, its idle time started again; nil when there is none or it idled too long.
    package func use(_ token: String) -> Session? {
        let id = key(token)
        return state.withLock { state in
            let now = now()
            guard let place = state.sessions.index(forKey: id), isAlive(state.sessions.values[place], at: now) else {
                state.remove(id)
                return nil
            }
            state.sessions.values[place].lastUse = now
            return state.sessions.values[place]
        }
    }

    package func select(account: String, for token: String) {
        let id = key(token)
        state.withLock { $0.sessions[id]?.account = account }
    }

    package func end(_ token: String) {
        let id = key(token)
        state.withLock { $0.remove(id) }
    }

    /// After a change of the owner's secret.
    package func endAll(of owner: Owner) {
        state.withLock { $0.filter { $0.owner != owner } }
    }

    /// After the end of a membership: those with the account selected.
    package func endAll(of owner: Owner, in account: String) {
        state.withLock { $0.filter { $0.owner != owner || $0.account != account } }
    }

    /// - Parameter token: of the session that made the change and goes on.
    package func endAll(of owner: Owner, but token: String) {
        let kept = key(token)
        state.withLock { state in
            let session = state.sessions[kept]
            state.filter { $0.owner != owner }
            guard let session, session.owner == owner else { return }
            state.sessions[kept] = session
            state.counts[owner] = 1
        }
    }

    /// Lets all sessions of the owner end after a while, because they were opened with a secret that ends then.
    package func limit(_ owner: Owner, lifetime: Int) {
        let end = now() + .seconds(lifetime)
        state.withLock { state in
            for (id, session) in state.sessions where session.owner == owner {
                state.sessions[id]?.end = min(session.end ?? end, end)
            }
        }
    }

    /// Seconds that are left for a session, if its end is fixed.
    package func lifetime(of session: Session) -> Int? {
        session.end.map { max(0, Int(($0 - now()).components.seconds)) }
    }

    private func isAlive(_ session: Session) -> Bool { isAlive(session, at: now()) }

    private func isAlive(_ session: Session, at now: ContinuousClock.Instant) -> Bool {
        now - session.lastUse < .seconds(session.owner.idleLimit) && session.end.map { now < $0 } ?? true
    }

    private func key(_ token: String) -> SHA256.Digest {
        var token = token
        return token.withUTF8 { text in
            var hash = SHA256()
            hash.update(bufferPointer: UnsafeRawBufferPointer(text))
            return hash.finalize()
        }
    }
}
