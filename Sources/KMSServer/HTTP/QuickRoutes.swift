internal import Hummingbird
internal import KMSModel
internal import KMSSupport
internal import NIOCore
internal import NIOHTTP1

/// A short POST request that is here as a whole, its caller known.
package struct QuickRequest: Sendable {
    let body: ByteBuffer
    /// From the path, where the route has one.
    let kid: String?
    let principal: Principal
    let origin: RequestOrigin
}

/// What a quick handler has made.
package struct QuickAnswer: Sendable {
    /// Of a 200.
    let json: [UInt8]
    /// Has to be recorded before the answer leaves.
    let event: AuditEvent
}

/// What a quick handler is going to do for a request.
package struct QuickWork: Sendable {
    /// Decides where it is done: another thread costs some 20 µs, and the event loop's own delays its other connections.
    package enum Length: Sendable {
        /// Tens of microseconds.
        case short
        /// Up to 300 µs: not more than the TLS handshake of a new connection, which the event loops do, too.
        case middle
        case long
    }

    let length: Length
    /// nil when it did not work: then nothing has happened.
    let perform: @Sendable () -> QuickAnswer?
}

/// Finds out, from what is in memory and on the event loop, what a request needs; nil when that is more, or when the
/// request is refused.
///
/// What this cannot answer, also every error, is left to the route's ordinary handler, so that there is one place for
/// each sentence and each refusal's record.
package typealias QuickHandler = @Sendable (QuickRequest) throws -> QuickWork?

/// The short way through the server, for the routes that are called thousands of times a second: no task, no router, no
/// waiting. `QuickResponder` asks it before it passes a request on.
final class QuickRoutes: Sendable {
    /// One of them. Only ":kid" may stand for something in its path.
    final class Route: Sendable {
        /// As the router names it.
        let name: String
        private let pattern: String
        private let begin: Substring
        private let end: Substring
        let handler: QuickHandler

        init(_ pattern: String, _ handler: @escaping QuickHandler) {
            name = RouterPath(pattern).description
            self.pattern = pattern
            self.handler = handler
            let parts = pattern.split(separator: ":kid", omittingEmptySubsequences: false)
            begin = parts[0]
            end = parts.count > 1 ? parts[1] : ""
        }

        fileprivate func matches(_ path: String) -> Bool {
            guard begin.utf8.count < pattern.utf8.count else { return path == pattern }
            return path.utf8.count > begin.utf8.count + end.utf8.count && path.hasPrefix(begin) && path.hasSuffix(end)
        }

        /// What stands in the place of ":kid".
        fileprivate func kid(_ path: String) -> String? {
            guard begin.utf8.count < pattern.utf8.count else { return nil }
            let kid = path.utf8.dropFirst(begin.utf8.count).dropLast(end.utf8.count)
            return String(kid)?.lowercased()
        }
    }

    /// Bytes of a body beyond which a request is none for the short way.
    private static var bodyLimit: Int { 16_384 }

    private let routes: [Route]
    private let vault: Vault
    private let authenticator: Authenticator
    private let limit: Int
    /// Of each event loop.
    private let turns = Locked<[ObjectIdentifier: NIOLoopBound<QuickTurn>]>([:])

    /// - Parameter limit: as that of `RequestGate`.
    init(_ routes: [Route], vault: Vault, limit: Int) {
        self.routes = routes
        self.vault = vault
        authenticator = vault.authenticator
        self.limit = limit
    }

    /// The route of a request that may take the short way once its body is here. It counts as being answered from here
    /// on; `leave` must follow.
    func enter(_ head: HTTPRequestHead) -> Route? {
        guard let route = route(for: head) else { return nil }
        guard vault.metrics.inFlight.add(1) <= limit else {
            leave()
            return nil
        }
        return route
    }

    func leave() { vault.metrics.inFlight.add(-1) }

    private func route(for head: HTTPRequestHead) -> Route? {
        guard head.method == .POST, head.version == .http1_1, let route = routes.first(where: { $0.matches(head.uri) })
        else { return nil }
        var length: Int?
        for (name, value) in head.headers {
            // Most others have other lengths, and need no lower-case copy.
            switch name.utf8.count {
            case 6, 7, 10, 14, 17: break
            default: continue
            }
            switch name.lowercased() {
            case "content-length": length = Int(value)
            case "connection", "expect", "transfer-encoding", "upgrade": return nil
            default: break
            }
        }
        guard let length, length <= QuickRoutes.bodyLimit, vault.status.phase == .serving else { return nil }
        return route
    }

    /// As `QuickHandler`.
    func work(
        _ head: HTTPRequestHead, _ body: ByteBuffer, on route: Route, from origin: RequestOrigin
    ) -> QuickWork? {
        let work = try? principal(head, origin).flatMap { principal in
            try route.handler(
                QuickRequest(body: body, kid: route.kid(head.uri), principal: principal, origin: origin))
        }
        return work ?? nil
    }

    /// An answer leaves.
    func count(_ route: Route, since started: ContinuousClock.Instant) {
        vault.metrics.requests.count(route.name, .post, 200, since: started)
    }

    /// To be called on the event loop.
    func turn(of loop: any EventLoop) -> QuickTurn {
        turns.withLock { turns in
            let id = ObjectIdentifier(loop)
            if let known = turns[id] { return known.value }
            let new = QuickTurn(loop, audit: vault.audit)
            turns[id] = NIOLoopBound(new, eventLoop: loop)
            return new
        }
    }

    private func principal(_ head: HTTPRequestHead, _ origin: RequestOrigin) throws -> Principal? {
        guard let header = head.headers.first(name: "authorization") else { return nil }
        guard var principal = try authenticator.known(header, from: origin.clientAddress) else { return nil }
        let guarded = vault.guardedGroups.closed(to: nil)
        if !guarded.isEmpty { principal.guardedGroups = guarded }
        return principal
    }
}
