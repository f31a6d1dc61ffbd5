import FoundationEssentials
import KMSModel
import Testing

@Suite("Short ways through JSON")
struct ShortFormTests {
    @Test(
        "an audit record says the same as the encoder would",
        arguments: [
            "plain", "", "quotes \" and \\ backslashes", "\u{0}\u{1}\u{8}\u{9}\u{A}\u{C}\u{D}\u{1F}\u{7F}",
            "Ünïcödé 🔑 \u{2028}\u{2029}", "</script>/",
        ])
    func auditRecord(text: String) throws {
        var record = AuditRecord(
            actionType: "CRYPTOOPERATION", actorType: text, message: "App \(text)", severity: "INFO",
            time: "2026-01-02T03:04:05Z")
        try compare(record)
        record.actorID = text
        record.objectID = text
        record.acctID = text
        record.groupIDs = [text, "second"]
        record.clientIP = "::1"
        record.responseTime = .init(secs: 1, nanos: 999_999_999)
        try compare(record)
    }

    /// All fields, also those that are added one day.
    private func compare(_ record: AuditRecord) throws {
        let short = try JSONDecoder().decode(AuditRecord.self, from: Data(record.json))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(try encoder.encode(short) == encoder.encode(record))
    }

    @Test("a signature is answered as the encoder would", arguments: [nil, "a-kid"])
    func signResponse(kid: String?) throws {
        let response = SignResponse(kid: kid, signature: Data([0, 255, 62, 63]))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        #expect(try Data(response.json.finish()) == encoder.encode(response))
    }

    @Test("base64 is written as Foundation does", arguments: 0...70)
    func base64(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ count) }
        var text = JSONText()
        text.add("name", base64: bytes)
        let expected = #"{"name":"\#(Data(bytes).base64EncodedString())"}"#
        #expect(String(decoding: text.finish(), as: UTF8.self) == expected)
    }

    @Test(
        "a mode is written as the encoder would",
        arguments: [SignatureMode.pkcs1V15, .pss(mgf: nil), .pss(mgf: .sha384)])
    func writtenMode(mode: SignatureMode) throws {
        var text = JSONText()
        text.add("mode", mode)
        #expect(try Data(text.finish()) == JSONEncoder().encode(["mode": mode]))
    }

    @Test(
        "a plain answer with a signature is read",
        arguments: [
            #"{"kid":"k","signature":"AAEC"}"#, #" { "signature" : "AAEC" , "kid" : "k" } "#,
        ])
    func plainAnswer(text: String) throws {
        let answer = try #require(ReceivedSignature(plain: Array(text.utf8)))
        #expect(answer.kid == "k" && answer.bytes == [0, 1, 2])
        #expect(ReceivedSignature(plain: Array(#"{"signature":"AA=="}"#.utf8))?.kid == nil)
    }

    @Test("the name that is expected is taken for what it says only", arguments: ["k", "kk", "l", "", #"k\u006B"#])
    func expectedKey(expected: String) throws {
        let text = Array(#"{"kid":"k","signature":"AAEC"}"#.utf8)
        #expect(try #require(ReceivedSignature(plain: text, expecting: expected)).kid == "k")
        let escaped = Array(#"{"kid":"k\u006B","signature":"AAEC"}"#.utf8)
        #expect(ReceivedSignature(plain: escaped, expecting: expected) == nil)
    }

    @Test("a signature of any length is read as Foundation does, or not at all", arguments: 0...70)
    func readBase64(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ count) }
        let text = Data(bytes).base64EncodedString()
        #expect(ReceivedSignature(plain: Array(#"{"signature":"\#(text)"}"#.utf8))?.bytes == bytes)
        for place in text.indices {
            for odd in ["*", "=", "-", "_", " ", "@", "[", "`", "{", ":", ".", ",", "é"] {
                let wrong = text.replacing(place, by: odd)
                let read = ReceivedSignature(plain: Array(#"{"signature":"\#(wrong)"}"#.utf8))?.bytes
                #expect(read == nil || read == Data(base64Encoded: wrong).map { Array($0) })
            }
        }
    }

    @Test(
        "another answer is left to the decoder",
        arguments: [
            "", "{", "{}", "[]", #"{"kid":"k"}"#, #"{"signature":"AA"}"#, #"{"signature":"AA==""#, #"{"signature":7}"#,
            #"{"signature":"AA==","signature":"AA=="}"#, #"{"signature":"AA==","new":"x"}"#,
            #"{"signature":"A\u0041=="}"#, #"{"kid":null,"signature":"AA=="}"#, #"{"kid":"ü","signature":"AA=="}"#,
            #"{"kid":"a\"b","signature":"AA=="}"#, "{\"kid\":\"a\u{1}\",\"signature\":\"AA==\"}",
        ])
    func notPlainAnswer(text: String) { #expect(ReceivedSignature(plain: Array(text.utf8)) == nil) }

    @Test(
        "a plain request to sign is read",
        arguments: [
            #"{"key":{"kid":"k"},"hash_alg":"SHA256","hash":"AAEC"}"#,
            #"{ "hash" : "AAEC" , "key" : { "kid" : "k" } , "hash_alg" : "Sha256" } "#,
        ])
    func plain(text: String) throws {
        let request = try #require(SignRequest(plain: Array(text.utf8)))
        #expect(request.key == SobjectDescriptor(kid: "k"))
        #expect(request.hashAlg == .sha256)
        #expect(request.hash == Data([0, 1, 2]))
        #expect(request.data == nil && request.mode == nil)
    }

    @Test("without a key, for the older path")
    func noKey() throws {
        let request = try #require(SignRequest(plain: Array(#"{"hash_alg":"SHA512","data":"AA=="}"#.utf8)))
        #expect(request.key == nil && request.hash == nil && request.data == Data([0]))
    }

    @Test(
        "with either padding of RSA",
        arguments: [
            (#"{"PKCS1_V15":{}}"#, SignatureMode.pkcs1V15),
            (#"{"PSS":{"mgf":{"mgf1":{"hash":"SHA384"}}}}"#, .pss(mgf: .sha384)),
        ])
    func mode(text: String, mode: SignatureMode) throws {
        let text = #"{"hash_alg":"SHA256","hash":"AA==","mode":\#(text)}"#
        #expect(try #require(SignRequest(plain: Array(text.utf8))).mode == mode)
    }

    @Test(
        "all else is left to the decoder",
        arguments: [
            "", "{", "{}", "[]", "null", #"{"hash_alg":"SHA256""#, #"{"hash_alg":"SHA256"}x"#,
            #"{"hash_alg":"SHA256",}"#,
            #"{"hash_alg":"nonsense"}"#, #"{"hash_alg":"SHA256","hash":"?"}"#, #"{"hash_alg":"SHA256","hash":null}"#,
            #"{"hash_alg":"SHA256","hash_alg":"SHA256"}"#, #"{"hash_alg":"SHA256","unknown":"x"}"#,
            #"{"hash_alg":"SHA256","mode":{}}"#, #"{"hash_alg":"SHA256","mode":{"PSS":{}}}"#,
            #"{"hash_alg":"SHA256","mode":{"PSS":{"mgf":{"mgf1":{"hash":"x"}}}}}"#,
            #"{"hash_alg":"SHA256","mode":{"PSS":{"mgf":{"mgf1":{"hash":"SHA256"}},"salt":"x"}}}"#,
            #"{"hash_alg":"SHA256","mode":{"PKCS1_V15":{},"PSS":{"mgf":{"mgf1":{"hash":"SHA256"}}}}}"#,
            #"{"hash_alg":"SHA256","mode":{"PKCS1_V15":{"x":{}}}}"#,
            #"{"hash_alg":"SHA256","mode":{"PKCS1_V15":null}}"#,
            #"{"hash_alg":"SHA256","mode":{"PKCS1_V15":{},"PKCS1_V15":{}}}"#,
            #"{"hash_alg":"SHA\u0032","hash":"AA=="}"#,
            #"{"hash_alg":"SHA256","key":{}}"#, #"{"hash_alg":"SHA256","key":{"name":"k"}}"#,
            #"{"hash_alg":"SHA256","key":{"kid":"k","kid":"l"}}"#, #"{"hash_alg":"SHA256","key":{"kid":"ü"}}"#,
            "{\"hash_alg\":\"SHA\n256\"}", #"{hash_alg:"SHA256"}"#, #"{"hash_alg" "SHA256"}"#,
        ])
    func notPlain(text: String) {
        #expect(SignRequest(plain: Array(text.utf8)) == nil)
    }
}

extension String {
    fileprivate func replacing(_ place: Index, by other: String) -> String {
        String(self[..<place]) + other + self[index(after: place)...]
    }
}
