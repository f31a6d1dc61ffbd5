import FoundationEssentials
import KMSModel
import KMSServer
import Testing

@Suite("Apps")
struct AppAPITests {
    private static func secret(_ kms: TestKMS, _ id: String, as admin: String) async throws -> AppCredentialResponse {
        try await kms.ask(.get, "/sys/v1/apps/\(id)/credential", as: admin).json(AppCredentialResponse.self)
    }

    @Test("PATCH changes groups, permissions, state and place at once")
    func patch() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web", permissions: ["SIGN"])
            let more = try await kms.ask(.post, "/sys/v1/groups", #"{"name":"more"}"#, as: admin).json(Group.self)
                .groupID
            let path = "/sys/v1/apps/\(app.id)?group_permissions=true"
            let make = #"{"name":"k","obj_type":"AES","key_size":256}"#
            #expect(try await kms.ask(.post, "/crypto/v1/keys", make, as: app.authorization).status == 403)
            let grants = #"{"add_groups":{"\#(more)":["SIGN"]},"mod_groups":{"\#(app.group)":["CREATE_SOBJECTS"]}}"#
            let patched = try await kms.ask(.patch, path, grants, as: admin)
            #expect(patched.status == 200, "\(patched.text)")
            guard case .permissions(let map) = try patched.json(App.self).groups else {
                Issue.record("not a map")
                return
            }
            #expect(map == [more: ["SIGN"], app.group: ["CREATE_SOBJECTS"]])
            #expect(try await kms.ask(.post, "/crypto/v1/keys", make, as: app.authorization).status == 201)
            let legacy = #"{"del_groups":["\#(app.group)"],"mod_groups":["\#(more)"],"default_group":"\#(more)"}"#
            let second = try await kms.ask(.patch, path, legacy, as: admin).json(App.self)
            #expect(second.groups.ids == [more] && second.defaultGroup == more)
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: app.authorization).text == "[]")
            for bad in [
                #"{"default_group":"\#(app.group)"}"#, #"{"add_groups":["\#(newID())"]}"#, #"{"role":"king"}"#,
                #"{"name":" "}"#, #"{"mod_groups":{"\#(more)":["FLY"]}}"#,
            ] {
                #expect(try await kms.ask(.patch, path, bad, as: admin).status == 400, "\(bad)")
            }
            let login = try await kms.ask(.post, "/sys/v1/session/auth", as: app.authorization).json(AuthResponse.self)
            let bearer = "Bearer \(login.accessToken)"
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: bearer).status == 200)
            #expect(try await kms.ask(.patch, path, #"{"enabled":false}"#, as: admin).status == 200)
            for credential in [bearer, app.authorization] {
                #expect(try await kms.ask(.get, "/crypto/v1/keys", as: credential).status == 401)
            }
            let here = #"{"enabled":true,"ip_address_policy":{"whitelist":["10.0.0.0/8"]}}"#
            #expect(try await kms.ask(.patch, path, here, as: admin).status == 200)
            // Without a network there is no address, which is none of the list.
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: app.authorization).status == 403)
            #expect(
                try await kms.ask(.patch, path, #"{"ip_address_policy":"allow_all"}"#, as: admin).status == 200)
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: app.authorization).status == 200)
        }
    }

    @Test("secrets are chosen or made; the old one works for the migration period and no longer")
    func secrets() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web")
            let chosen = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
            let path = "/sys/v1/apps/\(app.id)"
            for weak in ["short", String(repeating: "a", count: 64), chosen + ":", chosen + " "] {
                #expect(
                    try await kms.ask(.patch, path, #"{"credential":{"secret":"\#(weak)"}}"#, as: admin).status == 400)
            }
            #expect(
                try await kms.ask(.patch, path, #"{"credential":{"secret":"\#(chosen)"}}"#, as: admin).status == 200)
            #expect(try await AppAPITests.secret(kms, app.id, as: admin).credential.secret == chosen)
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: app.authorization).status == 401)
            let old = TestKMS.basic(app.id, chosen)
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: old).status == 200)
            let bearer =
                "Bearer "
                + (try await kms.ask(.post, "/sys/v1/session/auth", as: old).json(AuthResponse.self).accessToken)
            let reset = try await kms.ask(
                .post, path + "/reset_secret", #"{"credential_migration_period":600}"#, as: admin)
            #expect(reset.status == 200)
            let credential = try await AppAPITests.secret(kms, app.id, as: admin)
            #expect(credential.previousCredential != nil)
            let new = TestKMS.basic(app.id, try #require(credential.credential.secret))
            for authorization in [old, new, bearer] {
                #expect(try await kms.ask(.get, "/crypto/v1/keys", as: authorization).status == 200)
            }
            #expect(try await kms.ask(.post, path + "/reset_secret", as: admin).status == 200)
            for authorization in [old, new, bearer] {
                #expect(try await kms.ask(.get, "/crypto/v1/keys", as: authorization).status == 401)
            }
        }
    }

    @Test("client configurations: the account's, over them the groups', over these the app's")
    func clientConfigurations() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web")
            let account = try await kms.account()
            func set(_ path: String, _ sections: String) async throws -> Int {
                try await kms.ask(.patch, path, #"{"client_configurations":\#(sections)}"#, as: admin).status
            }
            let common = #"{"common":{"cache_ttl":1,"retry_timeout_millis":10},"pkcs11":{"exact_key_ops":true}}"#
            #expect(try await set("/sys/v1/accounts/\(account)", common) == 200)
            #expect(try await set("/sys/v1/groups/\(app.group)", #"{"common":{"cache_ttl":2},"kmip":null}"#) == 200)
            #expect(try await set("/sys/v1/apps/\(app.id)", #"{"common":{"log":{"level":"warn"}}}"#) == 200)
            #expect(try await set("/sys/v1/apps/\(app.id)", #"{"commons":{}}"#) == 400)
            let answer = try await kms.ask(.get, "/sys/v1/apps/client_configs", as: app.authorization)
            struct Configurations: Decodable {
                struct Log: Decodable { var level: String }
                struct Common: Decodable { var cache_ttl: Int, retry_timeout_millis: Int, log: Log }
                struct PKCS11: Decodable { var exact_key_ops: Bool }
                var common: Common
                var pkcs11: PKCS11
            }
            let merged = try answer.json(Configurations.self)
            #expect(merged.common.cache_ttl == 2 && merged.common.retry_timeout_millis == 10)
            #expect(merged.common.log.level == "warn" && merged.pkcs11.exact_key_ops)
            #expect(try await kms.ask(.get, "/sys/v1/apps/client_configs", as: admin).status == 403)
        }
    }

    @Test("groups' administrators manage the apps that are in no other group")
    func groupAdministrators() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let own = try await kms.app("own")
            let foreign = try await kms.app("foreign")
            let member = try await kms.person("m@x", .member, groups: #"{"\#(own.group)":["GROUPADMINISTRATOR"]}"#)
                .authorization
            let path = "/sys/v1/apps/\(own.id)"
            #expect(try await kms.ask(.get, path + "/credential", as: member).status == 200)
            #expect(try await kms.ask(.get, "/sys/v1/apps/\(foreign.id)", as: member).status == 404)
            #expect(try await kms.ask(.get, "/sys/v1/apps", as: member).json([App].self).map(\.appID) == [own.id])
            for (body, status) in [
                (#"{"add_groups":["\#(foreign.group)"]}"#, 403), (#"{"role":"admin"}"#, 403),
                (#"{"description":"mine"}"#, 200),
            ] {
                #expect(try await kms.ask(.patch, path, body, as: member).status == status, "\(body)")
            }
            for (groups, status) in [("[]", 403), (#"["\#(foreign.group)"]"#, 403), (#"["\#(own.group)"]"#, 201)] {
                let body = #"{"name":"\#(newID())","add_groups":\#(groups)}"#
                #expect(try await kms.ask(.post, "/sys/v1/apps", body, as: member).status == status, "\(groups)")
            }
            let both = #"{"add_groups":["\#(foreign.group)"]}"#
            #expect(try await kms.ask(.patch, path, both, as: admin).status == 200)
            #expect(try await kms.ask(.get, path + "/credential", as: member).status == 403)
            #expect(try await kms.ask(.delete, path, as: member).status == 403)
        }
    }

    @Test(
        "ranges of addresses, IPv4 inside of IPv6 included",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false), ("0.0.0.0/0", "192.0.2.1", true), ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true), ("::/0", "10.0.0.1", false), ("::1", "::1", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("fe80::/10", "fe80::1%eth0", true), ("2001:db8::/33", "2001:db8:8000::", false),
            ("2001:db8::/33", "2001:db8:7fff::", true), ("2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::5", true),
            ("2001:db8:0:0:8000::/65", "2001:db8::5", false), ("127.0.0.1", "nonsense", false),
        ])
    func ranges(range: String, address: String, isInside: Bool) throws {
        let parsed = try #require(AddressRange(range))
        #expect(AddressRange.contains([parsed], address) == isInside)
    }

    @Test(
        "what is no range",
        arguments: ["", "10", "10.0.0.0/33", "10.0.0.1/8", "::/129", "::1/0", "a.example", "10.0.0.0/", "10.0.0.0/-1"])
    func noRanges(text: String) { #expect(AddressRange(text) == nil) }
}
