import KMSModel
import KMSServer
import Testing

@Suite("What one account's administrators can do to another's")
struct AccountBorderTests {
    private static func logs(_ kms: TestKMS, _ caller: String) async throws -> [AuditRecord] {
        try await kms.ask(.get, "/sys/v1/logs?action_type=AUTH", as: caller).json(AuditResponse.self).hits
            .map(\.source).filter { $0.message == "Login failed" }
    }

    /// A session of the administrator in another account of theirs.
    private static func other(_ kms: TestKMS) async throws -> (account: String, session: String) {
        let admin = try await kms.administrator()
        let made = try await kms.ask(.post, "/sys/v1/accounts", #"{"name":"b"}"#, as: admin)
        let account = try made.json(Account.self).acctID
        return (account, try await kms.login("admin@localhost", account: account))
    }

    @Test("failed logins are seen in the account that they were meant for, and otherwise nowhere")
    func failedLogins() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web")
            let member = try await kms.person("m@x", .member)
            let second = try await AccountBorderTests.other(kms).session
            for name in [app.id, member.email, newID(), "nobody@x"] {
                #expect(try await kms.ask(.post, "/sys/v1/session/auth", as: TestKMS.basic(name, "w")).status == 401)
            }
            let seen = try await AccountBorderTests.logs(kms, admin)
            #expect(seen.compactMap(\.actorID).sorted() == [app.id, member.id].sorted())
            #expect(try await AccountBorderTests.logs(kms, second).isEmpty)
            // What the operator of the machine does is everybody's affair.
            try await kms.vault.audit.record(AuditEvent(system: "backed up"))
            for caller in [admin, second] {
                let all = try await kms.ask(.get, "/sys/v1/logs", as: caller).text
                #expect(all.contains("backed up"))
            }
        }
    }

    @Test("who is invited keeps names and sessions in the first account")
    func invited() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let member = try await kms.person("m@x", .member)
            let path = "/sys/v1/users/\(member.id)"
            let first = try await kms.account()
            let (account, second) = try await AccountBorderTests.other(kms)
            #expect(try await kms.ask(.patch, path, #"{"first_name":"M"}"#, as: admin).status == 200)
            let invitation = #"{"user_email":"m@x"}"#
            #expect(try await kms.ask(.post, "/sys/v1/users/invite", invitation, as: second).status == 201)
            for body in [#"{"first_name":"X"}"#, #"{"last_name":"X"}"#, #"{"user_password":"taken over"}"#] {
                #expect(try await kms.ask(.patch, path, body, as: second).status == 403)
            }
            let other = try await kms.login(member.email, account: first)
            #expect(try await kms.ask(.patch, path, #"{"enable":false}"#, as: second).status == 200)
            // The invitation is void until it is renewed.
            let accept = #"{"accepts":["\#(account)"]}"#
            let process = "/sys/v1/users/process_invite"
            #expect(try await kms.ask(.post, process, accept, as: other).status == 404)
            #expect(try await kms.ask(.delete, path, as: second).status == 204)
            #expect(try await kms.ask(.post, process, accept, as: other).status == 404)
            for session in [member.authorization, other] {
                #expect(try await kms.ask(.get, "/sys/v1/groups", as: session).status == 200)
            }
            #expect(try await kms.ask(.get, path, as: admin).json(User.self).firstName == "M")
        }
    }

    @Test("an invitation is answered by the one who was invited, once, and nobody else's")
    func processing() async throws {
        try await TestKMS.run { kms in
            let member = try await kms.person("m@x", .member)
            let stranger = try await kms.person("s@x", .member)
            let app = try await kms.app("web")
            let (account, second) = try await AccountBorderTests.other(kms)
            #expect(
                try await kms.ask(.post, "/sys/v1/users/invite", #"{"user_email":"m@x"}"#, as: second).status == 201)
            let process = "/sys/v1/users/process_invite"
            let accept = #"{"accepts":["\#(account)"]}"#
            #expect(try await kms.ask(.post, process, accept, as: stranger.authorization).status == 404)
            #expect(try await kms.ask(.post, process, accept, as: app.authorization).status == 401)
            #expect(try await kms.ask(.post, process, accept).status == 401)
            #expect(
                try await kms.ask(.post, process, #"{"rejects":["\#(account)"]}"#, as: member.authorization).status
                    == 204)
            #expect(try await kms.ask(.post, process, accept, as: member.authorization).status == 404)
            #expect(try await kms.ask(.get, "/sys/v1/groups", as: member.authorization).status == 200)
        }
    }
}
