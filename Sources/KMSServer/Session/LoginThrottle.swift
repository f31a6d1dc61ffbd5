internal import KMSSupport

/// Slows down guessing of passwords and API keys: after some failures in a row from one address for one user or app, each
/// further attempt must wait twice as long as the one before, up to a minute (`LoginRules` has the numbers).
///
/// By address and user together, so that nobody can lock the administrator out from elsewhere.
package final class LoginThrottle: Sendable {
    private struct Record: Sendable {
        var failures: Int
        var last: ContinuousClock.Instant
    }

    package let accepted = Counter()
    package let refused = Counter()
    package let throttled = Counter()

    private let rules: LoginRules
    private let records = Locked([String: Record]())
    private let now: @Sendable () -> ContinuousClock.Instant

    package init(
        rules: LoginRules = LoginRules(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.rules = rules
        self.now = now
    }

    /// - Throws: 429 while the wait lasts.
    package func check(_ claimed: String, from address: String?) throws(KMSError) {
        let record = records.withLock { $0[key(claimed, address)] }
        guard let record, record.failures >= rules.failures else { return }
        let wait = min(rules.longestWait, 1 << min(record.failures - rules.failures, 12))
        let waited = now() - record.last
        guard waited < .seconds(wait) else { return }
        throttled.add()
        var error = KMSError(.tooManyRequests, "Too many failed logins; wait \(wait) s before the next attempt")
        error.retryAfter = max(1, wait - Int(waited.components.seconds))
        throw error
    }

    package func failed(_ claimed: String, from address: String?) {
        refused.add()
        let key = key(claimed, address)
        records.withLock { records in
            if records.count >= rules.entries, records[key] == nil { makeRoom(in: &records) }
            let failures = records[key]?.failures ?? 0
            records[key] = Record(failures: failures + 1, last: now())
        }
    }

    package func succeeded(_ claimed: String, from address: String?) {
        accepted.add()
        let key = key(claimed, address)
        records.withLock { records in
            if !records.isEmpty { records[key] = nil }
        }
    }

    /// Addresses and names are the attacker's to choose, so the table must not grow for ever, and nobody should be able to
    /// empty it either: a quarter goes, first of those who failed least.
    private func makeRoom(in records: inout [String: Record]) {
        let least = records.sorted { ($0.value.failures, $0.value.last) < ($1.value.failures, $1.value.last) }
        for (key, _) in least.prefix(max(1, rules.entries / 4)) { records[key] = nil }
    }

    private func key(_ claimed: String, _ address: String?) -> String {
        // No real name is longer, and what is shares its wait with others that begin so.
        let name = claimed.utf8.count > 256 ? String(decoding: claimed.utf8.prefix(256), as: UTF8.self) : claimed
        return (address ?? "") + " " + name
    }
}
