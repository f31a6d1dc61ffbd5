import FoundationEssentials
import GRDB
import KMSModel
import KMSServer
import Testing

@Suite("Looking for metadata")
struct MetadataIndexTests {
    private static func names(_ kms: TestKMS, _ app: TestKMS.TestApp, _ query: String) async throws -> [String] {
        let answer = try await kms.ask(.get, "/crypto/v1/keys?" + query, as: app.authorization)
        #expect(answer.status == 200, "\(query): \(answer.text)")
        return try answer.json([Sobject].self).compactMap(\.name)
    }

    private static func entries(_ db: Database) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT name || ' ' || key || '=' || value FROM sobject_metadata JOIN sobject USING (kid)
                ORDER BY name, key
                """)
    }

    @Test("what is looked up follows every change: PATCH, deletion, characters that JSON escapes")
    func follows() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let strange = #"a\"/\\ä=%\u0001"#
            let made = try await kms.key(
                #"{"name":"k","obj_type":"AES","key_size":128,"custom_metadata":{"\#(strange)":"\#(strange)","b":"c"},"#
                    + #""key_ops":["ENCRYPT","APPMANAGEABLE"]}"#, app)
            _ = try await kms.key(
                #"{"name":"l","obj_type":"AES","key_size":128,"custom_metadata":{"b":"c","d":""}}"#, app)
            let text = PercentCoding.encode("a\"/\\ä=%\u{1}".utf8)
            let (both, odd) = ("sort=name&custom_metadata.b=c", "custom_metadata.\(text)=\(text)")
            #expect(try await MetadataIndexTests.names(kms, app, both) == ["k", "l"])
            #expect(try await MetadataIndexTests.names(kms, app, odd) == ["k"])
            #expect(try await MetadataIndexTests.names(kms, app, both + "&custom_metadata.d=") == ["l"])
            #expect(try await MetadataIndexTests.names(kms, app, both + "&start=k") == ["l"])
            #expect(try await MetadataIndexTests.names(kms, app, "sort=name:desc&custom_metadata.b=c") == ["l", "k"])
            let path = "/crypto/v1/keys/\(made.kid ?? "")"
            let change = #"{"custom_metadata":{"b":"x"}}"#
            #expect(try await kms.ask(.patch, path, change, as: app.authorization).status == 200)
            #expect(try await MetadataIndexTests.names(kms, app, both) == ["l"])
            #expect(try await MetadataIndexTests.names(kms, app, odd) == [])
            #expect(try await MetadataIndexTests.names(kms, app, "custom_metadata.b=x") == ["k"])
            #expect(try await kms.ask(.delete, path, as: app.authorization).status == 204)
            #expect(try await kms.vault.pool.read(MetadataIndexTests.entries) == ["l b=c", "l d="])
            // Nor does anybody see what belongs to others.
            let other = try await kms.app("other")
            #expect(try await MetadataIndexTests.names(kms, other, both) == [])
            #expect(try await MetadataIndexTests.names(kms, other, "pkcs11_label=l") == [])
        }
    }

    @Test("a database of the version before gets its metadata")
    func migration() throws {
        let queue = try DatabaseQueue()
        try Migrations.all.migrate(queue, upTo: "1: accounts, users, groups, apps, objects, audit")
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO account VALUES ('a', 'A', 0);
                    INSERT INTO "group" VALUES ('g', 'a', 'G', NULL, 0, '{}');
                    INSERT INTO sobject VALUES
                        ('1', 'a', 'g', 'n', 'AES', '{"custom_metadata":{"pkcs11-label":"x","y":"z"}}', NULL),
                        ('2', 'a', 'g', 'm', 'AES', '{"custom_metadata":{}}', NULL),
                        ('3', 'a', 'g', 'o', 'AES', '{}', NULL);
                    """)
        }
        try Migrations.all.migrate(queue)
        #expect(try queue.read(MetadataIndexTests.entries) == ["n pkcs11-label=x", "n y=z"])
    }

    @Test("of many objects only the few that match are read, in every order and from every page")
    func plan() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            var query = KeyQuery(account: "a", groups: [app.group])
            query.customMetadata = ["b": "c"]
            query.label = "l"
            for (sort, start) in [(KeyQuery.Sort.kid, nil), (.kid, "0"), (.name, nil), (.name, "0")] {
                query.sort = sort
                query.start = start
                let (sql, arguments) = try KeyStore.statement(query)
                let steps = try await kms.vault.pool.read { db in
                    try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + sql, arguments: arguments)
                        .map { row -> String in row["detail"] }
                }
                #expect(!steps.contains { $0.hasPrefix("SCAN sobject") }, "\(steps)")
                #expect(steps.contains { $0.hasPrefix("SEARCH sobject ") && $0.contains("(kid=?)") }, "\(steps)")
            }
        }
    }
}
