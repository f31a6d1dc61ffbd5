import FoundationEssentials
import KMSModel
import KMSServer
import Testing

@Suite("Users and accounts")
struct UserAPITests {
    @Test("an administrator makes, changes and removes users; a member sees itself, an auditor all")
    func users() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web")
            let member = try await kms.person(
                "Member@Example.org", .member, groups: #"{"\#(app.group)":["GROUPADMINISTRATOR"]}"#)
            let auditor = try await kms.person("auditor@example.org", .auditor)
            let all = try await kms.ask(.get, "/sys/v1/users", as: admin).json([User].self)
            #expect(all.map(\.userEmail) == ["admin@localhost", "auditor@example.org", "member@example.org"])
            let own = try #require(all.last)
            #expect(own.accountRole == ["ACCOUNTMEMBER", "STATEENABLED"])
            #expect(own.groups == [app.group: ["GROUPADMINISTRATOR"]])
            for (who, count) in [(member, 1), (auditor, 3)] {
                #expect(
                    try await kms.ask(.get, "/sys/v1/users", as: who.authorization).json([User].self).count == count)
            }
            let path = "/sys/v1/users/\(member.id)"
            for (body, status) in [
                (#"{"account_role":["KING"]}"#, 400), (#"{"add_groups":{"\#(newID())":["GROUPAUDITOR"]}}"#, 400),
                (#"{"add_groups":{"\#(app.group)":["GROUPKING"]}}"#, 400), (#"{"user_password":"short"}"#, 400),
                (#"{"mod_groups":{"\#(app.group)":["GROUPAUDITOR"]},"first_name":"M"}"#, 200),
                (#"{"del_groups":["\#(app.group)"]}"#, 200),
            ] {
                let answer = try await kms.ask(.patch, path, body, as: admin)
                #expect(answer.status == status, "\(body): \(answer.text)")
            }
            let changed = try await kms.ask(.get, path, as: member.authorization).json(User.self)
            #expect(changed.groups.isEmpty && changed.firstName == "M")
            // Oneself one may rename and no more.
            #expect(
                try await kms.ask(.patch, path, #"{"last_name":"Ember"}"#, as: member.authorization).status == 200)
            let promotion = #"{"account_role":["ACCOUNTADMINISTRATOR"]}"#
            #expect(try await kms.ask(.patch, path, promotion, as: member.authorization).status == 403)
            #expect(try await kms.ask(.delete, path, as: auditor.authorization).status == 403)
            #expect(try await kms.ask(.delete, path, as: admin).status == 204)
            #expect(try await kms.ask(.get, path, as: admin).status == 404)
            #expect(try await kms.ask(.get, path, as: member.authorization).status == 401)
            let again = TestKMS.basic(member.email, TestKMS.password)
            #expect(try await kms.ask(.post, "/sys/v1/session/auth", as: again).status == 401)
        }
    }

    @Test("users come in pages and in order")
    func list() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web")
            for name in ["a", "b", "c"] {
                _ = try await kms.person("\(name)@x", .member, groups: #"{"\#(app.group)":["GROUPAUDITOR"]}"#)
            }
            func emails(_ query: String) async throws -> [String] {
                try await kms.ask(.get, "/sys/v1/users?" + query, as: admin).json([User].self).map(\.userEmail)
            }
            #expect(try await emails("limit=2") == ["a@x", "admin@localhost"])
            #expect(try await emails("sort=user_email:desc&limit=1&offset=1") == ["b@x"])
            #expect(try await emails("group_id=\(app.group)") == ["a@x", "b@x", "c@x"])
            for bad in ["sort=size", "sort=user_email:up", "limit=x"] {
                #expect(try await kms.ask(.get, "/sys/v1/users?" + bad, as: admin).status == 400)
            }
            #expect(try await kms.ask(.get, "/sys/v1/users?acct_id=\(newID())", as: admin).status == 404)
            struct Page: Decodable {
                struct Metadata: Decodable { var total_count: Int, continuation_token: String? }
                var items: [User]
                var metadata: Metadata
            }
            var token: String? = ""
            var seen: [String] = []
            while let next = token {
                let page = try await kms.ask(
                    .get, "/sys/v1/users?limit=2&continuation_token=\(next)", as: admin
                ).json(Page.self)
                #expect(page.metadata.total_count == 4 && page.items.count == 2)
                seen += page.items.map(\.userEmail)
                token = page.metadata.continuation_token
            }
            #expect(seen == ["a@x", "admin@localhost", "b@x", "c@x"])
        }
    }

    @Test("what a user loses is lost in running sessions, too")
    func sessions() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let other = try await kms.person("other@x", .administrator)
            let path = "/sys/v1/users/\(other.id)"
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: other.authorization).status == 200)
            func create() async throws -> Int {
                try await kms.ask(.post, "/sys/v1/groups", #"{"name":"\#(newID())"}"#, as: other.authorization).status
            }
            #expect(try await create() == 201)
            #expect(try await kms.ask(.patch, path, #"{"account_role":["ACCOUNTAUDITOR"]}"#, as: admin).status == 200)
            #expect(try await create() == 403)
            #expect(try await kms.ask(.patch, path, #"{"enable":false}"#, as: admin).status == 200)
            #expect(try await create() == 401)
            let basic = TestKMS.basic(other.email, TestKMS.password)
            #expect(try await kms.ask(.post, "/sys/v1/session/auth", as: basic).status == 401)
            #expect(try await kms.ask(.patch, path, #"{"enable":true}"#, as: admin).status == 200)

            let (first, second) = (try await kms.login(other.email), try await kms.login(other.email))
            let change = #"{"current_password":"\#(TestKMS.password)","new_password":"another long one"}"#
            let wrong = #"{"current_password":"wrong","new_password":"another long one"}"#
            let url = "/sys/v1/users/change_password"
            #expect(try await kms.ask(.post, url, wrong, as: first).status == 401)
            #expect(try await kms.ask(.post, url, change, as: first).status == 204)
            #expect(try await kms.ask(.get, "/sys/v1/groups", as: first).status == 200)
            #expect(try await kms.ask(.get, "/sys/v1/groups", as: second).status == 401)
            #expect(try await kms.ask(.post, "/sys/v1/session/auth", as: basic).status == 401)
            let third = try await kms.login(other.email, password: "another long one")
            #expect(
                try await kms.ask(.patch, path, #"{"user_password":"reset by admin"}"#, as: admin).status == 200)
            #expect(try await kms.ask(.get, "/sys/v1/groups", as: third).status == 401)
        }
    }

    @Test("an account keeps an administrator")
    func lastAdministrator() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let id = try #require(try await kms.ask(.get, "/sys/v1/users", as: admin).json([User].self).first).userID
            let path = "/sys/v1/users/\(id)"
            for body in [#"{"account_role":["ACCOUNTMEMBER"]}"#, #"{"enable":false}"#] {
                #expect(try await kms.ask(.patch, path, body, as: admin).status == 409)
            }
            #expect(try await kms.ask(.delete, path, as: admin).status == 409)
            _ = try await kms.person("second@x", .administrator)
            #expect(try await kms.ask(.delete, path, as: admin).status == 204)
        }
    }

    @Test("accounts are apart: invitations, selection, an empty one is deleted")
    func accounts() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web")
            let member = try await kms.person("m@x", .member)
            #expect(
                try await kms.ask(.post, "/sys/v1/accounts", #"{"name":"b"}"#, as: member.authorization).status == 403)
            let made = try await kms.ask(.post, "/sys/v1/accounts", #"{"name":"b","description":"d"}"#, as: admin)
            #expect(made.status == 201)
            let account = try made.json(Account.self).acctID
            // Still in the first account, of which it is no part.
            #expect(try await kms.ask(.patch, "/sys/v1/accounts/\(account)", #"{"name":"c"}"#, as: admin).status == 404)
            let second = try await kms.login("admin@localhost", account: account)
            let patch = #"{"name":"c","custom_metadata":{"k":"v"}}"#
            let patched = try await kms.ask(.patch, "/sys/v1/accounts/\(account)", patch, as: second)
            #expect(try patched.json(Account.self).customMetadata == ["k": "v"])
            #expect(try await kms.ask(.get, "/sys/v1/groups", as: second).text == "[]")
            #expect(try await kms.ask(.get, "/sys/v1/apps/\(app.id)", as: second).status == 404)
            #expect(try await kms.ask(.get, "/sys/v1/users/\(member.id)", as: second).status == 404)
            #expect(try await kms.ask(.get, "/sys/v1/accounts", as: second).json([Account].self).count == 2)
            let logs = try await kms.ask(.get, "/sys/v1/logs", as: second).text
            #expect(!logs.contains(#"App \"web\""#))

            let invitation = #"{"user_email":"m@x","account_role":["ACCOUNTADMINISTRATOR"]}"#
            #expect(try await kms.ask(.post, "/sys/v1/users/invite", invitation, as: second).status == 201)
            #expect(try await kms.ask(.post, "/sys/v1/users/invite", invitation, as: second).status == 409)
            #expect(
                try await kms.ask(.post, "/sys/v1/users/invite", #"{"user_email":"n@x"}"#, as: second).status == 404)
            let flags = try await kms.ask(.get, "/sys/v1/users/accounts", as: member.authorization)
                .json([String: [String]].self)
            #expect(flags[account] == ["ACCOUNTADMINISTRATOR", "STATEENABLED", "PENDINGINVITE"])
            let select = #"{"acct_id":"\#(account)"}"#
            let selection = "/sys/v1/session/select_account"
            #expect(try await kms.ask(.post, selection, select, as: member.authorization).status == 404)
            #expect(try await kms.ask(.get, "/sys/v1/accounts/\(account)", as: member.authorization).status == 200)
            let accept = #"{"accepts":["\#(account)"]}"#
            let url = "/sys/v1/users/process_invite"
            #expect(try await kms.ask(.post, url, accept, as: member.authorization).status == 204)
            #expect(try await kms.ask(.post, url, accept, as: member.authorization).status == 404)
            #expect(try await kms.ask(.post, selection, select, as: member.authorization).status == 200)
            // A password is of the person, not of one account.
            let reset = #"{"user_password":"taken over"}"#
            #expect(try await kms.ask(.patch, "/sys/v1/users/\(member.id)", reset, as: second).status == 403)

            #expect(try await kms.ask(.delete, "/sys/v1/accounts/\(account)", as: second).status == 409)
            #expect(try await kms.ask(.delete, "/sys/v1/users/\(member.id)", as: second).status == 204)
            let usage = try await kms.ask(.get, "/sys/v1/accounts/\(account)/usage", as: second).json(AccountUsage.self)
            #expect(usage.numUser == 1 && usage.numApp == 0)
            #expect(try await kms.ask(.delete, "/sys/v1/accounts/\(account)", as: second).status == 204)
            #expect(try await kms.ask(.get, "/sys/v1/groups", as: second).status == 401)
            let first = try await kms.account()
            let again = try await kms.login("admin@localhost", account: first)
            #expect(try await kms.ask(.delete, "/sys/v1/accounts/\(first)", as: again).status == 409)
        }
    }
}
