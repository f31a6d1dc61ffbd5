import FoundationEssentials
import KMSServer
import Logging
import NIOCore
import NIOEmbedded
import Testing

@Suite("Limits, metrics and readiness")
struct ServiceOperationTests {
    @Test("readiness follows the phase, health does not")
    func readiness() async throws {
        try await TestKMS.run { kms in
            kms.vault.status.become(.starting)
            #expect(try await kms.ask(.get, "/sys/v1/health/ready").text == "The server is starting")
            kms.vault.status.become(.serving)
            #expect(try await kms.ask(.get, "/sys/v1/health/ready").status == 204)
            kms.vault.status.become(.stopping)
            let answer = try await kms.ask(.get, "/sys/v1/health/ready")
            #expect(answer.status == 503 && answer.text == "The server is stopping")
            #expect(try await kms.ask(.get, "/sys/v1/health").status == 204)
        }
    }

    @Test("metrics are for users and auditing apps, and count what happened")
    func metrics() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web").authorization
            let blind = try await kms.app("blind", permissions: ["SIGN"]).authorization
            let body = #"{"name":"key","obj_type":"EC","elliptic_curve":"NistP256"}"#
            #expect(try await kms.ask(.post, "/crypto/v1/keys", body, as: app).status == 201)
            let sign = #"{"key":{"name":"key"},"hash_alg":"SHA256","data":"AAAA"}"#
            for _ in 0..<3 { #expect(try await kms.ask(.post, "/crypto/v1/sign", sign, as: app).status == 200) }
            #expect(try await kms.ask(.get, "/crypto/v1/keys/\(newID())", as: app).status == 404)
            #expect(try await kms.ask(.get, "/nowhere").status == 404)
            #expect(try await kms.ask(.get, "/metrics").status == 401)
            #expect(try await kms.ask(.get, "/metrics", as: blind).status == 403)
            #expect(try await kms.ask(.get, "/metrics", as: app).status == 200)
            let text = try await kms.ask(.get, "/metrics", as: admin).text
            for line in [
                #"kmsd_requests_total{route="/crypto/v1/sign",method="POST",status="2xx"} 3"#,
                #"kmsd_requests_total{route="/crypto/v1/keys/{kid}",method="GET",status="4xx"} 1"#,
                #"kmsd_crypto_operations_total{operation="sign",algorithm="ECDSA SHA256"} 3"#,
                "kmsd_sessions 3", "kmsd_keys_cached 1", "kmsd_ready 1",
            ] {
                #expect(text.contains(line + "\n"), "\(line)\n\(text)")
            }
        }
    }

    @Test("a connection without place takes that of the one that has waited longest")
    func connections() {
        var limits = Limits()
        limits.connections = 3
        let metrics = Metrics()
        let connections = Connections(limits: limits, metrics: metrics)
        let channels = (0..<4).map { _ in EmbeddedChannel() }
        for channel in channels.prefix(3) { #expect(connections.admit(channel)) }
        #expect(connections.admit(channels[3]))
        #expect(connections.count == 3 && metrics.connectionsEvicted.value == 1)
        channels[0].embeddedEventLoop.run()
        #expect(!channels[0].isActive)
        _ = try? channels[3].finish()
        #expect(connections.count == 2)
        #expect(metrics.connectionsOpened.value == 4 && metrics.connectionsRefused.value == 0)
    }

    @Test("the table of failed logins is bounded, and filling it does not free the one who failed most")
    func throttle() throws {
        var rules = LoginRules()
        rules.entries = 100
        rules.failures = 2
        let throttle = LoginThrottle(rules: rules)
        for _ in 0..<3 { throttle.failed("admin", from: "1.2.3.4") }
        for number in 0..<1_000 { throttle.failed("user\(number)", from: "1.2.3.4") }
        let error = #expect(throws: KMSError.self) { try throttle.check("admin", from: "1.2.3.4") }
        #expect(error?.status == .tooManyRequests && error?.retryAfter == 2)
        try throttle.check("admin", from: "1.2.3.5")
        #expect(throttle.throttled.value == 1 && throttle.refused.value == 1_003)
    }

    @Test("a value of a log line can neither end it nor pretend to be another")
    func lines() throws {
        let fields = [("a", "b c"), ("d", "e\nf"), ("g", "h=\"i\""), ("k", "")].map { (key: $0.0, value: $0.1) }
        let level = LogLevel(.info)
        let text = LineLog(label: "kmsd", format: .text, level: level).line(.error, "said", fields, at: .now)
        #expect(text.hasSuffix(" error kmsd: said a=\"b c\" d=\"e\\u{a}f\" g=\"h=\\\"i\\\"\" k=\"\"\n"))
        let json = LineLog(label: "kmsd", format: .json, level: level).line(.error, "said", fields, at: .now)
        let object = try JSONDecoder().decode([String: String].self, from: Data(json.utf8))
        #expect(object["d"] == "e\nf" && object["message"] == "said" && object["level"] == "error")
    }
}
