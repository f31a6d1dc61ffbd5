import KMSServer
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("Sessions")
struct SessionsTests {
    /// A clock that the test moves.
    final class Clock: Sendable {
        private let instant = Locked(ContinuousClock.now)
        var now: ContinuousClock.Instant { instant.withLock { $0 } }
        func advance(seconds: Int) { instant.withLock { $0 += .seconds(seconds) } }
    }

    let clock = Clock()
    let sessions: Sessions

    init() throws {
        let clock = clock
        sessions = Sessions(in: try ProcessContext.get()) { clock.now }
    }

    @Test("tokens have 64 random bytes and name their session")
    func tokens() throws {
        let first = try sessions.create(.app("a"))
        let second = try sessions.create(.user("u"))
        #expect(first.utf8.count == 86)
        #expect(first != second)
        #expect(try sessions.use(first)?.owner == .app("a"))
        #expect(try sessions.use(second)?.owner == .user("u"))
        #expect(try sessions.use("something else") == nil)
    }

    @Test(
        "an idle session ends, one in use does not", arguments: [(Sessions.Owner.app("a"), 600), (.user("u"), 86_400)])
    func idle(owner: Sessions.Owner, limit: Int) throws {
        let token = try sessions.create(owner)
        for _ in 0..<3 {
            clock.advance(seconds: limit - 1)
            #expect(try sessions.use(token) != nil)
        }
        clock.advance(seconds: limit)
        #expect(try sessions.use(token) == nil)
        #expect(try sessions.use(token) == nil)
    }

    @Test("terminate ends one session, a new secret all of the app")
    func ends() throws {
        let tokens = try (0..<3).map { _ in try sessions.create(.app("a")) }
        let other = try sessions.create(.app("b"))
        try sessions.end(tokens[0])
        #expect(try sessions.use(tokens[0]) == nil)
        #expect(try sessions.use(tokens[1]) != nil)
        sessions.endAll(of: .app("a"))
        #expect(try tokens.allSatisfy { try sessions.use($0) == nil })
        #expect(try sessions.use(other) != nil)
    }

    @Test("after five failures a login must wait, twice as long each time, from that address only")
    func throttle() throws {
        let clock = clock
        let throttle = LoginThrottle { clock.now }
        for _ in 0..<5 {
            try throttle.check("u", from: "a")
            throttle.failed("u", from: "a")
        }
        #expect(throws: KMSError.self) { try throttle.check("u", from: "a") }
        try throttle.check("u", from: "b")
        try throttle.check("v", from: "a")
        clock.advance(seconds: 1)
        try throttle.check("u", from: "a")
        throttle.failed("u", from: "a")
        clock.advance(seconds: 1)
        #expect(throws: KMSError.self) { try throttle.check("u", from: "a") }
        for _ in 0..<100 { throttle.failed("u", from: "a") }
        clock.advance(seconds: 59)
        #expect(throws: KMSError.self) { try throttle.check("u", from: "a") }
        clock.advance(seconds: 1)
        try throttle.check("u", from: "a")
        throttle.succeeded("u", from: "a")
        throttle.failed("u", from: "a")
        try throttle.check("u", from: "a")
    }
}
