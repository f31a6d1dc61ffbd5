import FoundationEssentials
import KMSModel
import KMSServer
import Testing

@Suite("Policies of RSA keys")
struct RSAPolicyTests {
    private static func oaep(_ hash: String) -> String { #"{"OAEP":{"mgf":{"mgf1":{"hash":"\#(hash)"}}}}"# }
    private static func pss(_ hash: String) -> String { #"{"PSS":{"mgf":{"mgf1":{"hash":"\#(hash)"}}}}"# }
    private static func entry(_ padding: String) -> String { #"{"padding":\#(padding)}"# }

    private static func make(
        _ kms: TestKMS, _ app: TestKMS.TestApp, _ name: String = "r", encryption: String = "[{}]",
        signature: String = "[{}]"
    ) async throws -> TestKMS.Answer {
        let rsa = #"{"encryption_policy":\#(encryption),"signature_policy":\#(signature)}"#
        let more = #","key_ops":["SIGN","VERIFY","ENCRYPT","DECRYPT","WRAPKEY","UNWRAPKEY","APPMANAGEABLE"]"#
        let body = #"{"name":"\#(name)","obj_type":"RSA","key_size":2048,"rsa":\#(rsa)\#(more)}"#
        return try await kms.ask(.post, "/crypto/v1/keys", body, as: app.authorization)
    }

    private static func encrypt(_ kms: TestKMS, _ app: TestKMS.TestApp, _ mode: String?) async throws -> TestKMS.Answer
    {
        let field = mode.map { #","mode":\#($0)"# } ?? ""
        return try await kms.post("encrypt", #"{"key":{"name":"r"},"plain":"AAAA"\#(field)}"#, app)
    }

    private static func sign(_ kms: TestKMS, _ app: TestKMS.TestApp, _ mode: String?) async throws -> TestKMS.Answer {
        let field = mode.map { #","mode":\#($0)"# } ?? ""
        return try await kms.post("sign", #"{"key":{"name":"r"},"hash_alg":"SHA256","data":"AAAA"\#(field)}"#, app)
    }

    @Test("OAEP of one hash: encrypt, decrypt, wrap and unwrap refuse the others, and batches do")
    func oneHashOfOAEP() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await RSAPolicyTests.make(
                kms, app, encryption: "[\(RSAPolicyTests.entry(RSAPolicyTests.oaep("SHA256")))]")
            #expect(made.status == 201, "\(made.text)")
            #expect(
                made.text.contains(#""encryption_policy":[{"padding":{"OAEP":{"mgf":{"mgf1":{"hash":"SHA256"}}}}}]"#))
            _ = try await kms.key(#"{"name":"s","obj_type":"AES","key_size":256,"key_ops":["EXPORT"]}"#, app)
            let right = RSAPolicyTests.oaep("SHA256")
            let cipher = base64(
                try await RSAPolicyTests.encrypt(kms, app, right).json(EncryptResponse.self).cipher)
            let wrapped = base64(
                try await kms.post(
                    "wrapkey", #"{"key":{"name":"r"},"subject":{"name":"s"},"alg":"RSA","mode":\#(right)}"#, app
                ).json(WrapKeyResponse.self).wrappedKey)
            for (mode, isAllowed) in [
                (right, true), (#""OAEP_MGF1_SHA256""#, true), (#"{"OAEP":{"mgf":null}}"#, true),
                (RSAPolicyTests.oaep("SHA1"), false), (#""OAEP_MGF1_SHA1""#, false),
                (RSAPolicyTests.oaep("SHA512"), false), (#"{"PKCS1_V15":{}}"#, false), (#"{"RAW_DECRYPT":{}}"#, false),
            ] {
                let key = #""key":{"name":"r"},"alg":"RSA","mode":\#(mode)"#
                for (path, body) in [
                    ("encrypt", #"\#(key),"plain":"AAAA""#), ("decrypt", #"\#(key),"cipher":"\#(cipher)""#),
                    ("wrapkey", #"\#(key),"subject":{"name":"s"}"#),
                    ("unwrapkey", #"\#(key),"wrapped_key":"\#(wrapped)","obj_type":"AES","transient":true"#),
                ] {
                    let answer = try await kms.post(path, "{\(body)}", app)
                    let success = path == "unwrapkey" ? 201 : 200
                    #expect(answer.status == (isAllowed ? success : 403), "\(path) \(mode): \(answer.text)")
                    if !isAllowed { #expect(answer.text.contains("encryption policy"), "\(answer.text)") }
                }
                let kid = try made.json(Sobject.self).kid ?? ""
                let item = #"{"kid":"\#(kid)","request":{"alg":"RSA","mode":\#(mode),"plain":"AAAA"}}"#
                let batch = try await kms.post("keys/batch/encrypt", "[\(item)]", app).text
                #expect(batch.contains(#""status":\#(isAllowed ? 200 : 403)"#), "\(batch)")
            }
        }
    }

    @Test("PSS of one hash: sign and verify refuse the others")
    func oneHashOfPSS() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await RSAPolicyTests.make(
                kms, app, signature: "[\(RSAPolicyTests.entry(RSAPolicyTests.pss("sha384")))]")
            #expect(made.text.contains(#""signature_policy":[{"padding":{"PSS":{"mgf":{"mgf1":{"hash":"SHA384"}}}}}]"#))
            // What the request leaves open the policy says: not the KMS's default, SHA256.
            let signature = base64(
                try await RSAPolicyTests.sign(kms, app, nil).json(SignResponse.self).signature)
            for (mode, isAllowed) in [
                (RSAPolicyTests.pss("SHA384"), true), (#"{"PSS":{}}"#, true), (#"{"PSS":{"mgf":null}}"#, true),
                (RSAPolicyTests.pss("SHA256"), false), (RSAPolicyTests.pss("SHA1"), false),
                (#"{"PKCS1_V15":{}}"#, false),
            ] {
                #expect(try await RSAPolicyTests.sign(kms, app, mode).status == (isAllowed ? 200 : 403), "\(mode)")
                let body =
                    #"{"key":{"name":"r"},"hash_alg":"SHA256","data":"AAAA","mode":\#(mode),"signature":"\#(signature)"}"#
                let verified = try await kms.post("verify", body, app)
                #expect(verified.status == (isAllowed ? 200 : 403), "\(mode)")
                if isAllowed { #expect(try verified.json(VerifyResponse.self).result, "\(mode)") }
            }
        }
    }

    @Test(
        "a bare name allows every hash",
        arguments: [#"{"OAEP":{}}"#, #"{"OAEP":null}"#, #"{"OAEP":{"mgf":null}}"#, #"{"OAEP":{"mgf":{"mgf1":null}}}"#])
    func bare(padding: String) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let pss = padding.replacing("OAEP", with: "PSS")
            let made = try await RSAPolicyTests.make(
                kms, app, encryption: "[\(RSAPolicyTests.entry(padding))]", signature: "[\(RSAPolicyTests.entry(pss))]")
            #expect(made.text.contains(#""encryption_policy":[{"padding":{"OAEP":{}}}]"#), "\(made.text)")
            for hash in HashAlgorithm.allCases where hash != .ssl3 {
                let oaep = try await RSAPolicyTests.encrypt(kms, app, RSAPolicyTests.oaep(hash.rawValue))
                #expect(oaep.status == 200, "\(hash): \(oaep.text)")
                let pss = try await RSAPolicyTests.sign(kms, app, RSAPolicyTests.pss(hash.rawValue))
                #expect(pss.status == 200, "\(hash): \(pss.text)")
            }
            #expect(try await RSAPolicyTests.encrypt(kms, app, #"{"PKCS1_V15":{}}"#).status == 403)
            #expect(try await RSAPolicyTests.sign(kms, app, #"{"PKCS1_V15":{}}"#).status == 403)
        }
    }

    @Test("the first entry that fits says what the request leaves open")
    func order() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let entries = [#"{"PKCS1_V15":{}}"#, RSAPolicyTests.oaep("SHA1"), RSAPolicyTests.oaep("SHA384")]
            let policy = "[\(entries.map(RSAPolicyTests.entry).joined(separator: ","))]"
            #expect(try await RSAPolicyTests.make(kms, app, encryption: policy).status == 201)
            for (mode, expected) in [
                (nil, "RSA PKCS1_V15"), (#"{"OAEP":{}}"#, "RSA OAEP SHA1"),
                (RSAPolicyTests.oaep("SHA384"), "RSA OAEP SHA384"), (RSAPolicyTests.oaep("SHA1"), "RSA OAEP SHA1"),
            ] {
                #expect(try await RSAPolicyTests.encrypt(kms, app, mode).status == 200)
                let logs = try await kms.ask(.get, "/sys/v1/logs?size=1000", as: try await kms.administrator())
                    .json(AuditResponse.self).hits.map(\.source.message).filter { $0.contains("encrypted") }
                #expect(logs.contains { $0.contains("(\(expected))") }, "\(logs)")
            }
            #expect(try await RSAPolicyTests.encrypt(kms, app, RSAPolicyTests.oaep("SHA256")).status == 403)
        }
    }

    @Test("PATCH changes the policy at once; copies have it")
    func patch() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await RSAPolicyTests.make(kms, app).json(Sobject.self)
            let path = "/crypto/v1/keys/\(made.kid ?? "")"
            #expect(try await RSAPolicyTests.encrypt(kms, app, RSAPolicyTests.oaep("SHA1")).status == 200)
            let entry = RSAPolicyTests.entry(RSAPolicyTests.oaep("SHA256"))
            let change = #"{"rsa":{"encryption_policy":[\#(entry)],"signature_policy":null}}"#
            let changed = try await kms.ask(.patch, path, change, as: app.authorization).json(Sobject.self)
            #expect(changed.rsa?.encryptionPolicy == [.init(padding: .init("OAEP", hash: .sha256))])
            #expect(changed.rsa?.signaturePolicy == [.init(padding: nil)])
            #expect(try await RSAPolicyTests.encrypt(kms, app, RSAPolicyTests.oaep("SHA1")).status == 403)
            #expect(try await RSAPolicyTests.encrypt(kms, app, RSAPolicyTests.oaep("SHA256")).status == 200)
            let shown = try await kms.ask(.get, path, as: app.authorization).json(Sobject.self)
            #expect(shown.rsa == changed.rsa)
            let wrong = #"{"rsa":{"encryption_policy":[\#(RSAPolicyTests.entry(RSAPolicyTests.oaep("MD5")))]}}"#
            #expect(try await kms.ask(.patch, path, wrong, as: app.authorization).status == 400)
            let rotated = try await kms.post("keys/rekey", #"{"name":"r","obj_type":"RSA"}"#, app)
            #expect(rotated.status == 200, "\(rotated.text)")
            #expect(try rotated.json(Sobject.self).rsa?.encryptionPolicy == changed.rsa?.encryptionPolicy)
        }
    }

    @Test(
        "a policy that nothing could fit, or that would lose a part, is 400",
        arguments: [
            (#"{"oaep":{}}"#, "unknown padding"), (#"{"PSS":{}}"#, "unknown padding"), (#"{}"#, "exactly one name"),
            (#"{"OAEP":{},"PKCS1_V15":{}}"#, "exactly one name"), (#""OAEP""#, "encryption_policy"),
            (#"{"OAEP":{"mgf":{"mgf2":{}}}}"#, "mgf1"), (oaep("MD5"), "unknown hash"), (oaep("SSL3"), "unknown hash"),
            (#"{"OAEP":{"mgf":{"mgf1":{"hash":1}}}}"#, "hash"),
            (#"{"PKCS1_V15":{"mgf":{"mgf1":{"hash":"SHA1"}}}}"#, "has no mgf"),
        ])
    func malformed(padding: String, complaint: String) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let answer = try await RSAPolicyTests.make(kms, app, encryption: "[\(RSAPolicyTests.entry(padding))]")
            #expect(answer.status == 400 && answer.text.contains(complaint), "\(answer.text)")
        }
    }
}
