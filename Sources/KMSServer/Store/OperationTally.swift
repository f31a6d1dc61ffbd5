internal import FoundationEssentials
package import GRDB

/// How many cryptographic operations the audit log has of each account, up to one of its records.
///
/// The log has no index for it, which each signature would have to pay for: what is new is counted when somebody asks,
/// and the sum is kept for the next time.
package struct OperationTally: Codable, Sendable {
    /// New records that are rather counted again the next time than written about.
    private static var few: Int64 { 10_000 }

    /// The last record that is counted.
    private var sequence: Int64 = 0
    private var accounts: [String: Int] = [:]

    package subscript(account: String) -> Int { accounts[account] ?? 0 }

    private static func stored(in db: Database) throws -> OperationTally {
        try SettingStore.value(.operationTally, in: db).map {
            try JSONDecoder().decode(OperationTally.self, from: Data($0))
        } ?? OperationTally()
    }

    /// Reads the records since the stored sum.
    package static func current(in db: Database) throws -> OperationTally {
        var tally = try stored(in: db)
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT json_extract(record, '$.acct_id') AS account, count(*) AS operations FROM audit
                WHERE sequence > ? AND action_type = ? AND account IS NOT NULL GROUP BY account
                """, arguments: [tally.sequence, AuditEvent.ActionType.cryptoOperation.rawValue])
        while let row = try rows.next() { tally.accounts[row["account"], default: 0] += row["operations"] }
        tally.sequence = try Int64.fetchOne(db, sql: "SELECT max(sequence) FROM audit") ?? 0
        return tally
    }

    /// Stores the sum when enough is new in it.
    package func keep(in pool: DatabasePool) async throws {
        let stored = try await pool.read { db in try OperationTally.stored(in: db) }
        guard sequence - stored.sequence >= OperationTally.few else { return }
        try await pool.write { db in
            try SettingStore.set(.operationTally, [UInt8](try JSONEncoder().encode(self)), in: db)
        }
    }
}
