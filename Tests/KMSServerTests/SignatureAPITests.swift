import FoundationEssentials
import KMSModel
import KMSServer
import OpenSSLCrypto
import Testing

@Suite("Signatures through the API")
struct SignatureAPITests {
    static func hash(_ algorithm: HashAlgorithm) -> String {
        Data([UInt8](repeating: 0x42, count: algorithm.length)).base64EncodedString()
    }

    @Test("every hash with PKCS#1 v1.5, PSS and ECDSA signs and verifies")
    func matrix() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for body in [
                #"{"name":"rsa","obj_type":"RSA","key_size":2048}"#,
                #"{"name":"ec","obj_type":"EC","elliptic_curve":"NistP384"}"#,
            ] { #expect(try await kms.ask(.post, "/crypto/v1/keys", body, as: app.authorization).status == 201) }
            for hash in HashAlgorithm.allCases {
                let digest = SignatureAPITests.hash(hash)
                let mgf = #","mode":{"PSS":{"mgf":{"mgf1":{"hash":"\#(hash.rawValue)"}}}}"#
                for (key, mode) in [("rsa", ""), ("rsa", #","mode":{"PKCS1_V15":{}}"#), ("rsa", mgf), ("ec", "")] {
                    if hash == .ssl3, key == "ec" || mode == mgf { continue }
                    let body = #""key":{"name":"\#(key)"},"hash_alg":"\#(hash.rawValue)","hash":"\#(digest)"\#(mode)"#
                    let signed = try await kms.ask(.post, "/crypto/v1/sign", "{\(body)}", as: app.authorization)
                    #expect(signed.status == 200, "\(key) \(hash) \(mode): \(signed.text)")
                    let signature = try signed.json(SignResponse.self).signature
                    if key == "rsa" { #expect(signature.count == 256) }
                    for (bytes, expected) in [
                        (signature, true), (Data(signature.reversed()), false), (Data([1]), false),
                    ] {
                        let verified = try await kms.ask(
                            .post, "/crypto/v1/verify",
                            #"{\#(body),"signature":"\#(bytes.base64EncodedString())"}"#, as: app.authorization)
                        #expect(try verified.json(VerifyResponse.self).result == expected)
                    }
                }
            }
        }
    }

    @Test(
        "requests that make no sense are 400 with a sentence",
        arguments: [
            (#""key":{"name":"rsa"},"hash_alg":"SHA256","hash":"AAAA""#, "has 3 bytes"),
            (#""key":{"name":"rsa"},"hash_alg":"SHA256""#, "Exactly one"),
            (#""key":{"name":"rsa"},"hash_alg":"SHA256","hash":"\#(hash(.sha256))","data":"AAAA""#, "Exactly one"),
            (#""key":{"name":"rsa"},"hash_alg":"MD5","hash":"AAAA""#, "hash_alg"),
            (#""key":{"name":"rsa"},"hash_alg":7,"hash":"AAAA""#, "hash_alg"),
            (#""key":{"name":"rsa"},"hash":"AAAA""#, "hash_alg"),
            (#""key":{"name":"rsa"},"hash_alg":"SHA256","hash":"not base64""#, "hash"),
            (#""key":{},"hash_alg":"SHA256","hash":"\#(hash(.sha256))""#, "exactly one of"),
            (#""hash_alg":"SHA256","hash":"\#(hash(.sha256))""#, "exactly one of"),
            (#""key":{"name":"ec"},"hash_alg":"SHA256","hash":"\#(hash(.sha256))","mode":{"PSS":{}}"#, "RSA keys only"),
            (#""key":{"name":"ec"},"hash_alg":"SSL3","hash":"\#(hash(.ssl3))""#, "RSA keys only"),
            (#""key":{"name":"rsa"},"hash_alg":"SSL3","data":"AAAA""#, "SSL3"),
            (#""key":{"name":"rsa"},"hash_alg":"SHA256","hash":"\#(hash(.sha256))","mode":{}"#, "mode"),
            (#""key":{"name":"rsa"},"hash_alg":"SHA256","hash":"\#(hash(.sha256))","mode":"PSS""#, "mode"),
        ])
    func refusals(body: String, complaint: String) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for key in [
                #"{"name":"rsa","obj_type":"RSA","key_size":2048}"#,
                #"{"name":"ec","obj_type":"EC","elliptic_curve":"NistP256"}"#,
            ] { #expect(try await kms.ask(.post, "/crypto/v1/keys", key, as: app.authorization).status == 201) }
            let answer = try await kms.ask(.post, "/crypto/v1/sign", "{\(body)}", as: app.authorization)
            #expect(answer.status == 400)
            #expect(answer.text.contains(complaint), "\(answer.text)")
        }
    }

    @Test("the signature policy of an RSA key binds")
    func policy() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.ask(
                .post, "/crypto/v1/keys",
                #"{"name":"pss","obj_type":"RSA","key_size":2048,"rsa":{"signature_policy":[{"padding":{"PSS":{}}}]}}"#,
                as: app.authorization)
            #expect(made.status == 201)
            let start = #"{"key":{"name":"pss"},"hash_alg":"SHA256","hash":"\#(SignatureAPITests.hash(.sha256))""#
            #expect(
                try await kms.ask(
                    .post, "/crypto/v1/sign", start + #","mode":{"PKCS1_V15":{}}}"#, as: app.authorization
                ).status == 403)
            let signed = try await kms.ask(.post, "/crypto/v1/sign", start + "}", as: app.authorization)
            let key = try made.json(Sobject.self)
            let publicKey = try PublicKey(
                subjectPublicKeyInfo: Array(try #require(key.pubKey)), in: try ProcessContext.get())
            #expect(
                try publicKey.verify(
                    [UInt8](repeating: 0x42, count: 32),
                    signature: Array(try signed.json(SignResponse.self).signature),
                    algorithm: .rsaPSS(.sha256, mgf: .sha256)))
        }
    }

    @Test("a refused signature is in the audit log")
    func refusedIsRecorded() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.ask(
                .post, "/crypto/v1/keys",
                #"{"name":"v","obj_type":"EC","elliptic_curve":"NistP256","key_ops":["VERIFY"]}"#,
                as: app.authorization
            ).json(Sobject.self)
            let body = #"{"key":{"name":"v"},"hash_alg":"SHA256","hash":"\#(SignatureAPITests.hash(.sha256))"}"#
            let answer = try await kms.ask(.post, "/crypto/v1/sign", body, as: app.authorization)
            #expect(answer.status == 403)
            let logs = try await kms.ask(
                .get, "/sys/v1/logs?object_id=\(made.kid ?? "")&severity=warning", as: try await kms.administrator()
            ).json(AuditResponse.self)
            #expect(logs.hits.count == 1)
        }
    }
}
