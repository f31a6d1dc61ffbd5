import FoundationEssentials
import KMSModel
import KMSServer
import Testing

private let past = "20200101T000000Z"
private let future = "20990101T000000Z"
private let later = "20990601T000000Z"

@Suite("Dates of objects")
struct ObjectDateTests {
    private static func sign(_ kms: TestKMS, _ name: String, _ app: TestKMS.TestApp) async throws -> Int {
        try await kms.post("sign", #"{"key":{"name":"\#(name)"},"hash_alg":"SHA256","data":"AAAA"}"#, app).status
    }

    private static func key(_ name: String, _ more: String) -> String {
        #"{"name":"\#(name)","obj_type":"EC","elliptic_curve":"NistP256",\#(more)}"#
    }

    /// As if the time had passed: moves a date of the stored object.
    private static func move(
        _ kms: TestKMS, _ kid: String, _ change: @escaping @Sendable (inout Sobject) -> Void
    ) async throws {
        let account = try await kms.account()
        try await kms.vault.pool.write { db in
            var record = try #require(try KeyStore.find(kid: kid, account: account, in: db))
            change(&record.object)
            try KeyStore.update(record, in: db)
        }
        kms.vault.keys.forget(kid)
    }

    @Test(
        "what the calendar does not have is no time",
        arguments: [
            "20260230T000000Z", "20250229T000000Z", "20260431T000000Z", "20261301T000000Z", "20260100T000000Z",
            "20260101T240000Z", "99991231T235960Z",
        ])
    func noTimes(text: String) { #expect(Timestamp(text) == nil) }

    @Test(
        "the ends of the calendar are times, and what is written is read again",
        arguments: ["00000101T000000Z", "20240229T235959Z", "99991231T235959Z"])
    func times(text: String) { #expect(Timestamp(text)?.description == text) }

    @Test("an object is PreActive before its dates, Active between, Deactivated after; nobody calls anything")
    func states() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let body = ObjectDateTests.key("k", #""activation_date":"\#(future)","deactivation_date":"\#(later)""#)
            let made = try await kms.key(body, app)
            let kid = try #require(made.kid)
            #expect(made.state == .preActive && made.activationDate == Timestamp(future))
            #expect(try await ObjectDateTests.sign(kms, "k", app) == 403)
            try await ObjectDateTests.move(kms, kid) { $0.activationDate = Timestamp(past) }
            #expect(try await ObjectDateTests.sign(kms, "k", app) == 200)
            func listed(_ state: String) async throws -> Int {
                let filter = "%7B%22state%22%3A%22\(state)%22%7D"
                return try await kms.ask(.get, "/crypto/v1/keys?filter=\(filter)", as: app.authorization)
                    .json([Sobject].self).count
            }
            #expect(try await listed("Active") == 1)
            #expect(try await listed("PreActive") == 0)
            try await ObjectDateTests.move(kms, kid) { $0.deactivationDate = Timestamp("20200601T000000Z") }
            #expect(try await ObjectDateTests.sign(kms, "k", app) == 403)
            #expect(try await listed("Deactivated") == 1)
            for path in ["/crypto/v1/keys/\(kid)", "/crypto/v1/keys?name=k"] {
                #expect(
                    try await kms.ask(.get, path, as: app.authorization).text.contains(#""state":"Deactivated""#))
            }
        }
    }

    @Test("an object that is held while its date passes, as in the cache, ends with it")
    func held() async throws {
        let end = Timestamp(seconds: Timestamp.now.seconds + 1)
        var object = PolicyTests.object([.sign])
        object.deactivationDate = end
        var isOver = false
        while !isOver {
            let before = Timestamp.now
            let isAllowed = (try? Policy.check(PolicyTests.user, may: .sign, object)) != nil
            isOver = before >= end
            // Between the two looks at the clock either is right.
            if isOver { #expect(!isAllowed) } else if Timestamp.now < end { #expect(isAllowed) }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test("dates that cannot be are refused; PATCH moves those that lie ahead; a copy keeps them")
    func rules() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for (more, status) in [
                (#""deactivation_date":"\#(past)""#, 400),
                (#""activation_date":"\#(later)","deactivation_date":"\#(future)""#, 400),
                (#""activation_date":"\#(future)","state":"Active""#, 400),
                (#""activation_date":"2099-01-01T00:00:00Z""#, 400), (#""activation_date":"\#(past)""#, 201),
                (#""activation_date":null,"deactivation_date":null"#, 201),
            ] {
                let body = ObjectDateTests.key(newID(), more)
                #expect(
                    try await kms.ask(.post, "/crypto/v1/keys", body, as: app.authorization).status == status, "\(more)"
                )
            }
            let made = try await kms.key(ObjectDateTests.key("k", #""deactivation_date":"\#(future)""#), app)
            let path = "/crypto/v1/keys/\(made.kid ?? "")"
            for (body, status) in [
                (#"{"activation_date":"\#(future)"}"#, 400), (#"{"deactivation_date":"\#(past)"}"#, 400),
                (#"{"deactivation_date":"\#(later)"}"#, 200),
            ] {
                #expect(try await kms.ask(.patch, path, body, as: app.authorization).status == status, "\(body)")
            }
            let copy = #"{"key":{"name":"k"},"name":"c"}"#
            #expect(try await kms.post("keys/copy", copy, app).json(Sobject.self).deactivationDate == Timestamp(later))
            let longer = #"{"key":{"name":"k"},"name":"d","deactivation_date":"21000101T000000Z"}"#
            #expect(try await kms.post("keys/copy", longer, app).status == 400)
            #expect(
                try await kms.ask(.post, path + "/revoke", #"{"code":"Superseded"}"#, as: app.authorization).status
                    == 204)
            let revoked = try await kms.ask(.get, path, as: app.authorization).json(Sobject.self)
            let end = try #require(revoked.deactivationDate)
            #expect(end <= Timestamp.now)
            #expect(
                try await kms.ask(.patch, path, #"{"deactivation_date":"\#(later)"}"#, as: app.authorization).status
                    == 400)
        }
    }
}
