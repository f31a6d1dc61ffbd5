internal import KMSSupport

/// What logins have cost, in numbers. An attempt must cost the same whether the app or user exists, is disabled, or
/// only the secret is wrong, or the time that it takes tells which it is. Tests compare these numbers.
package final class LoginWork: Sendable {
    package struct Counts: Sendable, Equatable {
        /// Hashes of secrets and passwords.
        package var hashes = 0
        package var comparisons = 0
        /// Reads of the database.
        package var reads = 0
        package var throttled = 0
        package var records = 0

        package init(hashes: Int = 0, comparisons: Int = 0, reads: Int = 0, throttled: Int = 0, records: Int = 0) {
            self.hashes = hashes
            self.comparisons = comparisons
            self.reads = reads
            self.throttled = throttled
            self.records = records
        }
    }

    private let counts = Locked(Counts())

    package var current: Counts { counts.withLock { $0 } }

    func count(_ change: (inout Counts) -> Void) { counts.withLock { change(&$0) } }
}
