/// How often values of which size occurred; any number of threads, no lock.
package final class Histogram: Sendable {
    /// Upper bounds, ascending, in the unit of the values.
    let bounds: [UInt64]
    /// One per bound, and one for what is above all of them.
    private let counters: [Counter]
    private let total = Counter()

    package init(bounds: [UInt64]) {
        self.bounds = bounds
        counters = (0...bounds.count).map { _ in Counter() }
    }

    package func observe(_ value: UInt64) {
        let place = bounds.firstIndex { value <= $0 } ?? bounds.count
        counters[place].add()
        total.add(value)
    }

    /// Sum of all values.
    package var sum: UInt64 { total.value }

    /// Counts of values up to each bound, and of all.
    package var cumulative: [UInt64] {
        var sum: UInt64 = 0
        return counters.map { counter in
            sum &+= counter.value
            return sum
        }
    }
}
