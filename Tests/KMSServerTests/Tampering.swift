import GRDB
import KMSServer
import Testing

/// What a verification finds in the database as this connection sees it.
func findings(in db: Database, _ kms: TestKMS) throws -> [String] {
    var found: [String] = []
    let result = try Verification.run(db, kms.vault.engine) { found.append($0) }
    #expect(result.findings == found.count)
    return found
}

extension TestKMS {
    /// What a verification finds after a change behind kmsd's back, which is undone then.
    ///
    /// - Parameter statements: SQL; the triggers that protect the audit log are not in force, and are there again when
    ///   the verification looks.
    func findings(after statements: String) async throws -> [String] {
        try await vault.pool.write { db in
            var found: [String] = []
            try db.inSavepoint {
                try db.execute(sql: "PRAGMA defer_foreign_keys = ON")
                let triggers = try Row.fetchAll(
                    db, sql: "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'")
                for trigger in triggers { try db.execute(sql: "DROP TRIGGER \(trigger["name"] as String)") }
                try db.execute(sql: statements)
                for trigger in triggers { try db.execute(sql: trigger["sql"]) }
                found = try KMSServerTests.findings(in: db, self)
                return .rollback
            }
            return found
        }
    }
}
