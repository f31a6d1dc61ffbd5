import FoundationEssentials
import KMSModel
import KMSServer
import Testing

@Suite("Approval policies")
struct ApprovalPolicyTests {
    private func policy(_ json: String) throws -> ApprovalPolicy {
        try JSONDecoder().decode(ApprovalPolicy.self, from: Data(json.utf8))
    }

    @Test("a quorum counts members that are content, each once")
    func quorum() throws {
        let inner = #"{"quorum":{"n":1,"members":[{"app":"b"},{"app":"c"}]}}"#
        let policy = try policy(#"{"quorum":{"n":2,"members":[{"user":"A"},\#(inner)]}}"#)
        #expect(policy.approvers == ["a", "b", "c"])
        for (approvals, enough) in [
            ([], false), (["a"], false), (["b", "c"], false), (["a", "x"], false), (["a", "b"], true),
            (["a", "b", "c"], true),
        ] as [(Set<String>, Bool)] {
            #expect(policy.isSatisfied(by: approvals) == enough, "\(approvals)")
        }
    }

    @Test("without a number all members must approve")
    func all() throws {
        let policy = try policy(#"{"quorum":{"members":[{"user":"a"},{"user":"b"}]}}"#)
        #expect(!policy.isSatisfied(by: ["a"]) && policy.isSatisfied(by: ["a", "b"]))
    }

    @Test("what is written is read again")
    func coding() throws {
        for json in [#"{"user":"a"}"#, #"{"app":"a"}"#, #"{"quorum":{"n":1,"members":[{"user":"a"},{"app":"b"}]}}"#] {
            let policy = try policy(json)
            #expect(try JSONDecoder().decode(ApprovalPolicy.self, from: JSONEncoder().encode(policy)) == policy)
        }
    }

    @Test("a policy that protects less than it says is none")
    func refusals() {
        for json in [
            "{}", #"{"user":"a","app":"b"}"#, #"{"user":null}"#, #"{"user":"a","protect_crypto_operations":false}"#,
            #"{"user":"a","protect_permissions":["SIGN"]}"#,
            #"{"quorum":{"n":1,"members":[{"user":"a"}],"require_2fa":true}}"#,
        ] {
            #expect(throws: DecodingError.self) { try policy(json) }
        }
    }

    @Test("a guarded key answers 403 in every way to use it, until its use is approved")
    func guardedKey() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let board = try await kms.app("board")
            let admin = try await kms.administrator()
            let made = try await kms.ask(
                .post, "/crypto/v1/keys", #"{"name":"k","obj_type":"EC","elliptic_curve":"NistP256"}"#,
                as: app.authorization)
            #expect(made.status == 201)
            let guarded = try await kms.ask(
                .patch, "/sys/v1/groups/\(app.group)", #"{"approval_policy":{"app":"\#(board.id)"}}"#, as: admin)
            #expect(guarded.status == 200)
            let body = #"{"key":{"name":"k"},"hash_alg":"SHA256","data":"AAAA"}"#
            let refused = try await kms.ask(.post, "/crypto/v1/sign", body, as: app.authorization)
            #expect(refused.status == 403 && refused.text == "This operation requires approval")
            struct Request: Decodable {
                var request_id: String
                var status: String
            }
            let filed = try await kms.ask(
                .post, "/sys/v1/approval_requests",
                #"{"method":"POST","operation":"/crypto/v1/sign","body":\#(body)}"#, as: app.authorization)
            #expect(filed.status == 201)
            let path = "/sys/v1/approval_requests/" + (try filed.json(Request.self).request_id)
            let approved = try await kms.ask(.post, path + "/approve", as: board.authorization)
            #expect(try approved.json(Request.self).status == "APPROVED")
            struct Result: Decodable {
                var status: Int
                var body: SignResponse
            }
            let first = try await kms.ask(.post, path + "/result", as: app.authorization).json(Result.self)
            let second = try await kms.ask(.post, path + "/result", as: app.authorization).json(Result.self)
            // Two ECDSA signatures of the same data would differ.
            #expect(first.status == 200 && first.body.signature == second.body.signature)
        }
    }
}
