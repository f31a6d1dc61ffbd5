import FoundationEssentials
import KMSModel
import KMSServer
import OpenSSLCrypto
import Testing

@Suite("REST API")
struct APITests {
    static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    @Test("version and health need no login; everything else does")
    func openRoutes() async throws {
        try await TestKMS.run { kms in
            let version = try await kms.ask(.get, "/sys/v1/version")
            #expect(version.status == 200)
            #expect(try version.json(VersionResponse.self).apiVersion == "v1")
            #expect(try await kms.ask(.get, "/sys/v1/health").status == 204)
            for path in ["/sys/v1/groups", "/sys/v1/apps", "/crypto/v1/keys", "/sys/v1/logs", "/sys/v1/accounts"] {
                #expect(try await kms.ask(.get, path).status == 401)
                #expect(try await kms.ask(.get, path, as: "Bearer nothing").text == "Session does not exist")
                #expect(try await kms.ask(.get, path, as: "Basic ????").status == 401)
            }
            let unknown = try await kms.ask(.get, "/crypto/v1/nothing")
            #expect(unknown.status == 404)
            #expect(unknown.text.contains("/crypto/v1/nothing"))
            #expect(try await kms.ask(.delete, "/crypto/v1/sign").status == 405)
            #expect(try await kms.ask(.head, "/sys/v1/version").status == 200)
        }
    }

    @Test("a user selects an account before anything else; a wrong password is 401")
    func users() async throws {
        try await TestKMS.run { kms in
            for wrong in ["admin@localhost:wrong", "nobody@localhost:wrong", "nobody", ":"] {
                let basic = "Basic " + Data(wrong.utf8).base64EncodedString()
                #expect(try await kms.ask(.post, "/sys/v1/session/auth", as: basic).status == 401)
            }
            let basic = "Basic " + Data("ADMIN@localhost:\(TestKMS.password)".utf8).base64EncodedString()
            let login = try await kms.ask(.post, "/sys/v1/session/auth", as: basic).json(AuthResponse.self)
            #expect(login.expiresIn == 86_400)
            let bearer = "Bearer \(login.accessToken)"
            let early = try await kms.ask(.get, "/sys/v1/groups", as: bearer)
            #expect(early.status == 401)
            #expect(early.text.contains("operation requires an account to be selected"))
            let other = #"{"acct_id":"00000000-0000-0000-0000-000000000000"}"#
            #expect(try await kms.ask(.post, "/sys/v1/session/select_account", other, as: bearer).status == 404)
            #expect(try await kms.ask(.post, "/sys/v1/session/terminate", as: bearer).status == 204)
            #expect(try await kms.ask(.post, "/sys/v1/session/refresh", as: bearer).status == 401)
        }
    }

    @Test("an app logs in with its key, and with no other once it is replaced")
    func apps() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let login = try await kms.ask(.post, "/sys/v1/session/auth", as: app.authorization).json(AuthResponse.self)
            #expect(login.expiresIn == 600)
            #expect(login.entityID == app.id)
            let bearer = "Bearer \(login.accessToken)"
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: bearer).text == "[]")
            let renewed = try await kms.ask(.post, "/sys/v1/session/reauth", as: bearer).json(AuthResponse.self)
            #expect(try await kms.ask(.post, "/sys/v1/session/refresh", as: bearer).status == 401)
            for path in ["/sys/v1/users", "/sys/v1/apps/\(app.id)/credential"] {
                #expect(try await kms.ask(.get, path, as: app.authorization).status == 403)
            }
            #expect(try await kms.ask(.post, "/sys/v1/groups", #"{"name":"x"}"#, as: app.authorization).status == 403)

            let admin = try await kms.administrator()
            #expect(try await kms.ask(.post, "/sys/v1/apps/\(app.id)/reset_secret", as: admin).status == 200)
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: app.authorization).status == 401)
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: "Bearer \(renewed.accessToken)").status == 401)
            #expect(try await kms.ask(.delete, "/sys/v1/groups/\(app.group)", as: admin).status == 409)
            #expect(try await kms.ask(.delete, "/sys/v1/apps/\(app.id)", as: admin).status == 204)
            #expect(try await kms.ask(.delete, "/sys/v1/groups/\(app.group)", as: admin).status == 204)
        }
    }

    @Test("names are unique, objects visible to their groups, exports need leave")
    func objects() async throws {
        try await TestKMS.run { kms in
            let web = try await kms.app("web")
            let mail = try await kms.app("mail")
            let body = #"{"name":"key","obj_type":"EC","elliptic_curve":"nistp256","transient":false}"#
            let made = try await kms.ask(.post, "/crypto/v1/keys", body, as: web.authorization)
            #expect(made.status == 201)
            let key = try made.json(Sobject.self)
            let kid = try #require(key.kid)
            #expect(key.groupID == web.group)
            #expect(key.keySize == 256)
            #expect(!key.keyOps.contains(.export))
            let again = try await kms.ask(.post, "/crypto/v1/keys", body, as: mail.authorization)
            #expect(again.status == 409)
            #expect(again.text == "sobject already exists")

            let path = "/crypto/v1/keys/\(kid)"
            #expect(try await kms.ask(.get, path.uppercased().lowercased(), as: web.authorization).status == 200)
            let foreign = try await kms.ask(.get, path, as: mail.authorization)
            #expect(foreign.status == 404)
            #expect(foreign.text == "sobject does not exist")
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: mail.authorization).text == "[]")
            let export = try await kms.ask(.get, path + "/export", as: web.authorization)
            #expect(export.status == 403)
            #expect(export.text.contains("Requested operation is not allowed"))

            let nulls =
                #"{"name":null,"description":"changed","key_ops":["SIGN","APPMANAGEABLE"],"custom_metadata":null}"#
            let changed = try await kms.ask(.patch, path, nulls, as: web.authorization).json(Sobject.self)
            #expect(changed.name == "key")
            #expect(changed.description == "changed")
            let hash = APITests.base64([UInt8](repeating: 1, count: 32))
            let verify = #"{"hash_alg":"SHA256","hash":"\#(hash)","signature":"AAAA"}"#
            #expect(try await kms.ask(.post, path + "/verify", verify, as: web.authorization).status == 403)
            #expect(try await kms.ask(.patch, path, #"{"key_ops":["EXPORT"]}"#, as: web.authorization).status == 400)
            #expect(try await kms.ask(.delete, path, as: web.authorization).status == 204)
            #expect(try await kms.ask(.delete, path, as: web.authorization).status == 404)
        }
    }

    @Test("list: exact name, type, pages, order, metadata")
    func lists() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for number in 0..<5 {
                let value = APITests.base64(Array("secret \(number)".utf8))
                let body = #"{"name":"a key \#(number)","value":"\#(value)","custom_metadata":{"n":"\#(number)"}}"#
                #expect(try await kms.ask(.put, "/crypto/v1/keys", body, as: app.authorization).status == 201)
            }
            func names(_ query: String) async throws -> [String] {
                try await kms.ask(.get, "/crypto/v1/keys?" + query, as: app.authorization).json([Sobject].self)
                    .compactMap(\.name)
            }
            #expect(try await names("name=a+key+3") == ["a key 3"])
            #expect(try await names("name=a%20key%203") == ["a key 3"])
            #expect(try await names("name=a+key") == [])
            #expect(try await names("sort=name:desc&limit=2") == ["a key 4", "a key 3"])
            #expect(try await names("sort=name&limit=2&start=a%20key%201") == ["a key 2", "a key 3"])
            #expect(try await names("sort=name&limit=2&offset=4") == ["a key 4"])
            #expect(try await names("obj_type=rsa") == [])
            #expect(try await names("custom_metadata.n=2") == ["a key 2"])
            let page = try await kms.ask(
                .get, "/crypto/v1/keys?with_metadata=true&limit=1&name=a+key+1", as: app.authorization
            ).json(SobjectPage.self)
            #expect(page.metadata.totalCount == 5)
            #expect(page.metadata.filteredCount == 1)
            for bad in ["limit=x", "limit=-1", "sort=size", "obj_type=XYZ", "name=%ZZ", "filter=%7B%7D"] {
                #expect(try await kms.ask(.get, "/crypto/v1/keys?" + bad, as: app.authorization).status == 400)
            }
        }
    }

    @Test("the audit log tells who signed with what, newest first")
    func audit() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.ask(
                .post, "/crypto/v1/keys", #"{"name":"key","obj_type":"EC","elliptic_curve":"NistP256"}"#,
                as: app.authorization
            ).json(Sobject.self)
            let kid = try #require(made.kid)
            let body = #"{"key":{"name":"key"},"hash_alg":"SHA256","data":"aGVsbG8="}"#
            for _ in 0..<3 {
                #expect(try await kms.ask(.post, "/crypto/v1/sign", body, as: app.authorization).status == 200)
            }
            let admin = try await kms.administrator()
            let all = try await kms.ask(.get, "/sys/v1/logs?object_id=\(kid)&size=2", as: admin).json(
                AuditResponse.self)
            #expect(all.hits.count == 2)
            let newest = try #require(all.hits.first)
            #expect(newest.source.message == #"App "web" signed with "key" (ECDSA SHA256)"#)
            #expect(newest.source.actorID == app.id)
            #expect(newest.source.groupIDs == [app.group])
            let last = try #require(all.hits.last)
            let rest = try await kms.ask(.get, "/sys/v1/logs?object_id=\(kid)&previous_id=\(last.id)", as: admin)
                .json(AuditResponse.self)
            #expect(rest.hits.count == 2)
            #expect(rest.hits.last?.source.message.contains("generated") == true)
            let text = try await kms.ask(.get, "/sys/v1/logs", as: admin).text
            #expect(text.contains("\"client_ip\":null"))
            #expect(text.contains("\"response_time\":"))
        }
    }
}
