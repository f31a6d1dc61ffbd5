import KMSBackend
import KMSModel
import KMSSupport
import KMSTransport
import Testing

struct FortanixSigningTests {
    @Test(arguments: [
        (SigningAlgorithm.rsaPKCS1(.sha256), #""hash_alg":"SHA256""#, #""mode":{"PKCS1_V15":{}}"#),
        (.rsaPKCS1(.ssl3), #""hash_alg":"SSL3""#, #""mode":{"PKCS1_V15":{}}"#),
        (
            .rsaPSS(.sha384, mgf: .sha384), #""hash_alg":"SHA384""#,
            #""mode":{"PSS":{"mgf":{"mgf1":{"hash":"SHA384"}}}}"#
        ),
    ])
    func asksWithHashAndMode(algorithm: SigningAlgorithm, hash: String, mode: String) throws {
        let body = try request(algorithm)
        #expect(body.contains(hash) && body.contains(mode) && body.contains(#""key":{"kid":"k"}"#))
        #expect(body.contains(#""hash":"BwcH"#))
    }

    @Test func ecdsaHasNoMode() throws { #expect(try !request(.ecdsa(.sha512)).contains("mode")) }

    @Test func eddsaSignsTheMessage() throws {
        let signature = [UInt8](repeating: 5, count: 64)
        let transport = kms { _, _ in answer(200, #"{"signature":"\#(base64(signature))"}"#) }
        #expect(try sign(.eddsa, transport) == signature)
        #expect(
            try transport.lastBody() == JSON(#"{"key":{"kid":"k"},"hash_alg":"SHA512","data":"BwcH"}"#))
        let error = #expect(throws: BackendError.self) {
            try sign(.eddsa, kms { _, _ in answer(200, #"{"signature":"AQID"}"#) })
        }
        #expect(error?.kind == .protocolViolation)
    }

    @Test func aTransientKeyIsNamedByItsBlob() throws {
        let transport = kms { _, _ in answer(200, #"{"kid":null,"signature":"AQID"}"#) }
        let backend = try signedIn(transport)
        let digest = [UInt8](repeating: 7, count: 32)
        _ = try backend.sign(digest, with: .ecdsa(.sha256), key: KeyID("AQID", .transient), deadline: soon)
        #expect(try transport.lastBody()["key"] == JSON(#"{"transient_key":"AQID"}"#))
        for key in [KeyID("k", .local), KeyID("*", .transient), KeyID("", .transient), KeyID("")] {
            let error = #expect(throws: BackendError.self) {
                try backend.sign(digest, with: .ecdsa(.sha256), key: key, deadline: soon)
            }
            #expect(error?.kind == .invalid)
        }
        #expect(transport.count(path.sign) == 1)
    }

    @Test(arguments: [
        #"{"signature":""}"#, "{}", #"{"signature":7}"#, #"{"signature":"*"}"#, #"{"kid":"z","signature":"AA=="}"#,
    ])
    func anAnswerWithoutSignatureIsAProtocolViolation(body: String) throws {
        let error = #expect(throws: BackendError.self) { try sign(.ecdsa(.sha256), kms { _, _ in answer(200, body) }) }
        #expect(error?.kind == .protocolViolation)
    }

    @Test func aDigestOfTheWrongLengthIsRefusedHere() throws {
        let transport = kms { _, _ in answer(200, #"{"signature":"AQID"}"#) }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        let error = #expect(throws: BackendError.self) {
            try backend.sign([1], with: .ecdsa(.sha256), key: KeyID("k"), deadline: soon)
        }
        #expect(error?.kind == .invalid && transport.count(path.sign) == 0)
    }

    @Test(arguments: [
        (400, BackendError.Kind.invalid), (403, .forbidden), (404, .notFound), (409, .conflict), (422, .invalid),
        (429, .throttled), (500, .unavailable), (501, .unsupported), (503, .unavailable), (302, .protocolViolation),
    ])
    func statusesBecomeKinds(status: Int, kind: BackendError.Kind) throws {
        let error = #expect(throws: BackendError.self) {
            try sign(.ecdsa(.sha256), kms { _, _ in answer(status, "the reason", type: "text/plain") })
        }
        #expect(error?.kind == kind)
        #expect(error?.message == "sign: \(status) the reason")
    }

    @Test(arguments: [
        (TransportError.Kind.resolution, BackendError.Kind.unavailable), (.connection, .unavailable),
        (.tls, .unavailable),
        (.timedOut, .timedOut), (.interrupted, .unavailable), (.protocolViolation, .protocolViolation),
        (.refused, .unavailable),
    ])
    func transportErrorsBecomeKinds(from: TransportError.Kind, kind: BackendError.Kind) throws {
        let error = #expect(throws: BackendError.self) {
            try sign(.ecdsa(.sha256), kms { (_, _) throws(TransportError) in throw TransportError(from, "why") })
        }
        #expect(error?.kind == kind && error?.message == "why")
    }

    @Test(arguments: [
        (#"{"message":"in JSON"}"#, "sign: 400 in JSON"), ("two\r\nlines\u{1b}[31m", "sign: 400 two lines [31m"),
        ("", "sign: 400"), (#"{"other":1}"#, #"sign: 400 {"other":1}"#),
        (String(repeating: "x", count: 9_999), "sign: 400 " + String(repeating: "x", count: 300) + "…"),
    ])
    func theServersTextIsCleaned(body: String, message: String) throws {
        let error = #expect(throws: BackendError.self) {
            try sign(.ecdsa(.sha256), kms { _, _ in answer(400, body) })
        }
        #expect(error?.message == message)
    }

    @Test func aServerThatRepeatsTheTokenIsNotQuoted() throws {
        let error = #expect(throws: BackendError.self) {
            try sign(.ecdsa(.sha256), kms { _, _ in answer(400, "your token token-0 is odd") })
        }
        #expect(error?.message.contains("token-0") == false)
        let backend = FortanixDSM(transport: ScriptedTransport { _, _ in answer(401, "bad key " + apiKey) })
        let refused = #expect(throws: BackendError.self) { try backend.authenticate(Secret(apiKey), deadline: soon) }
        #expect(refused?.message.contains(apiKey) == false && refused?.kind == .unauthenticated)
    }

    @Test func healthNeedsNoLogin() throws {
        let transport = ScriptedTransport { _, count in answer(count == 0 ? 204 : 503, "sealed") }
        let backend = FortanixDSM(transport: transport)
        try backend.health(deadline: soon)
        let error = #expect(throws: BackendError.self) { try backend.health(deadline: soon) }
        #expect(error?.kind == .unavailable)
        #expect(transport.requests.allSatisfy { $0.authorization == nil && $0.path == "/sys/v1/health" })
    }

    private func sign(_ algorithm: SigningAlgorithm, _ transport: ScriptedTransport) throws -> [UInt8] {
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        let input = [UInt8](repeating: 7, count: algorithm.hash?.length ?? 3)
        return try backend.sign(input, with: algorithm, key: KeyID("k"), deadline: soon)
    }

    private func request(_ algorithm: SigningAlgorithm) throws -> String {
        let transport = kms { _, _ in answer(200, #"{"kid":"K","signature":"AQID"}"#) }
        #expect(try sign(algorithm, transport) == [1, 2, 3])
        return String(decoding: try #require(transport.requests.last?.body), as: UTF8.self)
    }
}
