import FoundationEssentials
import KMSModel
import KMSServer
import Testing

@Suite("Changes over the REST API")
struct ChangeAPITests {
    private static func makeKey(_ kms: TestKMS, as authorization: String, _ more: String = "") async throws -> String {
        let body = #"{"name":"\#(newID())","obj_type":"EC","elliptic_curve":"NistP256"\#(more)}"#
        return try #require(
            try await kms.ask(.post, "/crypto/v1/keys", body, as: authorization).json(Sobject.self).kid)
    }

    /// Another app in the group of the first, with some permissions only.
    private static func member(_ kms: TestKMS, of groups: [String], _ permissions: [String]) async throws -> String {
        let admin = try await kms.administrator()
        let map = Dictionary(uniqueKeysWithValues: groups.map { ($0, permissions) })
        let grants = String(decoding: try JSONEncoder().encode(map), as: UTF8.self)
        let app = try await kms.ask(
            .post, "/sys/v1/apps", #"{"name":"\#(newID())","add_groups":\#(grants)}"#, as: admin
        ).json(App.self)
        let credential = try await kms.ask(.get, "/sys/v1/apps/\(app.appID)/credential", as: admin)
            .json(AppCredentialResponse.self).credential
        let secret = try #require(credential.secret)
        return "Basic " + Data("\(app.appID):\(secret)".utf8).base64EncodedString()
    }

    @Test("PATCH asks for the permission of each field that it changes")
    func patch() async throws {
        try await TestKMS.run { kms in
            let web = try await kms.app("web")
            let other = try await kms.app("other").group
            let fields = [
                "UPDATE_SOBJECTS_PROFILE": [
                    #"{"name":"\#(newID())"}"#, #"{"description":"d"}"#, #"{"custom_metadata":{"a":"b"}}"#, "{}",
                ],
                "UPDATE_KEY_OPS": [#"{"key_ops":["VERIFY","APPMANAGEABLE"]}"#],
                "UPDATE_SOBJECTS_ENABLED_STATE": [#"{"enabled":false}"#],
                "MOVE_SOBJECTS": [#"{"group_id":"\#(other)"}"#],
            ]
            for permission in fields.keys {
                let app = try await ChangeAPITests.member(
                    kms, of: [web.group, other], [permission, "CREATE_SOBJECTS"])
                for (needed, bodies) in fields {
                    for body in bodies {
                        let kid = try await ChangeAPITests.makeKey(kms, as: web.authorization)
                        let status = try await kms.ask(.patch, "/crypto/v1/keys/\(kid)", body, as: app).status
                        #expect(status == (needed == permission ? 200 : 403), "\(permission): \(body)")
                    }
                }
            }
            // Moving needs the right to create in the new group, too.
            let mover = try await ChangeAPITests.member(kms, of: [web.group, other], ["MOVE_SOBJECTS"])
            let kid = try await ChangeAPITests.makeKey(kms, as: web.authorization)
            let move = #"{"group_id":"\#(other)"}"#
            #expect(try await kms.ask(.patch, "/crypto/v1/keys/\(kid)", move, as: mover).status == 403)
        }
    }

    @Test("PATCH refuses what it cannot change")
    func fixed() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web").authorization
            let kid = try await ChangeAPITests.makeKey(kms, as: app, #","state":"PreActive""#)
            for (body, part) in [
                (#"{"state":"Active"}"#, "/activate"), (#"{"value":"AAAA"}"#, "value"),
                (#"{"obj_type":"RSA"}"#, "obj_type"),
                (#"{"elliptic_curve":"NistP384"}"#, "elliptic_curve"), (#"{"rsa":{"signature_policy":[]}}"#, "rsa"),
                (#"{"deactivation_date":"20200101T000000Z"}"#, "deactivation_date"),
                (#"{"key_ops":["SIGN","FLY"]}"#, "FLY"), (#"{"key_ops":["ENCRYPT"]}"#, "ENCRYPT"),
            ] {
                let answer = try await kms.ask(.patch, "/crypto/v1/keys/\(kid)", body, as: app)
                #expect(answer.status == 400 && answer.text.contains(part), "\(body): \(answer.text)")
            }
            let same = #"{"state":"PreActive","obj_type":"EC","elliptic_curve":"NistP256","description":null}"#
            #expect(try await kms.ask(.patch, "/crypto/v1/keys/\(kid)", same, as: app).status == 200)
        }
    }

    @Test("revocation: known codes, APPMANAGEABLE, a short message")
    func revoke() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web").authorization
            let fixed = try await ChangeAPITests.makeKey(kms, as: app, #","key_ops":["SIGN"],"state":"PreActive""#)
            let revoke = #"{"code":"KeyCompromise"}"#
            #expect(try await kms.ask(.post, "/crypto/v1/keys/\(fixed)/revoke", revoke, as: app).status == 403)
            #expect(try await kms.ask(.post, "/crypto/v1/keys/\(fixed)/activate", as: app).status == 403)
            let admin = try await kms.administrator()
            #expect(try await kms.ask(.post, "/crypto/v1/keys/\(fixed)/activate", as: admin).status == 204)

            let kid = try await ChangeAPITests.makeKey(kms, as: app)
            let long = String(repeating: "x", count: 5_000)
            for body in [#"{"code":"zzz"}"#, #"{"code":5}"#, "{}", #"{"code":"Superseded","message":"\#(long)"}"#] {
                #expect(try await kms.ask(.post, "/crypto/v1/keys/\(kid)/revoke", body, as: app).status == 400)
            }
            #expect(try await kms.ask(.post, "/crypto/v1/keys/\(kid)/revoke", revoke, as: app).status == 204)
            let state = try await kms.ask(.get, "/crypto/v1/keys/\(kid)", as: app).json(Sobject.self).state
            #expect(state == .compromised)
        }
    }

    @Test("what would protect and cannot be honoured is refused, not ignored")
    func refusedFields() async throws {
        try await TestKMS.run { kms in
            let web = try await kms.app("web")
            let admin = try await kms.administrator()
            func app(_ field: String) -> String { #"{"name":"\#(newID())","add_groups":["\#(web.group)"],\#(field)}"# }
            for field in [
                #""ip_address_policy":{"whitelist":["10.0.0.0/33"]}"#, #""ip_address_policy":"none""#,
                #""role":"root""#, #""credential":{"secret":"mine"}"#, #""oauth_config":{"a":1}"#,
                #""client_configurations":{"pkcs12":{}}"#,
            ] {
                #expect(try await kms.ask(.post, "/sys/v1/apps", app(field), as: admin).status == 400, "\(field)")
            }
            for field in [
                #""ip_address_policy":"allow_all""#, #""ip_address_policy":{"allow_all":{}}"#, #""role":"crypto""#,
                #""credential":null"#, #""ip_address_policy":{"whitelist":["10.0.0.1"]}"#, #""role":"admin""#,
            ] {
                #expect(try await kms.ask(.post, "/sys/v1/apps", app(field), as: admin).status == 201, "\(field)")
            }
            let typo = try await kms.ask(
                .post, "/sys/v1/apps", #"{"name":"x","add_groups":{"\#(web.group)":["SIGN","SING"]}}"#, as: admin)
            #expect(typo.status == 400 && typo.text.contains("SING"))
            let null = try await kms.ask(
                .post, "/sys/v1/apps", #"{"name":"x","add_groups":{"\#(web.group)":null}}"#, as: admin)
            #expect(null.status == 400 && null.text.contains("lists of permissions"))
            let reset = "/sys/v1/apps/\(web.id)/reset_secret"
            #expect(try await kms.ask(.post, reset, #"{"credential_migration_period":-1}"#, as: admin).status == 400)
            for field in [
                #""deactivation_date":"20200101T000000Z""#, #""state":"Active","activation_date":"20990101T000000Z""#,
                #""export_policy":{"a":1}"#, #""allow_sign_hash":false"#, #""key_ops":["SIGN","FLY"]"#,
            ] {
                let body = #"{"name":"new","obj_type":"EC","elliptic_curve":"NistP256",\#(field)}"#
                let answer = try await kms.ask(.post, "/crypto/v1/keys", body, as: web.authorization)
                #expect(answer.status == 400, "\(field)")
            }
        }
    }

    @Test("texts have limits, and names no deceptive characters")
    func texts() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web").authorization
            func status(_ more: String, name: String = newID()) async throws -> Int {
                let body = #"{"name":"\#(name)","value":"AAAA"\#(more)}"#
                return try await kms.ask(.put, "/crypto/v1/keys", body, as: app).status
            }
            func entries(_ count: Int, key: String = "k", value: Int = 1) -> String {
                let text = String(repeating: "v", count: value)
                let list = (0..<count).map { #""\#(key)\#($0)":"\#(text)""# }.joined(separator: ",")
                return #","custom_metadata":{\#(list)}"#
            }
            #expect(try await status(#","description":"\#(String(repeating: "d", count: 4096))""#) == 201)
            #expect(try await status(#","description":"\#(String(repeating: "d", count: 4097))""#) == 400)
            #expect(try await status(entries(64, value: 100)) == 201)
            #expect(try await status(entries(65)) == 400)
            #expect(try await status(entries(1, value: 4097)) == 400)
            #expect(try await status(entries(1, key: String(repeating: "k", count: 256))) == 400)
            for name in ["a\u{9B}31m", "a\u{85}b", "a\u{2028}b", "a\u{202E}b", "a\u{2066}b", #"a\u001b[2Jb"#] {
                #expect(try await status("", name: name) == 400)
            }
            for limit in ["99999999999999999999", "100000"] {
                #expect(try await kms.ask(.get, "/crypto/v1/keys?limit=\(limit)", as: app).status == 200)
            }
        }
    }
}
