import KMSModel
import KMSServer
import Testing

@Suite("What a failed login tells")
struct LoginSecrecyTests {
    /// An attempt and what it has cost.
    private static func attempt(
        _ kms: TestKMS, _ authorization: String, path: String = "/sys/v1/session/auth"
    ) async throws -> (text: String, cost: LoginWork.Counts) {
        let before = kms.vault.loginWork.current
        let answer = try await kms.ask(.post, path, as: authorization)
        let after = kms.vault.loginWork.current
        #expect(answer.status == 401)
        var cost = LoginWork.Counts()
        cost.hashes = after.hashes - before.hashes
        cost.comparisons = after.comparisons - before.comparisons
        cost.reads = after.reads - before.reads
        cost.throttled = after.throttled - before.throttled
        cost.records = after.records - before.records
        return (answer.text, cost)
    }

    @Test("an app that is missing, disabled or has another secret: the same words and the same work")
    func apps() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let known = try await kms.app("known")
            let disabled = try await kms.app("disabled")
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: known.authorization).status == 200)
            #expect(
                try await kms.ask(.patch, "/sys/v1/apps/\(disabled.id)", #"{"enabled":false}"#, as: admin).status == 200
            )
            let expected = LoginWork.Counts(hashes: 1, comparisons: 2, reads: 2, throttled: 1, records: 1)
            var texts: Set<String> = []
            for authorization in [
                TestKMS.basic(known.id, "wrong"), TestKMS.basic(newID(), "wrong"), disabled.authorization,
                TestKMS.basic(disabled.id, "wrong"), TestKMS.basic(known.id, ""), TestKMS.basic(newID(), ""),
                // Known by now to the cache, or known not to be there.
                disabled.authorization,
            ] {
                let (text, cost) = try await LoginSecrecyTests.attempt(kms, authorization)
                texts.insert(text)
                #expect(cost == expected, "\(cost)")
            }
            #expect(texts == [KMSError.wrongCredential.message])
            let direct = try await kms.ask(.get, "/crypto/v1/keys", as: TestKMS.basic(newID(), "wrong"))
            #expect(direct.status == 401 && direct.text == KMSError.wrongCredential.message)
        }
    }

    @Test("a user who is missing, disabled or has another password: the same words and the same work")
    func users() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let disabled = try await kms.person("disabled@x", .member)
            #expect(
                try await kms.ask(.patch, "/sys/v1/users/\(disabled.id)", #"{"enable":false}"#, as: admin).status == 200
            )
            let expected = LoginWork.Counts(hashes: 1, comparisons: 1, reads: 2, throttled: 1, records: 1)
            for (name, password) in [
                ("admin@localhost", "wrong"), ("nobody@x", "wrong"), (disabled.email, TestKMS.password),
                (disabled.email, "wrong"),
            ] {
                let (text, cost) = try await LoginSecrecyTests.attempt(kms, TestKMS.basic(name, password))
                #expect(text == KMSError.wrongCredential.message && cost == expected, "\(name): \(cost)")
            }
        }
    }

    @Test("guessing is slowed down alike for those who exist and those who do not")
    func throttled() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for id in [app.id, newID()] {
                for _ in 0..<5 { _ = try await LoginSecrecyTests.attempt(kms, TestKMS.basic(id, "wrong")) }
                let answer = try await kms.ask(.post, "/sys/v1/session/auth", as: TestKMS.basic(id, "wrong"))
                #expect(answer.status == 429)
            }
        }
    }
}
