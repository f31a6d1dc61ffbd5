internal import KMSSupport

/// Slows down guessing of passwords and API keys: after five failures in a row from one address for one user or app,
/// each further attempt must wait twice as long as the one before, up to a minute.
///
/// By address and user together, so that nobody can lock the administrator out from elsewhere.
package final class LoginThrottle: Sendable {
    private struct Record: Sendable {
        var failures: Int
        var last: ContinuousClock.Instant
    }

    private static var free: Int { 5 }
    private static var longest: Int { 60 }
    private static var limit: Int { 10_000 }

    private let records = Locked([String: Record]())
    private let now: @Sendable () -> ContinuousClock.Instant

    package init(now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }) { self.now = now }

    /// - Throws: 429 while the wait lasts.
    package func check(_ claimed: String, from address: String?) throws(KMSError) {
        let record = records.withLock { $0[key(claimed, address)] }
        guard let record, record.failures >= LoginThrottle.free else { return }
        let wait = min(LoginThrottle.longest, 1 << min(record.failures - LoginThrottle.free, 6))
        guard now() - record.last < .seconds(wait) else { return }
        throw KMSError(.tooManyRequests, "Too many failed logins; wait \(wait) s before the next attempt")
    }

    package func failed(_ claimed: String, from address: String?) {
        records.withLock { records in
            // Addresses and names are the attacker's to choose, so the table must not grow for ever.
            if records.count >= LoginThrottle.limit { records.removeAll() }
            let failures = records[key(claimed, address)]?.failures ?? 0
            records[key(claimed, address)] = Record(failures: failures + 1, last: now())
        }
    }

    package func succeeded(_ claimed: String, from address: String?) {
        let key = key(claimed, address)
        records.withLock { records in
            if !records.isEmpty { records[key] = nil }
        }
    }

    private func key(_ claimed: String, _ address: String?) -> String { (address ?? "") + " " + claimed }
}
