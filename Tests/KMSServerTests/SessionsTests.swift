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
        #expect(sessions.use(first)?.owner == .app("a"))
        #expect(sessions.use(second)?.owner == .user("u"))
        #expect(sessions.use("something else") == nil)
    }

    @Test(
        "an idle session ends, one in use does not", arguments: [(Sessions.Owner.app("a"), 600), (.user("u"), 86_400)])
    func idle(owner: Sessions.Owner, limit: Int) throws {
        let token = try sessions.create(owner)
        for _ in 0..<3 {
            clock.advance(seconds: limit - 1)
            #expect(sessions.use(token) != nil)
        }
        clock.advance(seconds: limit)
        #expect(sessions.use(token) == nil)
        #expect(sessions.use(token) == nil)
    }

    @Test("terminate ends one session, a new secret all of the app")
    func ends() throws {
        let tokens = try (0..<3).map { _ in try sessions.create(.app("a")) }
        let other = try sessions.create(.app("b"))
        sessions.end(tokens[0])
        #expect(sessions.use(tokens[0]) == nil)
        #expect(sessions.use(tokens[1]) != nil)
        sessions.endAll(of: .app("a"))
        #expect(tokens.allSatisfy { sessions.use($0) == nil })
        #expect(sessions.use(other) != nil)
    }

    @Test("one owner has so many sessions; a further one ends the one that was idle longest")
    func bounded() throws {
        let tokens = try (0..<Sessions.mostOfOne).map { _ in
            try sessions.create(.app("a"))
        }
        clock.advance(seconds: 1)
        let other = try sessions.create(.app("b"))
        for token in tokens.dropFirst() { #expect(sessions.use(token) != nil) }
        let more = try sessions.create(.app("a"))
        #expect(sessions.use(tokens[0]) == nil)
        for token in tokens.dropFirst() + [more, other] { #expect(sessions.use(token) != nil) }
        // Those that have ended count no more.
        for token in tokens.dropFirst().prefix(10) { sessions.end(token) }
        for _ in 0..<10 { _ = try sessions.create(.app("a")) }
        #expect(sessions.use(tokens[11]) != nil)
        clock.advance(seconds: 600)
        let fresh = try sessions.create(.app("a"))
        #expect(sessions.use(fresh) != nil)
    }

    @Test("a session with a fixed end is not kept alive by use, nor by others' renewal")
    func lifetime() throws {
        let limited = try sessions.create(.app("a"), lifetime: 100)
        let free = try sessions.create(.app("a"))
        clock.advance(seconds: 60)
        #expect(sessions.use(limited).flatMap { sessions.lifetime(of: $0) } == 40)
        #expect(sessions.use(free).flatMap { sessions.lifetime(of: $0) } == nil)
        sessions.limit(.app("a"), lifetime: 300)
        #expect(sessions.use(limited).flatMap { sessions.lifetime(of: $0) } == 40)
        #expect(sessions.use(free).flatMap { sessions.lifetime(of: $0) } == 300)
        clock.advance(seconds: 40)
        #expect(sessions.use(limited) == nil)
        #expect(sessions.use(free) != nil)
        clock.advance(seconds: 260)
        #expect(sessions.use(free) == nil)
    }

    @Test("all sessions but the own one end")
    func allButOne() throws {
        let tokens = try (0..<3).map { _ in try sessions.create(.user("u")) }
        sessions.endAll(of: .user("u"), but: tokens[1])
        #expect(tokens.map { sessions.use($0) != nil } == [false, true, false])
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
