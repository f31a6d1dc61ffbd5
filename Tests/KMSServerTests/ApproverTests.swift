import HTTPTypes
import KMSModel
import KMSServer
import Testing

@Suite("Approvers keep their votes")
struct ApproverTests {
    /// A guarded group and the two apps that decide for it.
    private struct Board: Sendable {
        let kms: TestKMS
        let admin: String
        let group: String
        let first: TestKMS.TestApp
        let second: TestKMS.TestApp

        init(_ kms: TestKMS, required: Int) async throws {
            self.kms = kms
            admin = try await kms.administrator()
            group = try await kms.app("guarded").group
            first = try await kms.app("first")
            second = try await kms.app("second")
            let set = try await setPolicy(required)
            #expect(set.status == 200, "\(set.text)")
        }

        func setPolicy(_ required: Int) async throws -> TestKMS.Answer {
            let members = [first, second].map { #"{"app":"\#($0.id)"}"# }.joined(separator: ",")
            return try await change(
                .patch, "groups/\(group)", #"{"approval_policy":{"quorum":{"n":\#(required),"members":[\#(members)]}}}"#
            )
        }

        func change(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, as caller: String? = nil)
            async throws -> TestKMS.Answer
        {
            try await kms.ask(method, "/sys/v1/" + path, body, as: caller ?? admin)
        }

        struct Request: Decodable {
            var request_id: String
            var status: String
        }

        struct Result: Decodable { var status: Int }

        /// The status of a request that these apps have approved.
        func approved(
            _ method: String, _ path: String, _ body: String, by approvers: [TestKMS.TestApp]
        ) async throws -> Int {
            let draft = #"{"method":"\#(method)","operation":"/sys/v1/\#(path)","body":\#(body)}"#
            let filed = try await change(.post, "approval_requests", draft)
            #expect(filed.status == 201, "\(filed.text)")
            let request = "approval_requests/" + (try filed.json(Request.self).request_id)
            for app in approvers {
                let answer = try await change(.post, request + "/approve", as: app.authorization)
                #expect(answer.status == 200, "\(answer.text)")
            }
            return try await change(.post, request + "/result").json(Result.self).status
        }
    }

    @Test("an approver's API key is not had without the approval of its groups, by no administrator")
    func credentials() async throws {
        try await TestKMS.run { kms in
            let board = try await Board(kms, required: 2)
            let roles = #"{"\#(board.first.group)":["GROUPADMINISTRATOR"]}"#
            let member = try await kms.person("member@x", .member, groups: roles).authorization
            let path = "apps/\(board.first.id)"
            let both = [board.first, board.second]
            for caller in [board.admin, member] {
                for (method, end, body) in [
                    (HTTPRequest.Method.get, "/credential", nil), (.post, "/reset_secret", nil),
                    (.patch, "", #"{"credential":{"secret":null}}"#),
                ] as [(HTTPRequest.Method, String, String?)] {
                    let answer = try await board.change(method, path + end, body, as: caller)
                    #expect(answer.status == 403 && answer.text == KMSError.approvalRequired.message, "\(answer.text)")
                }
                // What leaves the vote alone is free.
                #expect(try await board.change(.patch, path, #"{"description":"d"}"#, as: caller).status == 200)
            }
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: board.first.authorization).status == 200)
            #expect(try await board.approved("GET", path + "/credential", "null", by: both) == 200)
            // With its own key before, the app can be asked; afterwards it has another.
            #expect(try await board.approved("POST", path + "/reset_secret", "{}", by: both) == 200)
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: board.first.authorization).status == 401)
        }
    }

    @Test("an approver's password is not set without the approval of the group")
    func passwords() async throws {
        try await TestKMS.run { kms in
            let board = try await Board(kms, required: 1)
            let person = try await kms.person("p@x", .auditor)
            let group = try await kms.app("other").group
            let policy =
                #"{"approval_policy":{"quorum":{"n":1,"members":[{"user":"\#(person.id)"},{"app":"\#(board.first.id)"}]}}}"#
            #expect(try await board.change(.patch, "groups/\(group)", policy).status == 200)
            let path = "users/\(person.id)"
            let reset = #"{"user_password":"another long one"}"#
            let refused = try await board.change(.patch, path, reset)
            #expect(refused.status == 403 && refused.text == KMSError.approvalRequired.message)
            #expect(try await board.change(.patch, path, #"{"first_name":"P"}"#).status == 200)
            // Their own they change as ever.
            let change = #"{"current_password":"\#(TestKMS.password)","new_password":"a third long one"}"#
            #expect(
                try await board.change(.post, "users/change_password", change, as: person.authorization).status == 204)
            #expect(try await board.approved("PATCH", path, reset, by: [board.first]) == 200)
            _ = try await kms.login(person.email, password: "another long one")
        }
    }

    @Test("an approver without whom nothing could be approved any more stays")
    func lastApprovers() async throws {
        try await TestKMS.run { kms in
            let board = try await Board(kms, required: 1)
            let path = "apps/\(board.second.id)"
            #expect(try await board.change(.patch, "apps/\(board.first.id)", #"{"enabled":false}"#).status == 200)
            for answer in [
                try await board.change(.delete, path), try await board.change(.patch, path, #"{"enabled":false}"#),
            ] {
                #expect(answer.status == 409 && answer.text.contains(#""guarded""#), "\(answer.text)")
            }
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: board.second.authorization).status == 200)
            #expect(try await board.change(.patch, "apps/\(board.first.id)", #"{"enabled":true}"#).status == 200)
            #expect(try await board.change(.delete, path).status == 204)
            #expect(try await board.change(.delete, "apps/\(board.first.id)").status == 409)

            let person = try await kms.person("p@x", .member)
            let group = try await kms.app("other").group
            let policy = #"{"approval_policy":{"user":"\#(person.id)"}}"#
            #expect(try await board.change(.patch, "users/\(person.id)", #"{"enable":false}"#).status == 200)
            #expect(try await board.change(.patch, "groups/\(group)", policy).status == 409)
            #expect(try await board.change(.patch, "users/\(person.id)", #"{"enable":true}"#).status == 200)
            #expect(try await board.change(.patch, "groups/\(group)", policy).status == 200)
            #expect(try await board.change(.patch, "users/\(person.id)", #"{"enable":false}"#).status == 409)
            #expect(try await board.change(.delete, "users/\(person.id)").status == 409)
        }
    }
}
