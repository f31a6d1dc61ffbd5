import KMSSupport
import Testing

@Suite struct CountersTests {
    @Test func eventsAddUp() {
        let counters = Counters()
        counters.count(.retries)
        counters.count(.retries, 2)
        counters.count(.connects)
        let numbers = counters.snapshot
        #expect(numbers[.retries] == 3 && numbers[.connects] == 1 && numbers[.requests] == 0)
    }

    @Test func durationsFallIntoTheirBucket() {
        let counters = Counters()
        let microsecond: UInt64 = 1_000
        for duration in [0, 100, 101, 10_000_000, 10_000_001, 99_000_000] as [UInt64] {
            counters.record(since: 5, now: 5 + duration * microsecond)
        }
        let numbers = counters.snapshot
        #expect(numbers.buckets.first == 2 && numbers.buckets[1] == 1)
        #expect(numbers.buckets[Counters.bounds.count - 1] == 1 && numbers.buckets.last == 2)
        #expect(numbers.buckets.reduce(0, +) == 6)
        // The clock of another machine, or of another moment, must not trap.
        counters.record(since: 10, now: 5)
        #expect(counters.snapshot.buckets.first == 3)
    }

    @Test func namesAndBoundsAreInOrder() {
        #expect(Set(Counters.Event.allCases.map(\.name)).count == Counters.Event.allCases.count)
        #expect(Counters.Event.allCases.map(\.rawValue) == Array(Counters.Event.allCases.indices))
        #expect(Counters.bounds == Counters.bounds.sorted())
    }
}
