internal import KMSSupport
internal import Synchronization

/// How long the whole KMS has been away: no endpoint of a slot could do what was asked.
package final class Outage: Sendable {
    /// All on the monotonic clock, in nanoseconds.
    private struct Span {
        var began: UInt64
        var lastSeen: UInt64
    }

    private let span = Locked<Span?>(nil)
    /// Whether there is a span: each answer asks, and no outage is what there mostly is.
    private let isOngoing = Atomic(false)

    package init() {}

    /// How long after the beginning of an outage a refused or lost connection, or a 503, is tried again: 1.5 s.
    ///
    /// A KMS that is restarted, or a load balancer that moves on, is back within a second; that must not show. Longer
    /// would be wrong: NGINX signs on its event loop, so a worker that waits here serves nobody. The time counts per
    /// outage, not per request: when the KMS is really away, only the first second of requests waits, and each later
    /// one fails at its first refused connection.
    package static var retryWindow: UInt64 { 1_500_000_000 }

    /// A failure that comes longer than this after the last one begins a new outage.
    package static var gap: UInt64 { 10_000_000_000 }

    package func end() {
        guard isOngoing.load(ordering: .relaxed) else { return }
        span.withLock { span in
            span = nil
            isOngoing.store(false, ordering: .relaxed)
        }
    }

    /// - Parameter began: when the failed attempt began.
    /// - Returns: whether the retry window is still open.
    package func record(attemptBegan began: UInt64, now: UInt64) -> Bool {
        span.withLock { span in
            var current = span ?? Span(began: began, lastSeen: began)
            if began > current.lastSeen, began - current.lastSeen > Outage.gap { current.began = began }
            current.lastSeen = max(current.lastSeen, now)
            span = current
            isOngoing.store(true, ordering: .relaxed)
            return now < current.began || now - current.began < Outage.retryWindow
        }
    }
}
