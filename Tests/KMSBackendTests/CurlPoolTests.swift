import KMSTransport
import Testing

struct CurlPoolTests {
    private let pool = CurlPool<String>(maximumIdleSeconds: 50, maximumCount: 3)

    private func put(_ handles: [(handle: String, thread: UInt)]) {
        for (handle, thread) in handles { pool.put(handle, by: thread, now: 1_000) }
    }

    @Test func anEmptyPoolGivesNothing() {
        #expect(pool.take() == nil)
    }

    @Test func aBusyThreadGetsItsOwnBack() {
        put([("a", 1), ("b", 2), ("c", 3)])
        #expect(pool.take(for: 1, now: 2_000) == "a")
        #expect(pool.take(for: 2, now: 2_000) == "b")
        #expect(pool.count == 1)
    }

    @Test func itsLastOneIfThereAreSeveral() {
        put([("a", 1), ("b", 1), ("c", 2)])
        #expect(pool.take(for: 1, now: 2_000) == "b")
    }

    @Test func whoHasNoneGetsTheOneThatWasUsedLast() {
        put([("a", 1), ("b", 2)])
        #expect(pool.take(for: 3, now: 2_000) == "b")
        #expect(pool.take(for: 3, now: 2_000) == "a")
        #expect(pool.take(for: 3, now: 2_000) == nil)
    }

    @Test func soDoesWhoWasAwayForAWhile() {
        put([("a", 1), ("b", 2)])
        #expect(pool.take(for: 1, now: 200_000_000) == "b")
    }

    @Test func whatIsTooOldGoesWhenAnotherIsTaken() {
        put([("a", 1), ("b", 2)])
        pool.put("c", by: 3, now: 50_000_000_000)
        #expect(pool.take(for: 3, now: 51_000_000_000) == "c")
        #expect(pool.count == 0)
    }

    @Test func whatCameBackMeanwhileStays() {
        put([("a", 1), ("b", 2)])
        #expect(pool.take(for: 2, now: 500) == "b")
        #expect(pool.count == 1)
    }

    @Test func noMoreAreKeptThanAllowed() {
        put([("a", 1), ("b", 2), ("c", 3), ("d", 4)])
        #expect(pool.count == 3)
        pool.removeAll()
        #expect(pool.count == 0)
    }
}
