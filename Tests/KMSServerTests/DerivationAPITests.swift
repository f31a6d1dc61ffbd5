import FoundationEssentials
import KMSModel
import KMSServer
import OpenSSLCrypto
import Testing

@Suite("Derived and agreed keys through the API")
struct DerivationAPITests {
    private static func value(_ kms: TestKMS, _ name: String, _ app: TestKMS.TestApp) async throws -> String {
        try #require(
            try await kms.post("keys/export", #"{"name":"\#(name)"}"#, app).json(Sobject.self).value
        ).base64EncodedString()
    }

    @Test("HKDF: RFC 5869, test case 1")
    func hkdf() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let secret = base64(hex: String(repeating: "0b", count: 22))
            let parent = try await kms.key(#"{"name":"s","value":"\#(secret)"}"#, app, imported: true)
            let salt = base64(hex: "000102030405060708090a0b0c")
            let info = base64(hex: "f0f1f2f3f4f5f6f7f8f9")
            let mechanism = #"{"hkdf":{"hash_alg":"SHA256","salt":"\#(salt)","info":"\#(info)"}}"#
            let body =
                #"{"key":{"name":"s"},"name":"d","key_type":"SECRET","key_size":336,"mechanism":\#(mechanism),"#
                + #""key_ops":["EXPORT"]}"#
            let answer = try await kms.post("derive", body, app)
            #expect(answer.status == 201, "\(answer.text)")
            let made = try answer.json(Sobject.self)
            #expect(made.links?.parent == parent.kid && made.origin == .fortanixHSM && made.keySize == 336)
            let expected = base64(
                hex: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
            #expect(try await DerivationAPITests.value(kms, "d", app) == expected)

            // The same through the path, into a transient AES key without EXPORT.
            let path = "keys/\(parent.kid ?? "")/derive"
            let transient = try await kms.post(
                path, #"{"key_type":"AES","key_size":128,"mechanism":\#(mechanism),"transient":true}"#, app)
            #expect(transient.status == 201, "\(transient.text)")
            let key = try transient.json(Sobject.self)
            #expect(!key.keyOps.contains(.export) && key.keyOps.contains(.encrypt) && key.kid == nil)
        }
    }

    @Test("encrypt_data: the ciphertext is the key")
    func encryption() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let key = base64(hex: "2b7e151628aed2a6abf7158809cf4f3c")
            _ = try await kms.key(#"{"name":"p","obj_type":"AES","value":"\#(key)"}"#, app, imported: true)
            let plain = base64(hex: "6bc1bee22e409f96e93d7e117393172a")
            let iv = base64(hex: "000102030405060708090a0b0c0d0e0f")
            func derive(_ mechanism: String, size: Int = 128, more: String = "") async throws -> TestKMS.Answer {
                try await kms.post(
                    "derive",
                    #"{"key":{"name":"p"},"name":"\#(newID())","key_type":"AES","key_size":\#(size)\#(more),"#
                        + #""key_ops":["EXPORT"],"mechanism":{"encrypt_data":{"alg":"AES",\#(mechanism)}}}"#, app)
            }
            // NIST SP 800-38A: F.1.1 and F.2.1.
            for (mechanism, expected) in [
                (#""mode":"ECB","plain":"\#(plain)""#, "3ad77bb40d7a3660a89ecaf32466ef97"),
                (#""mode":"CBCNOPAD","plain":"\#(plain)","iv":"\#(iv)""#, "7649abac8119b246cee98e9b12e9197d"),
            ] {
                let answer = try await derive(mechanism)
                #expect(answer.status == 201, "\(answer.text)")
                let name = try answer.json(Sobject.self).name ?? ""
                #expect(try await DerivationAPITests.value(kms, name, app) == base64(hex: expected))
            }
            #expect(try await derive(#""mode":"CBC","plain":"\#(plain)","iv":"\#(iv)""#, size: 256).status == 201)
            #expect(try await derive(#""mode":"CTR","plain":"\#(plain)","iv":"\#(iv)""#).status == 201)
            for (mechanism, complaint) in [
                (#""mode":"CBC","plain":"\#(plain)","iv":"\#(iv)""#, "key_size"),
                (#""mode":"ECB","plain":"AAAA""#, "plain"), (#""mode":"CBCNOPAD","plain":"\#(plain)""#, "iv"),
                (#""mode":"CBCNOPAD","plain":"\#(plain)","iv":"AAAA""#, "iv"),
                (#""mode":"GCM","plain":"\#(plain)","tag_len":128"#, "mode"),
                (#""mode":"KW","plain":"\#(plain)""#, "mode"), (#""plain":"\#(plain)""#, "mode"),
                (#""mode":"ECB","plain":"\#(plain)","key":{"name":"q"}"#, "key"),
            ] {
                let answer = try await derive(mechanism)
                #expect(answer.status == 400 && answer.text.contains(complaint), "\(mechanism): \(answer.text)")
            }
        }
    }

    @Test("needs DERIVEKEY, a size, a type, one mechanism")
    func refusals() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"p","obj_type":"AES","key_size":128}"#, app)
            _ = try await kms.key(#"{"name":"no","obj_type":"AES","key_size":128,"key_ops":["ENCRYPT"]}"#, app)
            _ = try await kms.key(#"{"name":"rsa","obj_type":"RSA","key_size":2048}"#, app)
            let hkdf = #""mechanism":{"hkdf":{"hash_alg":"SHA256"}}"#
            for (fields, status) in [
                (#""key":{"name":"no"},"key_type":"AES","key_size":128,\#(hkdf)"#, 403),
                (#""key":{"name":"rsa"},"key_type":"AES","key_size":128,\#(hkdf)"#, 403),
                (#""key":{"name":"p"},"key_type":"AES",\#(hkdf)"#, 400),
                (#""key":{"name":"p"},"key_type":"AES","key_size":129,\#(hkdf)"#, 400),
                (#""key":{"name":"p"},"key_type":"SECRET","key_size":65288,\#(hkdf)"#, 400),
                (#""key":{"name":"p"},"key_type":"RSA","key_size":2048,\#(hkdf)"#, 400),
                (#""key":{"name":"p"},"key_type":"AES","obj_type":"HMAC","key_size":128,\#(hkdf)"#, 400),
                (#""key":{"name":"p"},"key_type":"AES","key_size":128,"mechanism":{}"#, 400),
                (#""key":{"name":"p"},"key_type":"AES","key_size":128"#, 400),
                (#""key":{"name":"p"},"key_type":"AES","key_size":128,"mechanism":{"hkdf":{"hash_alg":"SSL3"}}"#, 400),
                (#""key":{"name":"p"},"key_type":"AES","key_size":128,"value":"AAAA",\#(hkdf)"#, 400),
                (#""key":{"name":"p"},"key_type":"SECRET","key_size":65280,\#(hkdf)"#, 201),
            ] {
                let answer = try await kms.post("derive", #"{"name":"d",\#(fields)}"#, app)
                #expect(answer.status == status, "\(fields): \(answer.text)")
            }
        }
    }

    @Test("two sides agree, on every curve, stored and transient")
    func agree() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for (curve, bits) in [
                ("NistP224", 224), ("NistP256", 256), ("NistP384", 384), ("NistP521", 528), ("SecP256K1", 256),
                ("X25519", 256), ("X448", 448),
            ] {
                var keys: [Sobject] = []
                for side in ["a", "b"] {
                    keys.append(
                        try await kms.key(
                            #"{"name":"\#(side)\#(curve)","obj_type":"EC","elliptic_curve":"\#(curve)"}"#, app))
                }
                let info = try #require(keys[1].pubKey).base64EncodedString()
                let peer = try await kms.key(
                    #"{"obj_type":"EC","value":"\#(info)","transient":true,"key_ops":["AGREEKEY"]}"#, app,
                    imported: true)
                func agree(_ own: String, _ other: String, _ size: String) async throws -> TestKMS.Answer {
                    try await kms.post(
                        "agree",
                        #"{"private_key":{"name":"\#(own)\#(curve)"},"public_key":\#(other),"key_type":"SECRET","#
                            + #""mechanism":"diffie_hellman","transient":true,"key_ops":["EXPORT"]\#(size)}"#, app)
                }
                func secret(_ answer: TestKMS.Answer) async throws -> Data {
                    #expect(answer.status == 201, "\(curve): \(answer.text)")
                    let key = try TransientKeyTests.descriptor(try answer.json(Sobject.self))
                    return try #require(try await kms.post("keys/export", key, app).json(Sobject.self).value)
                }
                let one = try await secret(agree("a", try TransientKeyTests.descriptor(peer), #","key_size":\#(bits)"#))
                let other = try await secret(agree("b", #"{"name":"a\#(curve)"}"#, ""))
                #expect(one == other && one.count * 8 == bits)
                let short = try await secret(agree("b", #"{"name":"a\#(curve)"}"#, #","key_size":128"#))
                #expect(short == one.prefix(16))
                let long = try await agree("b", #"{"name":"a\#(curve)"}"#, #","key_size":\#(bits + 8)"#)
                #expect(long.status == 400 && long.text.contains("\(bits)"))
                #expect(try await agree("b", #"{"name":"a\#(curve)"}"#, #","key_size":7"#).status == 400)
            }
        }
    }

    @Test("agreement: AGREEKEY on both, one curve, a known mechanism, a symmetric result")
    func agreementRefusals() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for (name, curve, operations) in [
                ("a", "NistP256", #"["AGREEKEY"]"#), ("b", "NistP256", #"["AGREEKEY"]"#),
                ("no", "NistP256", #"["SIGN"]"#), ("x", "X25519", #"["AGREEKEY"]"#), ("ed", "Ed25519", #"["SIGN"]"#),
            ] {
                _ = try await kms.key(
                    #"{"name":"\#(name)","obj_type":"EC","elliptic_curve":"\#(curve)","key_ops":\#(operations)}"#, app)
            }
            let info = try await kms.post("keys/info", #"{"name":"b"}"#, app).json(Sobject.self).pubKey
            _ = try await kms.key(
                #"{"name":"public","obj_type":"EC","value":"\#(base64(try #require(info)))"}"#, app, imported: true)
            func status(
                _ own: String, _ peer: String, type: String = "AES", mechanism: String = "diffie_hellman"
            ) async throws -> Int {
                try await kms.post(
                    "agree",
                    #"{"private_key":{"name":"\#(own)"},"public_key":{"name":"\#(peer)"},"key_type":"\#(type)","#
                        + #""mechanism":"\#(mechanism)","key_size":256,"name":"\#(newID())"}"#, app
                ).status
            }
            #expect(try await status("a", "public") == 201)
            #expect(try await status("a", "b", type: "HMAC") == 201)
            #expect(try await status("a", "no") == 403)
            #expect(try await status("no", "b") == 403)
            #expect(try await status("a", "ed") == 403)
            #expect(try await status("a", "x") == 400)
            #expect(try await status("public", "a") == 400)
            #expect(try await status("a", "b", type: "RSA") == 400)
            #expect(try await status("a", "b", mechanism: "mqv") == 400)
            #expect(try await status("a", "nobody") == 404)
        }
    }
}
