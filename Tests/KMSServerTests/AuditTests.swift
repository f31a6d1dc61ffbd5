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
            let (broken, count) = try await kms.vault.pool.read { db in
                (try kms.vault.chain.firstBroken(in: db), try AuditStore.list(.init(), in: db).count)
            }
            #expect(broken == nil)
            #expect(count == 201)
        }
    }

    @Test("operations that fail before their record hold up nobody")
    func expected() async throws {
        struct Refused: Error {}
        try await TestKMS.run { kms in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        try? await kms.vault.audit.expecting {
                            if number.isMultiple(of: 3) { throw Refused() }
                            try await kms.vault.audit.record(
                                AuditEvent(.cryptoOperation, "record \(number)", by: PolicyTests.user))
                        }
                    }
                }
            }
            let (broken, count) = try await kms.vault.pool.read { db in
                (try kms.vault.chain.firstBroken(in: db), try AuditStore.list(.init(), in: db).count)
            }
            #expect(broken == nil)
            #expect(count == 67)
        }
    }

    @Test("the table refuses changes, and the chain shows those made behind its back")
    func tampering() async throws {
        try await TestKMS.run { kms in
            for number in 0..<5 {
                try await kms.vault.audit.record(AuditEvent(.administrative, "\(number)", by: PolicyTests.user))
            }
            for statement in ["UPDATE audit SET record = '{}'", "DELETE FROM audit WHERE sequence = 3"] {
                await #expect(throws: DatabaseError.self) {
                    try await kms.vault.pool.write { db in try db.execute(sql: statement) }
                }
            }
            try await kms.vault.pool.write { db in
                try db.execute(sql: "DROP TRIGGER audit_no_delete")
                try db.execute(sql: "DROP TRIGGER audit_no_update")
            }
            func broken(after statement: String) async throws -> Int64? {
                struct Undo: Error {}
                var result: Int64?
                do {
                    result = try await kms.vault.pool.write { db -> Int64? in
                        var found: Int64?
                        try db.inSavepoint {
                            try db.execute(sql: statement)
                            found = try kms.vault.chain.firstBroken(in: db)
                            return .rollback
                        }
                        return found
                    }
                }
                return result
            }
            #expect(try await broken(after: "SELECT 1") == nil)
            #expect(
                try await broken(after: "UPDATE audit SET record = replace(record, '2', '7') WHERE sequence = 4") == 4)
            #expect(try await broken(after: "DELETE FROM audit WHERE sequence = 3") == 4)
            #expect(try await broken(after: "DELETE FROM audit WHERE sequence = 1") == 2)
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
