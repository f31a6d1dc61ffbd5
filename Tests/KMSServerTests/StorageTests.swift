import GRDB
import KMSServer
import Testing

@Suite("Failing storage")
struct StorageTests {
    private static func create(_ kms: TestKMS, as authorization: String) async throws -> TestKMS.Answer {
        let body = #"{"name":"\#(newID())","value":"AAAA","description":"\#(String(repeating: "d", count: 4000))"}"#
        return try await kms.ask(.put, "/crypto/v1/keys", body, as: authorization)
    }

    @Test("a full disk is named, health says so, and all is well again afterwards")
    func full() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web").authorization
            try await kms.vault.pool.writeWithoutTransaction { db in
                let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
                try db.execute(sql: "PRAGMA max_page_count = \(pages)")
            }
            var answer = try await StorageTests.create(kms, as: app)
            for _ in 0..<50 where answer.status == 201 { answer = try await StorageTests.create(kms, as: app) }
            #expect(answer.status == 507 && answer.text.contains("full"))
            // Reading goes on.
            #expect(try await kms.ask(.get, "/crypto/v1/keys?limit=1", as: app).status == 200)
            try await kms.vault.pool.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA max_page_count = 1000000")
            }
            #expect(try await StorageTests.create(kms, as: app).status == 201)
            #expect(try await kms.ask(.get, "/sys/v1/health").status == 204)
        }
    }

    @Test("what cannot be written is 503, and so is health until it can be")
    func readOnly() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web").authorization
            func makeReadOnly(_ value: Bool) async throws {
                try await kms.vault.pool.writeWithoutTransaction { db in
                    try db.execute(sql: "PRAGMA query_only = \(value)")
                }
            }
            try await makeReadOnly(true)
            let answer = try await StorageTests.create(kms, as: app)
            #expect(answer.status == 503 && answer.text.contains("not writable"))
            let health = try await kms.ask(.get, "/sys/v1/health")
            #expect(health.status == 503 && health.text.contains("not writable"))
            try await makeReadOnly(false)
            #expect(try await kms.ask(.get, "/sys/v1/health").status == 204)
        }
    }
}
