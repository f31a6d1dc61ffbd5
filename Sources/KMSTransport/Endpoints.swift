internal import KMSSupport

/// One node of the KMS and its recent history. A slot has one now; with several, the next healthy one is tried where
/// this one is given up.
package final class Endpoint: Sendable {
    /// All on the monotonic clock, in nanoseconds.
    private struct Outage {
        var began: UInt64
        var lastSeen: UInt64
    }

    private let outage = Locked<Outage?>(nil)

    package init() {}

    /// How long after the beginning of an outage a refused or lost connection, or a 503, is tried again: 1.5 s.
    ///
    /// A KMS that is restarted, or a load balancer that moves on, is back within a second; that must not show. Longer
    /// would be wrong: NGINX signs on its event loop, so a worker that waits here serves nobody. The time counts per
    /// outage, not per request: when the KMS is really away, only the first second of requests waits, and each later
    /// one fails at its first refused connection.
    package static var retryWindow: UInt64 { 1_500_000_000 }

    /// A failure that comes longer than this after the last one begins a new outage.
    package static var outageGap: UInt64 { 10_000_000_000 }

    package func recordAnswer() {
        outage.withLock { if $0 != nil { $0 = nil } }
    }

    /// - Parameter began: when the failed attempt began.
    /// - Returns: whether the retry window is still open.
    package func recordFailure(attemptBegan began: UInt64, now: UInt64 = Deadline.now) -> Bool {
        outage.withLock { outage in
            var current = outage ?? Outage(began: began, lastSeen: began)
            if began > current.lastSeen, began - current.lastSeen > Endpoint.outageGap { current.began = began }
            current.lastSeen = max(current.lastSeen, now)
            outage = current
            return now < current.began || now - current.began < Endpoint.retryWindow
        }
    }
}
