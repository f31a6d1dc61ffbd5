import FoundationEssentials
import GRDB
import KMSModel
import KMSServer
import Testing

@Suite("Verification of a data directory")
struct VerificationTests {
    /// An app "web" and, in this order of names, an EC key "a", an EC key "b", an AES key "c", a SECRET "d".
    private static func run(_ body: @Sendable @escaping (TestKMS) async throws -> Void) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web").authorization
            for request in [
                #"{"name":"a","obj_type":"EC","elliptic_curve":"NistP256"}"#,
                #"{"name":"b","obj_type":"EC","elliptic_curve":"NistP256"}"#,
                #"{"name":"c","obj_type":"AES","key_size":256}"#,
            ] {
                #expect(try await kms.ask(.post, "/crypto/v1/keys", request, as: app).status == 201)
            }
            let secret = #"{"name":"d","obj_type":"SECRET","value":"AAAA"}"#
            #expect(try await kms.ask(.put, "/crypto/v1/keys", secret, as: app).status == 201)
            try await body(kms)
        }
    }

    @Test("finds nothing in what kmsd wrote: all kinds of objects, in all states")
    func whole() async throws {
        try await VerificationTests.run { kms in
            let app = try await kms.app("other").authorization
            for (number, fields) in [
                #""obj_type":"RSA","key_size":2048"#, #""obj_type":"EC","elliptic_curve":"Ed25519""#,
                #""obj_type":"EC","elliptic_curve":"X448""#, #""obj_type":"DES3","key_size":168"#,
                #""obj_type":"HMAC","key_size":80"#,
            ].enumerated() {
                let body = #"{"name":"key \#(number)",\#(fields)}"#
                #expect(try await kms.ask(.post, "/crypto/v1/keys", body, as: app).status == 201)
            }
            let keys = try await kms.ask(.get, "/crypto/v1/keys", as: app).json([Sobject].self)
            func kid(_ number: Int) throws -> String {
                try #require(keys.first { $0.name == "key \(number)" }?.kid)
            }
            #expect(try await kms.ask(.delete, "/crypto/v1/keys/\(kid(0))/private", as: app).status == 204)
            #expect(try await kms.ask(.post, "/crypto/v1/keys/\(kid(4))/destroy", as: app).status == 204)
            let opaque = #"{"name":"empty","obj_type":"OPAQUE","value":"AA=="}"#
            #expect(try await kms.ask(.put, "/crypto/v1/keys", opaque, as: app).status == 201)

            var found: [String] = []
            let result = try Verification.run(kms.directory, masterKey: .init()) { found.append($0) }
            #expect(found == [])
            #expect(result.objects == 10 && result.apps == 2 && result.tlsKeys == 2 && result.auditRecords > 10)
            #expect(result.summary.hasSuffix("all is well"))
        }
    }

    /// SQL, and what is in one of the findings.
    private static var changes: [(sql: String, finding: [String])] {
        let value = "(SELECT sealed_value FROM sobject WHERE name ="
        return [
            (
                "UPDATE sobject SET sealed_value = CAST(substr(sealed_value, 1, 20) || x'0000' || substr(sealed_value, 23) "
                    + "AS BLOB) WHERE name = 'a'", ["object ", "\"a\"", "does not open"]
            ),
            ("UPDATE sobject SET sealed_value = \(value) 'b') WHERE name = 'a'", ["\"a\"", "does not open"]),
            ("UPDATE sobject SET sealed_value = NULL WHERE name = 'c'", ["\"c\"", "value is missing"]),
            (
                "UPDATE sobject SET attributes = json_set(attributes, '$.key_size', 128) WHERE name = 'c'",
                ["\"c\"", "256 bits", "128"]
            ),
            (
                """
                UPDATE sobject SET attributes = json_set(attributes, '$.pub_key',
                    (SELECT attributes ->> '$.pub_key' FROM sobject WHERE name = 'b')) WHERE name = 'a'
                """, ["\"a\"", "public key"]
            ),
            ("UPDATE sobject SET name = 'e' WHERE name = 'd'", ["\"e\"", "contradict", "name"]),
            ("UPDATE sobject SET attributes = '[]' WHERE name = 'd'", ["\"d\"", "cannot be read"]),
            ("UPDATE app SET secret_hash = zeroblob(32)", ["app ", "\"web\"", "hash"]),
            ("UPDATE app SET sealed_secret = zeroblob(90)", ["app ", "\"web\"", "does not open"]),
            ("DELETE FROM tls_identity WHERE name = 'authority'", ["TLS key authority"]),
            (
                """
                UPDATE tls_identity SET certificate = (SELECT certificate FROM tls_identity WHERE name = 'authority')
                """, ["TLS key server", "does not belong"]
            ),
            ("UPDATE setting SET value = zeroblob(61) WHERE name = 'audit-key'", ["audit-key"]),
            ("DELETE FROM \"group\"", ["sobject", "group"]),
            ("DROP TRIGGER sobject_metadata_update", ["trigger sobject_metadata_update is missing"]),
            ("CREATE TABLE further (a)", ["table further was added"]),
        ]
    }

    @Test("names what was changed", arguments: changes.indices)
    func changed(index: Int) async throws {
        let (sql, parts) = VerificationTests.changes[index]
        try await VerificationTests.run { kms in
            let found = try await kms.findings(after: sql)
            #expect(found.contains { finding in parts.allSatisfy(finding.contains) }, "\(sql): \(found)")
            #expect(try await kms.findings(after: "SELECT 1") == [])
        }
    }

    @Test("knows every column with sealed values")
    func places() async throws {
        try await TestKMS.run { kms in
            let columns = try await kms.vault.pool.read { db in
                try String.fetchAll(
                    db,
                    sql: """
                        SELECT t.name || '.' || c.name FROM sqlite_master t, pragma_table_info(t.name) c
                        WHERE t.type = 'table' AND c.name LIKE 'sealed%'
                        """)
            }
            let known = SealedPlace.all.map { "\($0.table).\($0.column)" }
            #expect(Set(columns).isSubset(of: known), "SealedPlace.all lacks one of \(columns)")
        }
    }

    // MARK: The audit log

    /// SQL on a log with the records 1 to 12, and the beginnings of all findings.
    private static var auditChanges: [(sql: String, findings: [String])] {
        let swap = "UPDATE audit SET sequence = sequence + 100 WHERE sequence IN (5, 6);"
        return [
            (
                "UPDATE audit SET record = replace(record, 'number 7', 'number 8') WHERE sequence = 7",
                ["audit record 7 ("]
            ),
            ("UPDATE audit SET chain = zeroblob(32) WHERE sequence = 7", ["audit record 7 (", "audit record 8 ("]),
            ("DELETE FROM audit WHERE sequence = 7", ["audit record 7: removed"]),
            ("DELETE FROM audit WHERE sequence = 1", ["audit record 1: removed"]),
            ("DELETE FROM audit WHERE sequence IN (5, 6, 7)", ["audit records 5 to 7: removed"]),
            ("DELETE FROM audit WHERE sequence = 12", ["audit record 12: removed from the end"]),
            ("DELETE FROM audit WHERE sequence > 9", ["audit records 10 to 12: removed from the end"]),
            ("DELETE FROM audit", ["audit records 1 to 12: removed from the end"]),
            (
                swap + "UPDATE audit SET sequence = 6 WHERE sequence = 105; "
                    + "UPDATE audit SET sequence = 5 WHERE sequence = 106",
                // What is number 6 now follows number 4, as it always did.
                ["audit record 5 (", "audit record 7 ("]
            ),
            (
                "INSERT INTO audit SELECT 13, time, action_type, actor_id, object_id, record, chain FROM audit "
                    + "WHERE sequence = 12", ["audit record 13 (", "audit record 13: added"]
            ),
            (
                "INSERT INTO audit SELECT 0, time, action_type, actor_id, object_id, record, chain FROM audit WHERE sequence = 1",
                ["audit record 0 ("]
            ),
            ("UPDATE audit SET time = time + 1 WHERE sequence = 4", ["audit record 4 ("]),
            ("UPDATE audit SET object_id = 'another' WHERE sequence = 4", ["audit record 4 ("]),
            ("UPDATE audit SET record = 'nonsense' WHERE sequence = 4", ["audit record 4 (not readable)"]),
            ("DELETE FROM audit_head", ["audit log: its head is missing"]),
            (
                "DELETE FROM audit WHERE sequence > 9; UPDATE audit_head SET count = 9, "
                    + "chain = (SELECT chain FROM audit WHERE sequence = 9)", ["audit log: its head was changed"]
            ),
        ]
    }

    @Test("names what was changed in the audit log, and no more", arguments: auditChanges.indices)
    func audit(index: Int) async throws {
        let (sql, beginnings) = VerificationTests.auditChanges[index]
        try await TestKMS.run { kms in
            for number in 2...12 {
                try await kms.vault.audit.record(AuditEvent(system: "number \(number)"))
            }
            try await kms.vault.audit.settle()
            let found = try await kms.findings(after: sql)
            #expect(found.count == beginnings.count, "\(found)")
            for (finding, beginning) in zip(found, beginnings) { #expect(finding.hasPrefix(beginning), "\(found)") }
        }
    }

    @Test("new records do not cover up for removed ones")
    func coverUp() async throws {
        try await TestKMS.run { kms in
            for number in 2...5 { try await kms.vault.audit.record(AuditEvent(system: "number \(number)")) }
            try await kms.vault.audit.settle()
            try await kms.vault.pool.write { db in
                let sql = try String.fetchOne(db, sql: "SELECT sql FROM sqlite_master WHERE name = 'audit_no_delete'")
                try db.execute(sql: "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE sequence > 3")
                try db.execute(sql: sql ?? "")
            }
            try await kms.vault.audit.record(AuditEvent(system: "number 6"))
            try await kms.vault.audit.settle()
            var found: [String] = []
            _ = try Verification.run(kms.directory, masterKey: .init()) { found.append($0) }
            #expect(
                found.count == 1 && found[0].hasPrefix("audit records 4 to 5: removed; the next one is"), "\(found)")

            // With another head than kmsd's there are no records at all.
            try await kms.vault.pool.write { db in try db.execute(sql: "UPDATE audit_head SET count = 3") }
            try await kms.vault.audit.record(AuditEvent(system: "number 7"))
            await #expect(throws: KMSError.self) { try await kms.vault.audit.settle() }
            // What cannot get into the log is not done either.
            await #expect(throws: KMSError.self) {
                try await kms.vault.audit.record(AuditEvent(system: "number 8"))
            }
        }
    }
}
