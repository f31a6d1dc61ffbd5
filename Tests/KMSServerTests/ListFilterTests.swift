import FoundationEssentials
import KMSModel
import KMSServer
import Testing

@Suite("Filters of a listing")
struct ListFilterTests {
    private static func names(_ kms: TestKMS, _ app: TestKMS.TestApp, _ query: String) async throws -> [String] {
        let answer = try await kms.ask(.get, "/crypto/v1/keys?sort=name&" + query, as: app.authorization)
        #expect(answer.status == 200, "\(query): \(answer.text)")
        return try answer.json([Sobject].self).compactMap(\.name)
    }

    private static func encoded(_ filter: String) -> String { "filter=" + PercentCoding.encode(Array(filter.utf8)) }

    private static func fill(_ kms: TestKMS, _ app: TestKMS.TestApp) async throws {
        for body in [
            #"{"name":"aes128","obj_type":"AES","key_size":128,"custom_metadata":{"use":"web","pkcs11-label":"L"}}"#,
            #"{"name":"aes256","obj_type":"AES","key_size":256,"enabled":false}"#,
            #"{"name":"ec","obj_type":"EC","elliptic_curve":"NistP256","state":"PreActive","key_ops":["SIGN"],"#
                + #""description":"for signing"}"#,
            #"{"name":"L","obj_type":"HMAC","key_size":256,"custom_metadata":{"use":"mail","pkcs11-id":"%01a"}}"#,
        ] { _ = try await kms.key(body, app) }
    }

    @Test("every operator and field")
    func filters() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            try await ListFilterTests.fill(kms, app)
            let all = ["L", "aes128", "aes256", "ec"]
            for (filter, expected) in [
                (#"{"obj_type":{"$eq":"AES"}}"#, ["aes128", "aes256"]),
                (#"{"obj_type":"aes"}"#, ["aes128", "aes256"]),
                (#"{"$and":[{"obj_type":{"$eq":"AES"}},{"key_size":{"$gte":256}}]}"#, ["aes256"]),
                (#"{"obj_type":"AES","key_size":{"$lt":256}}"#, ["aes128"]),
                (#"{"key_size":{"$gt":128,"$lte":256}}"#, ["L", "aes256", "ec"]),
                (#"{"$or":[{"name":"ec"},{"name":{"$in":["L","x"]}}]}"#, ["L", "ec"]),
                (#"{"name":{"$nin":["L","ec"]}}"#, ["aes128", "aes256"]),
                (#"{"$not":{"obj_type":{"$eq":"AES"}}}"#, ["L", "ec"]),
                (#"{"obj_type":{"$ne":"AES"}}"#, ["L", "ec"]),
                (#"{"enabled":false}"#, ["aes256"]), (#"{"enabled":{"$eq":true}}"#, ["L", "aes128", "ec"]),
                (#"{"state":"preactive"}"#, ["ec"]), (#"{"key_ops":"SIGN"}"#, ["ec"]),
                (#"{"key_ops":{"$all":["MACGENERATE","MACVERIFY","ENCRYPT"]}}"#, ["aes128", "aes256"]),
                (#"{"key_ops":{"$any":["SIGN","ENCRYPT"]}}"#, ["aes128", "aes256", "ec"]),
                (#"{"key_ops":{"$nin":["SIGN","ENCRYPT"]}}"#, ["L"]),
                (#"{"group_id":"\#(app.group.uppercased())"}"#, all), (#"{"group_id":"\#(newID())"}"#, []),
                (#"{"created_at":{"$gte":1700000000}}"#, all), (#"{"created_at":{"$lt":1700000000}}"#, []),
                (#"{"created_at":{"$gt":"20200101T000000Z"}}"#, all),
                (#"{"group_name":"web"}"#, all), (#"{"group_name":{"$ne":"web"}}"#, []),
                (#"{"creator_id":"\#(app.id.uppercased())","creator_type":"App"}"#, all),
                (#"{"$or":[{"creator_id":"\#(newID())"},{"creator_type":"user"}]}"#, []),
                (#"{"description":{"$exists":true}}"#, ["ec"]), (#"{"description":"for signing"}"#, ["ec"]),
                (#"{"wrapping_key":{"$exists":true}}"#, []), (#"{"expires":{"$lt":4000000000}}"#, []),
                (#"{"custom_attributes.use":"web"}"#, ["aes128"]),
                (#"{"custom_attributes.use":{"$exists":false}}"#, ["aes256", "ec"]),
                (#"{"$not":{"custom_attributes.use":"web"}}"#, ["L", "aes256", "ec"]),
                (#"{"$not":{"custom_attributes.use":{"$in":["web"]}}}"#, ["L", "aes256", "ec"]),
                (#"{"custom_attributes.use":{"$gt":"m"}}"#, ["L", "aes128"]),
                // Nothing of these is SQL.
                (#"{"name":"' OR 1=1 --"}"#, []), (#"{"custom_attributes.x') OR 1=1 --":"1"}"#, []),
                (#"{"custom_attributes.\"$.name\"":"ec"}"#, []),
            ] {
                let found = try await ListFilterTests.names(kms, app, ListFilterTests.encoded(filter))
                #expect(found == expected, "\(filter)")
            }
            let object = try await kms.post("keys/info", #"{"name":"ec"}"#, app).json(Sobject.self)
            let byKid = ListFilterTests.encoded(#"{"kid":"\#(object.kid?.uppercased() ?? "")"}"#)
            #expect(try await ListFilterTests.names(kms, app, byKid) == ["ec"])
            let page = try await kms.ask(
                .get, "/crypto/v1/keys?with_metadata=true&limit=1&\(ListFilterTests.encoded(#"{"obj_type":"AES"}"#))",
                as: app.authorization
            ).json(SobjectPage.self)
            #expect(page.items.count == 1 && page.metadata.filteredCount == 2 && page.metadata.totalCount == 4)
        }
    }

    @Test("what is not understood, or too much, is 400")
    func refusals() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let deep = String(repeating: #"{"$not":"#, count: 9) + #"{"name":"x"}"# + String(repeating: "}", count: 9)
            let many = #"{"$or":["# + [String](repeating: #"{"name":"x"}"#, count: 65).joined(separator: ",") + "]}"
            let values = #"{"name":{"$in":["# + [String](repeating: #""x""#, count: 65).joined(separator: ",") + "]}}"
            for filter in [
                "{}", "[]", "1", "{", #"{"name":{}}"#, #"{"name":1}"#, #"{"name":null}"#, #"{"name":{"$like":"x"}}"#,
                #"{"$and":[]}"#, #"{"$and":{}}"#, #"{"$nor":[{"name":"x"}]}"#, #"{"size":1}"#, #"{"key_size":"256"}"#,
                #"{"key_size":1.5}"#, #"{"obj_type":"XYZ"}"#, #"{"enabled":"yes"}"#, #"{"enabled":{"$gt":true}}"#,
                #"{"created_at":"2026-01-01"}"#, #"{"created_at":{"$gt":-1}}"#, #"{"name":{"$in":[]}}"#,
                #"{"name":{"$all":["x"]}}"#, #"{"key_ops":{"$gt":"SIGN"}}"#, #"{"custom_attributes":"x"}"#,
                #"{"$not":[{"name":"x"}]}"#, deep, many, values, #"{"name":"\#(String(repeating: "x", count: 8192))"}"#,
            ] {
                let query = "/crypto/v1/keys?" + ListFilterTests.encoded(filter)
                let answer = try await kms.ask(.get, query, as: app.authorization)
                #expect(answer.status == 400 && answer.text.contains("filter"), "\(filter.prefix(80)): \(answer.text)")
            }
        }
    }

    @Test("PKCS#11 label and id, creator")
    func pkcs11() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            try await ListFilterTests.fill(kms, app)
            // A label in the metadata counts before the name.
            #expect(try await ListFilterTests.names(kms, app, "pkcs11_label=L") == ["L", "aes128"])
            #expect(try await ListFilterTests.names(kms, app, "pkcs11_label=aes128") == [])
            #expect(try await ListFilterTests.names(kms, app, "pkcs11_label=aes256") == ["aes256"])
            #expect(try await ListFilterTests.names(kms, app, "pkcs11_id=AWE%3D") == ["L"])
            #expect(try await ListFilterTests.names(kms, app, "pkcs11_id=AQ%3D%3D") == [])
            #expect(try await ListFilterTests.names(kms, app, "creator=\(app.id.uppercased())").count == 4)
            #expect(try await ListFilterTests.names(kms, app, "creator=\(newID())") == [])
            let bad = try await kms.ask(.get, "/crypto/v1/keys?pkcs11_id=%3F%3F", as: app.authorization)
            #expect(bad.status == 400)
        }
    }
}
