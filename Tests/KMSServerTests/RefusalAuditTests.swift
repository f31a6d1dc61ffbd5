import FoundationEssentials
import HTTPTypes
import KMSModel
import KMSServer
import Testing

@Suite("Audit of refusals")
struct RefusalAuditTests {
    private static func warnings(_ kms: TestKMS) async throws -> [AuditRecord] {
        let admin = try await kms.administrator()
        return try await kms.ask(.get, "/sys/v1/logs?severity=WARNING", as: admin).json(AuditResponse.self)
            .hits.map(\.source)
    }

    @Test("every refusal of a known caller is recorded once, with its object")
    func refusals() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web", permissions: ["CREATE_SOBJECTS", "SIGN"])
            let kid = try #require(
                try await kms.ask(
                    .post, "/crypto/v1/keys",
                    #"{"name":"a \"b\\","obj_type":"EC","elliptic_curve":"NistP256","key_ops":["VERIFY"]}"#,
                    as: app.authorization
                ).json(Sobject.self).kid)
            let path = "/crypto/v1/keys/\(kid)"
            var count = 0
            for (method, path, body) in [
                (.get, path + "/export", nil), (.delete, path, nil), (.patch, path, #"{"enabled":false}"#),
                (.post, path + "/revoke", #"{"code":"Superseded"}"#), (.post, path + "/activate", nil),
                (.post, path + "/sign", #"{"hash_alg":"SHA256","data":"AAAA"}"#),
            ] as [(HTTPRequest.Method, String, String?)] {
                #expect(try await kms.ask(method, path, body, as: app.authorization).status == 403)
                count += 1
                let records = try await RefusalAuditTests.warnings(kms)
                #expect(records.count == count)
                let record = try #require(records.first)
                #expect(record.objectID == kid && record.actorID == app.id && record.groupIDs == [app.group])
                #expect(record.message.hasPrefix(#"App "web" was refused \#(method) "#))
                #expect(record.message.contains(#" on "a \"b\\": "#))
            }
            for (method, path) in [(.post, "/sys/v1/groups"), (.get, "/sys/v1/apps/\(app.id)/credential")]
                as [(HTTPRequest.Method, String)]
            {
                #expect(try await kms.ask(method, path, #"{"name":"x"}"#, as: app.authorization).status == 403)
                count += 1
                #expect(try await RefusalAuditTests.warnings(kms).count == count)
            }
        }
    }

    @Test("a wrong API key is recorded on any request, and slowed down")
    func wrongKeys() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let wrong = "Basic " + Data("\(app.id):wrong".utf8).base64EncodedString()
            for number in 1...5 {
                #expect(try await kms.ask(.get, "/crypto/v1/keys", as: wrong).status == 401)
                // The first wait is a second: after the last one there is no time to look at the log.
                guard number < 5 else { break }
                let records = try await RefusalAuditTests.warnings(kms)
                #expect(records.count == number && records.first?.actorID == app.id)
            }
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: wrong).status == 429)
            #expect(try await kms.ask(.post, "/sys/v1/session/auth", as: wrong).status == 429)
            #expect(try await RefusalAuditTests.warnings(kms).count == 5)
        }
    }
}
