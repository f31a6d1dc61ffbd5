internal import Synchronization

/// Counts up; any number of threads, no lock.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    package init() {}

    package var value: UInt64 { count.load(ordering: .relaxed) }

    package func add(_ more: UInt64 = 1) { count.wrappingAdd(more, ordering: .relaxed) }
}

/// Goes up and down; any number of threads, no lock.
package final class Gauge: Sendable {
    private let level = Atomic<Int>(0)

    package init() {}

    package var value: Int { level.load(ordering: .relaxed) }

    /// - Returns: the new value.
    @discardableResult
    package func add(_ more: Int) -> Int { level.wrappingAdd(more, ordering: .relaxed).newValue }
}
