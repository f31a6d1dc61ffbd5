package import KMSSupport

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// When a request is sent again, and after how long.
package struct RetrySchedule {
    private var attempts = 0

    package init() {}

    /// Tries of one request while the KMS answers that there are too many (429).
    package static var maximumThrottled: Int { 4 }

    /// Milliseconds to wait before the next try, or nil to give up.
    ///
    /// - Parameters:
    ///   - isAllowed: what the endpoint's recent history says.
    ///   - requested: what the server asks for (Retry-After), in seconds.
    package mutating func wait(isAllowed: Bool, requested: Int? = nil, before deadline: Deadline) -> Int? {
        guard isAllowed else { return nil }
        // 50, 100, 200, 250, 250 … ms, each shortened by up to a half, so that many clients do not come back in step.
        let step = min(50 << min(attempts, 3), 250)
        attempts += 1
        let wait = max(Int.random(in: step / 2...step), min(requested ?? 0, 3_600) * 1_000)
        return wait < deadline.remaining ? wait : nil
    }

    /// Tries so far that ended in a wait.
    package var count: Int { attempts }
}

/// Waits outside the fork gate.
func pause(milliseconds: Int) {
    Gate.outside { _ = poll(nil, 0, Int32(clamping: milliseconds)) }
}

extension HTTPResponse {
    /// The server did nothing because it had too much to do.
    var isThrottled: Bool { status == 429 }

    /// The server, or the load balancer in front of it, is not ready.
    var isOutage: Bool { (502...504).contains(status) }
}
