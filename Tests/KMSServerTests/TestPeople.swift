import FoundationEssentials
import KMSModel
import KMSServer
import Testing

/// Users of a test KMS beside its administrator.
extension TestKMS {
    struct Person {
        var id: String
        var email: String
        /// Bearer, with the account selected.
        var authorization: String
    }

    func account() async throws -> String {
        try #require(try await vault.pool.read { db in try AccountStore.ids(in: db) }.first)
    }

    /// - Parameter groups: as in `{"<id>":["GROUPAUDITOR"]}`.
    func person(_ email: String, _ role: AccountRole, groups: String = "{}") async throws -> Person {
        let admin = try await administrator()
        let body =
            #"{"user_email":"\#(email)","user_password":"\#(TestKMS.password)","account_role":["\#(role.rawValue)"],"#
            + #""add_groups":\#(groups)}"#
        let made = try await ask(.post, "/sys/v1/users", body, as: admin)
        #expect(made.status == 201, "\(made.text)")
        let id = try made.json(User.self).userID
        return Person(id: id, email: email, authorization: try await login(email))
    }

    /// A session with an account selected: the first, or the one named.
    func login(_ email: String, account: String? = nil, password: String = TestKMS.password) async throws -> String {
        let answer = try await ask(.post, "/sys/v1/session/auth", as: TestKMS.basic(email, password))
        #expect(answer.status == 200, "\(answer.text)")
        let bearer = "Bearer " + (try answer.json(AuthResponse.self).accessToken)
        let wanted: String = if let account { account } else { try await self.account() }
        let selected = try await ask(.post, "/sys/v1/session/select_account", #"{"acct_id":"\#(wanted)"}"#, as: bearer)
        #expect(selected.status == 200, "\(selected.text)")
        return bearer
    }

    static func basic(_ name: String, _ secret: String) -> String {
        "Basic " + Data("\(name):\(secret)".utf8).base64EncodedString()
    }
}
