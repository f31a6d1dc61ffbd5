package import KMSSupport

/// One node of the KMS and its recent history. A slot has one now; with several, the next healthy one is tried where
/// this one is given up.
package final class Endpoint: Sendable {
    /// All on the monotonic clock, in nanoseconds.
    private struct Outage {
        var began: UInt64
        var lastSeen: UInt64
    }

    private let outage = Locked<Outage?>(nil)
    /// When a request last ran into its deadline, unless one was answered since.
    private let silence = Locked<UInt64?>(nil)

    package init() {}

    /// A KMS that hangs, instead of being away, costs each request its whole deadline. After the first such request the
    /// following ones get a quarter of theirs, until one is answered or nothing was asked for `outageGap`: a TLS server
    /// may sign several times for one handshake (libp11 tries ECDSA twice), and waits on its event loop.
    package func limit(_ deadline: Deadline, now: UInt64 = Deadline.now) -> Deadline {
        guard let last = silence.withLock({ $0 }), now < last || now - last < Endpoint.outageGap else {
            return deadline
        }
        return deadline.limited(toMilliseconds: deadline.remaining / 4)
    }

    package func recordTimeout(now: UInt64 = Deadline.now) { silence.withLock { $0 = now } }

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
        silence.withLock { if $0 != nil { $0 = nil } }
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
