import GRDB
import KMSModel
import KMSServer
import Testing

@Suite("Audit log")
struct AuditTests {
    @Test("many records at once form one unbroken chain", arguments: [AuditLog.Flush.soon, .each])
    func chain(flush: AuditLog.Flush) async throws {
        try await TestKMS.run(flush: flush) { kms in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await kms.vault.audit.record(
                            AuditEvent(.cryptoOperation, "record \(number)", by: PolicyTests.user))
                    }
                }
                try await group.waitForAll()
            }
            try await kms.vault.audit.settle()
            let (found, count) = try await kms.vault.pool.read { db in
                (try findings(in: db, kms), try Int.fetchOne(db, sql: "SELECT count(*) FROM audit"))
            }
            #expect(found == [])
            #expect(count == 201)
        }
    }

    @Test("the table refuses changes")
    func appendOnly() async throws {
        try await TestKMS.run { kms in
            for statement in ["UPDATE audit SET record = '{}'", "DELETE FROM audit WHERE sequence = 1"] {
                await #expect(throws: DatabaseError.self) {
                    try await kms.vault.pool.write { db in try db.execute(sql: statement) }
                }
            }
        }
    }

    @Test("writes survive a crash: WAL with synchronous=FULL")
    func durability() async throws {
        try await TestKMS.run { kms in
            // Also after a record that was not flushed at once.
            try await kms.vault.audit.record(AuditEvent(.administrative, "a record", by: PolicyTests.user))
            let (mode, synchronous) = try await kms.vault.pool.write { db in
                (
                    try String.fetchOne(db, sql: "PRAGMA journal_mode"),
                    try Int.fetchOne(db, sql: "PRAGMA synchronous")
                )
            }
            #expect(mode == "wal")
            #expect(synchronous == 2)
        }
    }
}
