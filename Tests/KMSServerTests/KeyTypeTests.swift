import FoundationEssentials
import KMSModel
import KMSServer
import KMSSupport
import OpenSSLCrypto
import Testing

extension TestKMS {
    /// A key made or imported by a request, which must work.
    func key(_ body: String, _ app: TestApp, imported: Bool = false) async throws -> Sobject {
        let answer = try await ask(imported ? .put : .post, "/crypto/v1/keys", body, as: app.authorization)
        #expect(answer.status == 201, "\(body): \(answer.text)")
        return try answer.json(Sobject.self)
    }

    /// The answer to a POST under /crypto/v1.
    func post(_ path: String, _ body: String, _ app: TestApp) async throws -> Answer {
        try await ask(.post, "/crypto/v1/" + path, body, as: app.authorization)
    }
}

/// Bytes of hexadecimal digits, and their base64.
func bytes(_ hex: String) -> [UInt8] { Hex.decode(Array(hex.utf8)) ?? [] }
func base64(_ bytes: some Sequence<UInt8>) -> String { Data(bytes).base64EncodedString() }
func base64(hex: String) -> String { base64(bytes(hex)) }

@Suite("Types of keys")
struct KeyTypeTests {
    @Test(
        "symmetric keys of every size are made, described and exported",
        arguments: [
            ("AES", 128, 128, 16), ("AES", 192, 192, 24), ("AES", 256, 256, 32), ("DES3", 112, 112, 16),
            ("DES3", 128, 112, 16), ("DES3", 168, 168, 24), ("DES3", 192, 168, 24), ("HMAC", 8, 8, 1),
            ("HMAC", 160, 160, 20), ("HMAC", 8192, 8192, 1024),
        ])
    func symmetric(type: String, asked: Int, bits: Int, count: Int) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let hidden = try await kms.key(#"{"name":"a","obj_type":"\#(type)","key_size":\#(asked)}"#, app)
            #expect(hidden.keySize == bits)
            #expect(!hidden.publicOnly && hidden.neverExportable == true && hidden.pubKey == nil)
            #expect(try await kms.post("keys/export", #"{"name":"a"}"#, app).status == 403)
            let open = try await kms.key(
                #"{"name":"b","obj_type":"\#(type)","key_size":\#(asked),"key_ops":["EXPORT"]}"#, app)
            let value = try #require(
                try await kms.post("keys/export", #"{"name":"b"}"#, app).json(Sobject.self).value)
            #expect(value.count == count)
            if type == "DES3" { #expect(value.allSatisfy { !$0.nonzeroBitCount.isMultiple(of: 2) }) }
            let check = try KeyCheckValue.of(Secret(value), type: open.objType, in: kms.vault.engine.context)
            let text = check.map { String(decoding: Hex.encode($0), as: UTF8.self) }
            #expect(open.kcv == (type == "HMAC" ? nil : text))
            let again = try await kms.key(
                #"{"name":"c","obj_type":"\#(type)","key_size":\#(asked),"value":"\#(base64(value))"}"#, app,
                imported: true)
            #expect(again.keySize == bits && again.kcv == open.kcv)
            #expect(again.keyOps.contains(.export))
        }
    }

    @Test("check values are the known ones")
    func checkValues() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let zeros = base64([UInt8](repeating: 0, count: 16))
            let aes = try await kms.key(#"{"name":"a","obj_type":"AES","value":"\#(zeros)"}"#, app, imported: true)
            #expect(aes.kcv == "66e94b")
            let ones = base64([UInt8](repeating: 1, count: 24))
            let des = try await kms.key(#"{"name":"d","obj_type":"DES3","value":"\#(ones)"}"#, app, imported: true)
            #expect(des.kcv == "8ca64d")
            #expect(try await kms.key(#"{"name":"s","value":"AAAA"}"#, app, imported: true).kcv == nil)
        }
    }

    @Test(
        "sizes that no key has are 400",
        arguments: [
            (#""obj_type":"AES","key_size":64"#, "128, 192 or 256"), (#""obj_type":"AES","key_size":0"#, "128"),
            (#""obj_type":"AES","key_size":-128"#, "128"), (#""obj_type":"AES""#, "key_size"),
            (#""obj_type":"DES3","key_size":64"#, "112 bits"), (#""obj_type":"HMAC","key_size":7"#, "steps of 8"),
            (#""obj_type":"HMAC","key_size":12"#, "steps of 8"), (#""obj_type":"HMAC","key_size":8200"#, "8192"),
            (#""obj_type":"DES","key_size":56"#, "not supported"), (#""obj_type":"SECRET","key_size":256"#, "imported"),
            (#""obj_type":"EC","elliptic_curve":"NistP192""#, "elliptic_curve"), (#""obj_type":"EC""#, "NistP256"),
            (#""obj_type":"AES","value":"AAAA""#, "3 bytes"),
            (#""obj_type":"DES3","value":"AAECAwQFBgc=""#, "8 bytes"),
            (#""obj_type":"AES","key_size":256,"value":"AAAAAAAAAAAAAAAAAAAAAA==""#, "says 256"),
            (#""obj_type":"DES3","key_size":168,"value":"AAAAAAAAAAAAAAAAAAAAAA==""#, "says 168"),
        ])
    func sizes(fields: String, complaint: String) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let answer = try await kms.ask(
                fields.contains("value") ? .put : .post, "/crypto/v1/keys", #"{"name":"k",\#(fields)}"#,
                as: app.authorization)
            #expect(answer.status == 400)
            #expect(answer.text.contains(complaint), "\(answer.text)")
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: app.authorization).text == "[]")
        }
    }

    @Test(
        "each type may do what it can and nothing else",
        arguments: [
            (
                #""obj_type":"AES","key_size":256"#,
                [
                    KeyOperation.encrypt, .decrypt, .wrapKey, .unwrapKey, .deriveKey, .macGenerate, .macVerify,
                ]
            ),
            (#""obj_type":"HMAC","key_size":256"#, [.macGenerate, .macVerify, .deriveKey]),
            (#""obj_type":"EC","elliptic_curve":"NistP256""#, [.sign, .verify, .agreeKey]),
            (#""obj_type":"EC","elliptic_curve":"Ed25519""#, [.sign, .verify]),
            (#""obj_type":"EC","elliptic_curve":"Ed448""#, [.sign, .verify]),
            (#""obj_type":"EC","elliptic_curve":"X25519""#, [.agreeKey]),
            (#""obj_type":"EC","elliptic_curve":"X448""#, [.agreeKey]),
        ])
    func operations(fields: String, own: [KeyOperation]) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let key = try await kms.key(#"{"name":"k",\#(fields)}"#, app)
            #expect(key.keyOps == KeyOperations(own + [.appManageable]))
            let common: [KeyOperation] = [.export, .appManageable, .highVolume]
            for operation in KeyOperation.allCases where !common.contains(operation) {
                let name = operation.rawValue
                let answer = try await kms.ask(
                    .post, "/crypto/v1/keys", #"{"name":"\#(name)",\#(fields),"key_ops":["\#(name)"]}"#,
                    as: app.authorization)
                #expect(answer.status == (own.contains(operation) ? 201 : 400), "\(name): \(answer.text)")
            }
        }
    }

    @Test(
        "keys of every curve are made, exported and imported",
        arguments: EllipticCurve.allCases)
    func curves(curve: EllipticCurve) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let name = curve.rawValue
            let made = try await kms.key(
                #"{"name":"a","obj_type":"EC","elliptic_curve":"\#(name)","key_ops":["EXPORT"]}"#, app)
            #expect(made.ellipticCurve == curve && made.keySize == curve.bits)
            let value = try #require(
                try await kms.post("keys/export", #"{"name":"a"}"#, app).json(Sobject.self).value)
            let again = try await kms.key(
                #"{"name":"b","obj_type":"EC","value":"\#(base64(value))"}"#, app, imported: true)
            #expect(again.ellipticCurve == curve && again.pubKey == made.pubKey && !again.publicOnly)
            let half = try await kms.key(
                #"{"name":"c","obj_type":"EC","value":"\#(base64(try #require(made.pubKey)))"}"#, app, imported: true)
            #expect(half.publicOnly && half.ellipticCurve == curve && half.pubKey == made.pubKey)
        }
    }

    @Test("Ed25519 signs as in RFC 8032")
    func ed25519() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
            let value = base64(hex: "302e020100300506032b657004220420" + seed)
            _ = try await kms.key(#"{"name":"ed","obj_type":"EC","value":"\#(value)"}"#, app, imported: true)
            // The message is empty.
            let signed = try await kms.post("sign", #"{"key":{"name":"ed"},"hash_alg":"SHA512","data":""}"#, app)
            let expected =
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            #expect(Array(try signed.json(SignResponse.self).signature) == bytes(expected), "\(signed.text)")
        }
    }

    @Test("Edwards keys sign messages, not digests", arguments: [("Ed25519", 64), ("Ed448", 114)])
    func edwards(curve: String, length: Int) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"ed","obj_type":"EC","elliptic_curve":"\#(curve)"}"#, app)
            let start = #"{"key":{"name":"ed"},"hash_alg":"SHA256""#
            let signature = try await kms.post("sign", start + #","data":"aGVsbG8="}"#, app)
                .json(SignResponse.self).signature
            #expect(signature.count == length)
            for (data, expected) in [("aGVsbG8=", true), ("aGVsbG9v", false), ("", false)] {
                let verified = try await kms.post(
                    "verify", start + #","data":"\#(data)","signature":"\#(base64(signature))"}"#, app)
                #expect(try verified.json(VerifyResponse.self).result == expected)
            }
            let hash = base64([UInt8](repeating: 7, count: 32))
            let refused = try await kms.post("sign", start + #","hash":"\#(hash)"}"#, app)
            #expect(refused.status == 400 && refused.text.contains("sign messages"))
            #expect(try await kms.post("sign", start + "}", app).status == 400)
            #expect(try await kms.post("sign", start + #","data":"","mode":{"PSS":{}}}"#, app).status == 400)
        }
    }

    @Test("keys on X25519 and X448 sign nothing", arguments: ["X25519", "X448"])
    func montgomery(curve: String) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"x","obj_type":"EC","elliptic_curve":"\#(curve)"}"#, app)
            let answer = try await kms.post("sign", #"{"key":{"name":"x"},"hash_alg":"SHA256","data":"AAAA"}"#, app)
            #expect(answer.status == 403)
        }
    }
}
