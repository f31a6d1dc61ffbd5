internal import KMSModel
internal import KMSSupport
internal import KMSTransport
internal import Synchronization

/// The session at the KMS: a bearer token, shared by all threads and inherited by forked children, renewed when it is
/// about to expire or when the KMS no longer knows it.
final class FortanixSession: Sendable {
    /// A token and what is known about it. Compared by identity.
    private final class Bearer: Sendable {
        let authorization: Authorization
        let entityID: String
        /// Idle time after which the KMS forgets the token, in seconds; 0: not told.
        let idleSeconds: Int
        /// Who logged in: a child must not end its parent's session.
        let generation = Gate.generation
        /// On the monotonic clock, in nanoseconds.
        let lastUse = Atomic(Deadline.now)

        init(header: Secret, entityID: String, idleSeconds: Int) {
            authorization = Authorization(header)
            self.entityID = entityID
            self.idleSeconds = idleSeconds
        }

        /// In nanoseconds; 0 if it was used after `now`, by another thread.
        func idle(at now: UInt64) -> UInt64 {
            let lastUse = lastUse.load(ordering: .relaxed)
            return now > lastUse ? now - lastUse : 0
        }
    }

    /// A login that one thread makes and others wait for. In a child of the process it belongs to it never ends.
    private struct Renewal {
        var number: UInt64
        var generation: UInt64
    }

    private struct State {
        var credential: Secret?
        var bearer: Bearer?
        var renewal: Renewal?
        var renewals: UInt64 = 0
        var lastFailure: (number: UInt64, error: BackendError)?
        /// Logins in a row for which the KMS refused the credential it had accepted before.
        var refusals = 0
        var refusedUntil: UInt64 = 0
    }

    private enum Step {
        case use(Bearer)
        case wait(number: UInt64)
        case renew(credential: Secret, number: UInt64)
        case fail(BackendError)
    }

    private let transport: any HTTPTransport
    private let state = Locked(State())

    init(transport: any HTTPTransport) { self.transport = transport }

    var entityID: String? { state.withLock { $0.bearer?.entityID } }

    /// Logs in and keeps `credential` for renewals; without success the session stays what it was.
    func authenticate(_ credential: FortanixCredential, deadline: Deadline) throws(BackendError) {
        let bearer = try logIn(credential.header, deadline: deadline)
        state.withLock { state in
            state.credential = credential.header
            state.bearer = bearer
            state.lastFailure = nil
            state.refusals = 0
            state.refusedUntil = 0
        }
    }

    /// Forgets credential and token; ends the session at the KMS if it was this process that began it.
    func signOut(deadline: Deadline) {
        let bearer = state.withLock { state -> Bearer? in
            let bearer = state.bearer
            state.bearer = nil
            state.credential = nil
            state.refusals = 0
            state.refusedUntil = 0
            return bearer
        }
        guard let bearer, bearer.generation == Gate.generation, !deadline.isOver else { return }
        var request = HTTPRequest(.post, "/sys/v1/session/terminate")
        request.authorization = bearer.authorization
        do throws(TransportError) {
            _ = try transport.perform(request, deadline: deadline)
        } catch {
            Log.info("the session at the KMS was not ended and will expire by itself: \(error.message)")
        }
    }

    /// Sends `request` with the token. A token that the KMS does not know is renewed, once.
    ///
    /// - Parameters:
    ///   - request: gets the token's header.
    ///   - secrets: what is in the request and must not be quoted, should a refusal repeat it.
    func perform(
        _ request: inout HTTPRequest, doing: String, secrets: [Secret] = [], deadline: Deadline
    ) throws(BackendError) -> HTTPResponse {
        let bearer = try currentBearer(deadline: deadline)
        request.authorization = bearer.authorization
        var response = try send(request, deadline: deadline)
        var used = bearer
        if response.isSessionLost {
            Log.info("the KMS no longer knows the session; logging in again")
            forget(bearer)
            used = try currentBearer(deadline: deadline)
            request.authorization = used.authorization
            response = try send(request, deadline: deadline)
        }
        guard response.isSuccess else {
            throw BackendError(response, doing: doing, hiding: [used.authorization.value], secrets: secrets)
        }
        used.lastUse.store(Deadline.now, ordering: .relaxed)
        return response
    }

    /// Sends `request` as it is.
    func send(_ request: HTTPRequest, deadline: Deadline) throws(BackendError) -> HTTPResponse {
        do throws(TransportError) {
            return try transport.perform(request, deadline: deadline)
        } catch {
            throw BackendError(error)
        }
    }

    private func forget(_ bearer: Bearer) {
        state.withLock { if $0.bearer === bearer { $0.bearer = nil } }
    }

    // MARK: Renewal

    private func currentBearer(deadline: Deadline) throws(BackendError) -> Bearer {
        var awaited: UInt64?
        while true {
            switch state.withLock({ FortanixSession.nextStep(&$0, awaited: awaited) }) {
            case .use(let bearer): return bearer
            case .fail(let error): throw error
            case .renew(let credential, let number): return try renew(credential, number, deadline)
            case .wait(let number):
                awaited = number
                guard !deadline.isOver else {
                    throw BackendError(.timedOut, "another thread's login at the KMS took too long")
                }
                // Not a condition variable: its lock could be taken in the middle of a fork. A login takes milliseconds.
                Gate.pause(milliseconds: 2)
            }
        }
    }

    private static func nextStep(_ state: inout State, awaited: UInt64?) -> Step {
        let now = Deadline.now
        let renewal = state.renewal.flatMap { $0.generation == Gate.generation ? $0 : nil }
        if let bearer = state.bearer {
            let idle = bearer.idle(at: now)
            // While one thread renews a token that is still good, the others go on with it.
            guard isExpiring(bearer, idle: idle), renewal == nil || isExpired(bearer, idle: idle) else {
                return .use(bearer)
            }
        }
        if let renewal { return .wait(number: renewal.number) }
        if let awaited, let failure = state.lastFailure, failure.number == awaited { return .fail(failure.error) }
        guard let credential = state.credential else {
            return .fail(BackendError(.unauthenticated, "not logged in at the KMS"))
        }
        guard now >= state.refusedUntil else {
            let seconds = (state.refusedUntil - now) / 1_000_000_000 + 1
            return .fail(
                BackendError(
                    .unauthenticated,
                    "the KMS refused the API key that it had accepted before; not asked again for \(seconds) s, "
                        + "because a KMS may lock an app after many refusals"))
        }
        state.renewals += 1
        state.renewal = Renewal(number: state.renewals, generation: Gate.generation)
        return .renew(credential: credential, number: state.renewals)
    }

    /// At 80 % of the idle time a new token is cheaper than a request that fails.
    private static func isExpiring(_ bearer: Bearer, idle: UInt64) -> Bool {
        guard bearer.idleSeconds > 0 else { return false }
        return idle / 800_000_000 >= UInt64(bearer.idleSeconds)
    }

    private static func isExpired(_ bearer: Bearer, idle: UInt64) -> Bool {
        bearer.idleSeconds > 0 && idle / 1_000_000_000 >= UInt64(bearer.idleSeconds)
    }

    private func renew(_ credential: Secret, _ number: UInt64, _ deadline: Deadline) throws(BackendError) -> Bearer {
        do throws(BackendError) {
            let bearer = try logIn(credential, deadline: deadline)
            let isCurrent = state.withLock { state -> Bool in
                FortanixSession.end(number, &state)
                guard state.credential === credential else { return false }
                state.bearer = bearer
                state.refusals = 0
                return true
            }
            guard isCurrent else { throw BackendError(.unauthenticated, "logged out while the session was renewed") }
            return bearer
        } catch {
            let stillGood = state.withLock { FortanixSession.noteFailure(error, of: number, credential, &$0) }
            guard let stillGood else { throw error }
            Log.info("\(error.message); the session goes on with the token that it has")
            return stillGood
        }
    }

    /// - Returns: the token that was to be renewed, if the KMS has not refused the credential and may still know it.
    private static func noteFailure(
        _ error: BackendError, of number: UInt64, _ credential: Secret, _ state: inout State
    ) -> Bearer? {
        end(number, &state)
        state.lastFailure = (number, error)
        guard error.kind == .unauthenticated else {
            return state.bearer.flatMap { isExpired($0, idle: $0.idle(at: Deadline.now)) ? nil : $0 }
        }
        guard state.credential === credential else { return nil }
        // 5, 10, 20 … 320 s.
        let pause = UInt64(5) << UInt64(min(state.refusals, 6))
        state.refusals += 1
        state.refusedUntil = Deadline.now &+ pause &* 1_000_000_000
        return nil
    }

    private static func end(_ number: UInt64, _ state: inout State) {
        if state.renewal?.number == number { state.renewal = nil }
    }

    private func logIn(_ credential: Secret, deadline: Deadline) throws(BackendError) -> Bearer {
        var response = try send(
            HTTPRequest(.post, "/sys/v1/session/auth", authorization: credential), deadline: deadline)
        defer { response.wipeBody() }
        transport.counters.count(.logins)
        guard response.isSuccess else {
            transport.counters.count(.refusedLogins)
            guard response.status != 404 else {
                throw BackendError(
                    .protocolViolation, "login: 404; is the endpoint the API of a Fortanix DSM, without a path?")
            }
            throw BackendError(response, doing: "login", hiding: [credential])
        }
        let answer = try FortanixJSON.decode(AuthResponse.self, response, doing: "login")
        let isToken = !answer.accessToken.isEmpty && answer.accessToken.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        guard isToken else { throw BackendError(.protocolViolation, "login: the KMS's answer has no usable token") }
        return Bearer(
            header: Secret("Bearer " + answer.accessToken), entityID: answer.entityID,
            idleSeconds: max(0, answer.expiresIn))
    }
}
