internal import KMSSupport
internal import Synchronization

/// One node of the KMS and its recent history: a circuit breaker.
///
/// A node that fails is set aside for a second, then twice as long with each further failure, up to half a minute. Set
/// aside means that others are tried first; it is never refused what no other node can do.
package final class Endpoint: Sendable {
    /// Times on the monotonic clock, in nanoseconds.
    private struct State {
        /// Failures in a row.
        var failures = 0
        /// Until when it is set aside; 0: it is not.
        var retryAt: UInt64 = 0
        /// When a request last ran into its time limit, unless one was answered since.
        var silentSince: UInt64?
    }

    /// `https://host[:port][/prefix]`, for messages.
    package let address: String
    private let state = Locked(State())
    /// Whether `state` holds anything: each request asks, and mostly it does not.
    private let isTroubled = Atomic(false)

    package init(_ address: String) { self.address = address }

    package enum Standing: Sendable, Equatable {
        case good
        /// It failed, and long enough ago to be asked again.
        case due
        case setAside(until: UInt64)
    }

    package func standing(now: UInt64 = Deadline.now) -> Standing {
        state.withLock { state in
            guard state.failures > 0 else { return .good }
            return now < state.retryAt ? .setAside(until: state.retryAt) : .due
        }
    }

    /// Lets one of several threads find out whether the node is back; the others stay away from it meanwhile.
    package func claimProbe(now: UInt64 = Deadline.now) -> Bool {
        state.withLock { state in
            guard state.failures > 0, now >= state.retryAt else { return false }
            state.retryAt = now &+ Endpoint.pause(afterFailures: state.failures)
            return true
        }
    }

    /// - Returns: whether it had been set aside.
    @discardableResult
    package func recordAnswer() -> Bool {
        guard isTroubled.load(ordering: .relaxed) else { return false }
        return state.withLock { state in
            defer {
                state = State()
                isTroubled.store(false, ordering: .relaxed)
            }
            return state.failures > 0
        }
    }

    /// - Parameter isSilence: a time limit passed without an answer.
    /// - Returns: whether it had been good until now.
    @discardableResult
    package func recordFailure(isSilence: Bool, now: UInt64 = Deadline.now) -> Bool {
        state.withLock { state in
            isTroubled.store(true, ordering: .relaxed)
            state.failures += 1
            state.retryAt = now &+ Endpoint.pause(afterFailures: state.failures)
            if isSilence { state.silentSince = now }
            return state.failures == 1
        }
    }

    /// Whether it hung a moment ago, and nothing was heard of it since.
    package func isSilent(now: UInt64 = Deadline.now) -> Bool {
        guard isTroubled.load(ordering: .relaxed), let since = state.withLock({ $0.silentSince }) else { return false }
        return now < since || now - since < Outage.gap
    }

    /// 1, 2, 4 … 30 s, each longer or shorter by up to a quarter, so that many clients do not come back in step.
    private static func pause(afterFailures failures: Int) -> UInt64 {
        let milliseconds = UInt64(min(1_000 << min(max(failures - 1, 0), 5), 30_000))
        return UInt64.random(in: milliseconds * 3 / 4...milliseconds * 5 / 4) * 1_000_000
    }
}
