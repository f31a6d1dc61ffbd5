internal import FoundationEssentials
package import GRDB
internal import KMSModel

/// `kmsd verify`: whether everything in the database is whole, belongs together and opens under the master key.
///
/// It reads one snapshot, so a server may go on with its work meanwhile.
package struct Verification {
    package struct Result: Sendable {
        package var objects = 0
        package var apps = 0
        package var tlsKeys = 0
        package var auditRecords = 0
        package var findings = 0

        /// One line for the operator.
        package var summary: String {
            let verdict =
                switch findings {
                case 0: "all is well"
                case 1: "1 finding"
                default: "\(findings) findings"
                }
            return "verified \(objects) objects, \(apps) apps, \(tlsKeys) TLS keys, "
                + "\(auditRecords) audit records: \(verdict)"
        }
    }

    /// Verifies a data directory.
    ///
    /// - Parameter tell: called with each finding, one line that names the thing.
    /// - Throws: `StartError` when the database or the master key cannot be read at all.
    package static func run(
        _ directory: DataDirectory, masterKey source: MasterKeySource, tell: @escaping (String) -> Void
    ) throws -> Result {
        let queue = try KMSDatabase.openForReading(directory.databaseFile)
        do {
            return try queue.read { db in
                let found = try directory.masterKey(from: source, id: try DataStore.masterKeyID(in: db))
                let engine = try DataStore.engine(directory, found, in: db)
                guard try Migrations.all.hasCompletedMigrations(db), try StoreKeys.check(engine, in: db) == .whole
                else {
                    throw StartError(
                        "an older kmsd wrote \(directory.path) last; start kmsd serve on it once, and verify it then")
                }
                var result = try run(db, engine, tell: tell)
                guard let chain = try? StoreKeys.open(engine, in: db).chain, let head = try AuditStore.head(in: db)
                else {
                    return result
                }
                let left = try LeftJournal(in: directory.path, chain, after: head.position)
                result.auditRecords += left.records.count
                if let finding = left.finding {
                    tell(finding)
                    result.findings += 1
                }
                return result
            }
        } catch let error as DatabaseError {
            throw StartError(
                "cannot read the database \(directory.databaseFile): \(error.reason); restore it from a backup",
                error.cause)
        }
    }

    /// Verifies an open database.
    package static func run(
        _ db: Database, _ engine: CryptoEngine, tell: @escaping (String) -> Void
    ) throws -> Result {
        let findings = Findings(tell: tell)
        var result = Result()
        // Rows of a damaged file or of a changed schema may be of any kind: what follows could not read them.
        if try DatabaseCheck.isWhole(db, findings) {
            try DatabaseCheck.foreignKeys(db, findings)
            result.tlsKeys = try TLSKeyCheck(engine: engine, findings: findings).run(in: db)
            result.apps = try AppCheck(engine: engine, findings: findings).run(in: db)
            result.objects = try ObjectCheck(engine: engine, findings: findings).run(in: db)
            for place in SealedPlace.all where !place.hasOwnCheck { try place.check(with: engine, findings, in: db) }
            if let keys = keys(engine, db, findings) {
                result.auditRecords = try AuditCheck(chain: keys.chain, findings: findings).run(in: db)
            }
        }
        result.findings = findings.count
        return result
    }

    private static func keys(_ engine: CryptoEngine, _ db: Database, _ findings: Findings) -> StoreKeys? {
        do {
            return try StoreKeys.open(engine, in: db)
        } catch {
            findings.add("\(error); the audit log cannot be verified")
            return nil
        }
    }
}
