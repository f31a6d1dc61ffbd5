/// What a slot did since this process began: plain numbers, safe to use from every thread and after fork.
///
/// One object per slot, made with the slot and handed down in `TransportOptions.counters`. Counting costs one
/// uncontended lock, 20 ns. A forked child begins at zero: what its parent did is in the parent's own numbers.
package final class Counters: Sendable {
    /// What is counted. A new one is a line here; dump and `kmsctl doctor` follow.
    package enum Event: Int, Sendable, CaseIterable {
        /// Requests that a C_ call needed, whatever became of them and however often each was sent.
        case requests
        /// Requests that ended without an answer, or with 429 or 5xx.
        case failures
        /// Requests that ran into their deadline.
        case timeouts
        /// Answers 429.
        case throttled
        /// Requests that were sent again: after a lost or refused connection, 429, 502 to 504.
        case retries
        /// Requests that were sent again because the kept connection had been closed meanwhile.
        case staleConnections
        /// Connections that were opened, TCP and TLS.
        case connects
        /// Requests that went to another endpoint than the one before.
        case failovers
        /// Endpoints that were set aside after they had failed.
        case openedBreakers
        /// Log-ins that the KMS answered, the first and those that renew a session.
        case logins
        /// Log-ins that the KMS refused.
        case refusedLogins
        /// Requests that took longer than `slow_call_millis`.
        case slowCalls

        /// As in the dump: snake case, without prefix.
        package var name: String {
            switch self {
            case .requests: "requests"
            case .failures: "failures"
            case .timeouts: "timeouts"
            case .throttled: "throttled"
            case .retries: "retries"
            case .staleConnections: "stale_connections"
            case .connects: "connects"
            case .failovers: "failovers"
            case .openedBreakers: "opened_breakers"
            case .logins: "logins"
            case .refusedLogins: "refused_logins"
            case .slowCalls: "slow_calls"
            }
        }
    }

    /// The numbers of one moment.
    package struct Snapshot: Sendable {
        fileprivate(set) package var events = [UInt64](repeating: 0, count: Event.allCases.count)
        /// Requests by duration: as many as `Counters.bounds`, and one more for those above the last.
        fileprivate(set) package var buckets = [UInt64](repeating: 0, count: Counters.bounds.count + 1)
        /// Of all requests together, in nanoseconds.
        fileprivate(set) package var nanoseconds: UInt64 = 0

        package subscript(event: Event) -> UInt64 { events[event.rawValue] }
    }

    /// Upper ends of the buckets of the latency histogram, in microseconds.
    package static var bounds: [UInt64] {
        [
            100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
            5_000_000, 10_000_000,
        ]
    }

    private struct State {
        var generation: UInt64
        var numbers = Snapshot()
    }

    private let state = Locked(State(generation: Gate.generation))

    package init() {}

    package func count(_ event: Event, _ amount: UInt64 = 1) {
        change { $0.events[event.rawValue] &+= amount }
    }

    /// A request, and how long it took from the moment it was wanted to its answer or its failure, retries included.
    ///
    /// - Parameters:
    ///   - began: on the clock of `Deadline.now`.
    ///   - attempts: how often it was sent.
    package func record(since began: UInt64, now: UInt64 = Deadline.now, attempts: Int = 1) {
        let duration = now > began ? now - began : 0
        let bucket = Counters.bounds.firstIndex { duration <= $0 * 1_000 } ?? Counters.bounds.count
        change { numbers in
            numbers.events[Event.requests.rawValue] &+= 1
            if attempts > 1 { numbers.events[Event.retries.rawValue] &+= UInt64(attempts - 1) }
            numbers.buckets[bucket] &+= 1
            numbers.nanoseconds &+= duration
        }
    }

    package var snapshot: Snapshot {
        var copy = Snapshot()
        change { copy = $0 }
        return copy
    }

    private func change(_ body: (inout Snapshot) -> Void) {
        let generation = Gate.generation
        state.withLock { state in
            if state.generation != generation { state = State(generation: generation) }
            body(&state.numbers)
        }
    }
}
