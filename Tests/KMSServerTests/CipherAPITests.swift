import FoundationEssentials
import KMSModel
import KMSServer
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("Encryption through the API")
struct CipherAPITests {
    struct Vector: Sendable {
        var mode: String
        var type = "AES"
        var key: String
        var iv: String?
        var plain: String
        var cipher: String
        var tag: String?
    }

    /// NIST SP 800-38A (F.1.1, F.2.1, F.5.1), the GCM specification (test cases 2 and 4 without data), RFC 3394 (4.1),
    /// RFC 5649 (6), NIST SP 800-67 by way of SP 800-38A's block.
    static var vectors: [Vector] {
        let key = "2b7e151628aed2a6abf7158809cf4f3c"
        let block = "6bc1bee22e409f96e93d7e117393172a"
        let zeros = String(repeating: "00", count: 16)
        return [
            Vector(mode: "ECB", key: key, plain: block, cipher: "3ad77bb40d7a3660a89ecaf32466ef97"),
            Vector(
                mode: "CBCNOPAD", key: key, iv: "000102030405060708090a0b0c0d0e0f", plain: block,
                cipher: "7649abac8119b246cee98e9b12e9197d"),
            Vector(
                mode: "CTR", key: key, iv: "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", plain: block,
                cipher: "874d6191b620e3261bef6864990db6ce"),
            Vector(
                mode: "GCM", key: zeros, iv: String(repeating: "00", count: 12), plain: zeros,
                cipher: "0388dace60b6a392f328c2b971b2fe78", tag: "ab6e47d42cec13bdf53a67b21257bddf"),
            Vector(
                mode: "KW", key: "000102030405060708090a0b0c0d0e0f", plain: "00112233445566778899aabbccddeeff",
                cipher: "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
            Vector(
                mode: "KWP", key: "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", plain: "466f7250617369",
                cipher: "afbeb0f07dfbf5419200f2ccb50bb24f"),
            Vector(
                mode: "ECB", type: "DES3", key: "0123456789abcdef23456789abcdef01456789abcdef0123",
                plain: "5468652071756663", cipher: "a826fd8ce53b855f"),
        ]
    }

    @Test("known answers, both directions", arguments: vectors)
    func known(vector: Vector) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.key(
                #"{"name":"k","obj_type":"\#(vector.type)","value":"\#(base64(hex: vector.key))"}"#, app,
                imported: true)
            let iv = vector.iv.map { #","iv":"\#(base64(hex: $0))""# } ?? ""
            let common = #""alg":"\#(vector.type)","mode":"\#(vector.mode)"\#(iv)"#
            let length = vector.tag == nil ? "" : #","tag_len":128"#
            let answer = try await kms.post(
                "encrypt", #"{"key":{"name":"k"},\#(common)\#(length),"plain":"\#(base64(hex: vector.plain))"}"#, app)
            #expect(answer.status == 200, "\(answer.text)")
            let encrypted = try answer.json(EncryptResponse.self)
            #expect(Array(encrypted.cipher) == bytes(vector.cipher))
            #expect(encrypted.iv.map(Array.init) == vector.iv.map(bytes))
            #expect(encrypted.tag.map(Array.init) == vector.tag.map(bytes))
            let tag = vector.tag.map { #","tag":"\#(base64(hex: $0))""# } ?? ""
            let path = "keys/\(made.kid ?? "")/decrypt"
            let back = try await kms.post(
                path, #"{\#(common)\#(tag),"cipher":"\#(base64(hex: vector.cipher))"}"#, app)
            #expect(Array(try back.json(DecryptResponse.self).plain) == bytes(vector.plain), "\(back.text)")
        }
    }

    @Test("what the KMS encrypts OpenSSL decrypts, with fresh IVs and any length")
    func crossCheck() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let context = kms.vault.engine.context
            for (type, count) in [(ObjectType.aes, 16), (.aes, 24), (.aes, 32), (.des3, 16), (.des3, 24)] {
                let secret = try Random.bytes(count, in: context)
                let name = "\(type.rawValue)-\(count)"
                _ = try await kms.key(
                    #"{"name":"\#(name)","obj_type":"\#(type.rawValue)","value":"\#(base64(secret))"}"#, app,
                    imported: true)
                let modes: [CipherMode] = type == .aes ? CipherMode.allCases : [.ecb, .cbc, .cbcNoPad]
                for mode in modes {
                    for length in mode.lengths {
                        let plain = try Random.bytes(length, in: context)
                        let gcm = mode == .gcm
                        let ad = gcm ? #","ad":"\#(base64([1, 2, 3]))""# : ""
                        let start = #"{"key":{"name":"\#(name)"},"mode":"\#(mode.rawValue)""#
                        let answer = try await kms.post(
                            "encrypt",
                            start + #"\#(ad)\#(gcm ? #","tag_len":96"# : ""),"plain":"\#(base64(plain))"}"#, app)
                        #expect(answer.status == 200, "\(name) \(mode) \(length): \(answer.text)")
                        let made = try answer.json(EncryptResponse.self)
                        #expect((made.iv != nil) == mode.needsIV)
                        #expect(made.tag?.count == (gcm ? 12 : nil))
                        let opened = try SymmetricCipher.decrypt(
                            Array(made.cipher), type, mode, key: Secret(secret), iv: made.iv.map(Array.init) ?? [],
                            associatedData: gcm ? [1, 2, 3] : [], tag: made.tag.map(Array.init) ?? [], in: context)
                        #expect(opened.withBytes { Array($0) } == plain)
                        let iv = made.iv.map { #","iv":"\#(base64($0))""# } ?? ""
                        let tag = made.tag.map { #","tag":"\#(base64($0))""# } ?? ""
                        let back = try await kms.post(
                            "decrypt", start + #"\#(ad)\#(iv)\#(tag),"cipher":"\#(base64(made.cipher))"}"#, app)
                        #expect(try back.json(DecryptResponse.self).plain == Data(plain), "\(back.text)")
                    }
                }
            }
        }
    }

    @Test(
        "parameters that do not belong or do not fit are 400",
        arguments: [
            ("encrypt", #""plain":"AAAA""#, "mode"), ("encrypt", #""mode":"CFB","plain":"AAAA""#, "mode"),
            ("encrypt", #""mode":"CBC""#, "plain"), ("encrypt", #""mode":"OAEP_MGF1_SHA1","plain":"AAAA""#, "AES"),
            ("encrypt", #""alg":"RSA","mode":"CBC","plain":"AAAA""#, "alg"),
            ("encrypt", #""mode":"CBC","iv":"","plain":"AAAA""#, "0 bytes"),
            ("encrypt", #""mode":"CBC","iv":"AAAA","plain":"AAAA""#, "3 bytes"),
            ("encrypt", #""mode":"CTR","iv":"AAAAAAAAAAAAAAAA","plain":"AAAA""#, "12 bytes"),
            ("encrypt", #""mode":"ECB","iv":"AAAAAAAAAAAAAAAAAAAAAA==","plain":"AAAAAAAAAAAAAAAAAAAAAA==""#, "iv"),
            ("encrypt", #""mode":"ECB","plain":"AAAA""#, "multiple of 16"),
            ("encrypt", #""mode":"CBCNOPAD","plain":"AAAA""#, "multiple of 16"),
            ("encrypt", #""mode":"CBC","ad":"AAAA","plain":"AAAA""#, "ad"),
            ("encrypt", #""mode":"CBC","tag_len":128,"plain":"AAAA""#, "tag_len"),
            ("encrypt", #""mode":"CBC","label":"AAAA","plain":"AAAA""#, "label"),
            ("encrypt", #""mode":"GCM","plain":"AAAA""#, "tag_len"),
            ("encrypt", #""mode":"GCM","tag_len":16,"plain":"AAAA""#, "128 bits"),
            ("encrypt", #""mode":"GCM","tag_len":100,"plain":"AAAA""#, "128 bits"),
            ("encrypt", #""mode":"GCM","tag_len":136,"plain":"AAAA""#, "128 bits"),
            ("encrypt", #""mode":"GCM","tag_len":-8,"plain":"AAAA""#, "128 bits"),
            ("encrypt", #""mode":"GCM","tag_len":128,"iv":"","plain":"AAAA""#, "0 bytes"),
            ("encrypt", #""mode":"KW","plain":"AAAA""#, "multiple of 8"),
            ("encrypt", #""mode":"KWP","plain":"""#, "at least one"),
            ("decrypt", #""mode":"CBC","cipher":"AAAAAAAAAAAAAAAAAAAAAA==""#, "iv"),
            ("decrypt", #""mode":"CBC","iv":"AAAAAAAAAAAAAAAAAAAAAA==","cipher":"""#, "multiple of 16"),
            ("decrypt", #""mode":"CBC","iv":"AAAAAAAAAAAAAAAAAAAAAA==","cipher":"AAAAAAAAAAAAAAAAAAAAAA==""#, "failed"),
            ("decrypt", #""mode":"GCM","iv":"AAAAAAAAAAAAAAAA","cipher":"AAAA""#, "tag"),
            ("decrypt", #""mode":"GCM","iv":"AAAAAAAAAAAAAAAA","tag":"AAAA","cipher":"AAAA""#, "3 bytes"),
            ("decrypt", #""mode":"GCM","iv":"AAAAAAAAAAAAAAAA","tag":"AAAAAA==","cipher":"AAAA""#, "failed"),
            ("decrypt", #""mode":"KW","cipher":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA""#, "failed"),
            ("encrypt/init", #""mode":"ECB""#, "in parts"), ("encrypt/init", #""mode":"KWP""#, "in parts"),
            ("decrypt/init", #""mode":"GCM""#, "iv"), ("encrypt/init", #""mode":"CTR","ad":"AAAA""#, "ad"),
            ("encrypt/update", #""plain":"AAAA","state":"AAAA""#, "state"),
            ("encrypt/update", #""plain":"AAAA""#, "state"), ("decrypt/final", #""state":"""#, "state"),
        ])
    func refusals(path: String, fields: String, complaint: String) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"k","obj_type":"AES","key_size":128}"#, app)
            let answer = try await kms.post(path, #"{"key":{"name":"k"},\#(fields)}"#, app)
            #expect(answer.status == 400)
            #expect(answer.text.contains(complaint), "\(answer.text)")
        }
    }

    @Test("a changed tag, ciphertext or associated data does not decrypt")
    func authenticity() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"k","obj_type":"AES","key_size":256}"#, app)
            let start = #"{"key":{"name":"k"},"mode":"GCM""#
            let made = try await kms.post("encrypt", start + #","ad":"AQID","tag_len":128,"plain":"aGVsbG8="}"#, app)
                .json(EncryptResponse.self)
            let iv = base64(try #require(made.iv))
            var tag = try #require(made.tag)
            func open(_ cipher: Data, _ tag: Data, _ ad: String) async throws -> TestKMS.Answer {
                try await kms.post(
                    "decrypt",
                    start + #","ad":"\#(ad)","iv":"\#(iv)","tag":"\#(base64(tag))","cipher":"\#(base64(cipher))"}"#, app
                )
            }
            #expect(try await open(made.cipher, tag, "AQID").json(DecryptResponse.self).plain == Data("hello".utf8))
            #expect(try await open(made.cipher, tag, "AQIE").status == 400)
            #expect(try await open(made.cipher.dropLast() + [0], tag, "AQID").status == 400)
            tag[0] ^= 1
            let refused = try await open(made.cipher, tag, "AQID")
            #expect(refused.status == 400)
            #expect(refused.text.hasPrefix("Decryption failed"))
        }
    }

    @Test("policy: operations, permissions, states, audit")
    func policy() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web", permissions: ["CREATE_SOBJECTS", "ENCRYPT"])
            _ = try await kms.key(#"{"name":"k","obj_type":"AES","key_size":256}"#, app)
            let decryptOnly = try await kms.key(
                #"{"name":"d","obj_type":"AES","key_size":256,"key_ops":["DECRYPT"]}"#, app)
            let body = #""mode":"CBC","plain":"AAAA","cipher":"AAAA","iv":"AAAAAAAAAAAAAAAAAAAAAA==""#
            #expect(try await kms.post("encrypt", #"{"key":{"name":"k"},\#(body)}"#, app).status == 200)
            #expect(try await kms.post("decrypt", #"{"key":{"name":"k"},\#(body)}"#, app).status == 403)
            #expect(try await kms.post("encrypt", #"{"key":{"name":"d"},\#(body)}"#, app).status == 403)
            let admin = try await kms.administrator()
            let revoke = "/crypto/v1/keys/\(decryptOnly.kid ?? "")/revoke"
            #expect(try await kms.ask(.post, revoke, #"{"code":"Superseded"}"#, as: admin).status == 204)
            // Of a deactivated key only what is old can still be read.
            let decrypted = try await kms.ask(
                .post, "/crypto/v1/decrypt", #"{"key":{"name":"d"},\#(body)}"#, as: admin)
            #expect(decrypted.status == 400 && decrypted.text.contains("multiple"))
            let logs = try await kms.ask(.get, "/sys/v1/logs", as: admin).json(AuditResponse.self).hits
            #expect(logs.contains { $0.source.message == #"App "web" encrypted with "k" (AES CBC)"# })
        }
    }
}

extension CipherMode {
    /// Interesting lengths of a plaintext, in bytes.
    fileprivate var lengths: [Int] {
        switch self {
        case .ecb, .cbcNoPad: [0, 16, 48]
        case .cbc, .ctr, .gcm: [0, 1, 15, 16, 17, 1000]
        case .kw: [16, 24, 40]
        case .kwp: [1, 7, 8, 9, 100]
        }
    }
}

@Suite("RSA encryption through the API")
struct RSACipherAPITests {
    static let everything = #","rsa":{"encryption_policy":[{"padding":null}]}"#

    @Test(
        "every padding, cross-checked with OpenSSL",
        arguments: [
            (#"{"PKCS1_V15":{}}"#, RSAPadding.pkcs1V15), (#""PKCS1_V15""#, .pkcs1V15),
            (#"{"OAEP":{}}"#, .oaep(hash: .sha256, mgf: .sha256)),
            (#"{"OAEP":{"mgf":null}}"#, .oaep(hash: .sha256, mgf: .sha256)),
            (#"{"OAEP":{"mgf":{"mgf1":{"hash":"SHA1"}}}}"#, .oaep(hash: .sha1, mgf: .sha1)),
            (#"{"OAEP":{"mgf":{"mgf1":{"hash":"SHA3_256"}}}}"#, .oaep(hash: .sha3_256, mgf: .sha3_256)),
            (#""OAEP_MGF1_SHA512""#, .oaep(hash: .sha512, mgf: .sha512)),
        ])
    func paddings(mode: String, padding: RSAPadding) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let key = try await kms.key(
                #"{"name":"r","obj_type":"RSA","key_size":2048\#(RSACipherAPITests.everything)}"#, app)
            let publicKey = try PublicKey(
                subjectPublicKeyInfo: Array(try #require(key.pubKey)), in: kms.vault.engine.context)
            let plain = Array("hello".utf8)
            var label: [UInt8] = []
            if case .oaep = padding { label = [9, 8, 7] }
            let field = label.isEmpty ? "" : #","label":"\#(base64(label))""#
            let start = #"{"key":{"name":"r"},"alg":"RSA","mode":\#(mode)\#(field)"#
            let outside = try publicKey.encrypt(Secret(plain), padding: padding, label: label)
            let inside = try await kms.post("encrypt", start + #","plain":"\#(base64(plain))"}"#, app)
                .json(EncryptResponse.self)
            #expect(inside.cipher.count == 256 && inside.iv == nil && inside.tag == nil)
            for cipher in [Data(outside), inside.cipher] {
                let back = try await kms.post("decrypt", start + #","cipher":"\#(base64(cipher))"}"#, app)
                #expect(try back.json(DecryptResponse.self).plain == Data(plain), "\(back.text)")
            }
            let long = base64([UInt8](repeating: 1, count: 246))
            let refused = try await kms.post("encrypt", start + #","plain":"\#(long)"}"#, app)
            #expect(refused.status == 400 && refused.text.contains("at most"))
            let short = try await kms.post("decrypt", start + #","cipher":"AAAA"}"#, app)
            #expect(short.status == 400 && short.text.contains("makes 256"))
            let wrong = base64([UInt8](repeating: 1, count: 256))
            let failed = try await kms.post("decrypt", start + #","cipher":"\#(wrong)"}"#, app)
            // PKCS #1 v1.5 may be made to answer something random instead.
            if padding != .pkcs1V15 { #expect(failed.status == 400 && failed.text.hasPrefix("Decryption failed")) }
        }
    }

    @Test("the bare operation decrypts and does not encrypt")
    func raw() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let key = try await kms.key(
                #"{"name":"r","obj_type":"RSA","key_size":2048\#(RSACipherAPITests.everything)}"#, app)
            let publicKey = try PublicKey(
                subjectPublicKeyInfo: Array(try #require(key.pubKey)), in: kms.vault.engine.context)
            let plain = [UInt8](repeating: 0, count: 200) + [UInt8](repeating: 5, count: 56)
            let cipher = try publicKey.encrypt(Secret(plain), padding: .raw, label: [])
            let start = #"{"key":{"name":"r"},"mode":{"RAW_DECRYPT":{}}"#
            let back = try await kms.post("decrypt", start + #","cipher":"\#(base64(cipher))"}"#, app)
            #expect(try back.json(DecryptResponse.self).plain == Data(plain), "\(back.text)")
            let refused = try await kms.post("encrypt", start + #","plain":"\#(base64(plain))"}"#, app)
            #expect(refused.status == 400 && refused.text.contains("decryption only"))
        }
    }

    @Test(
        "the encryption policy binds",
        arguments: [
            ("", #","mode":{"PKCS1_V15":{}}"#, 403), ("", #","mode":{"RAW_DECRYPT":{}}"#, 403), ("", "", 200),
            (#","rsa":{"encryption_policy":[]}"#, "", 403),
            (#","rsa":{"encryption_policy":[]}"#, #","mode":{"OAEP":{}}"#, 403),
            (#","rsa":{"encryption_policy":[{"padding":{"PKCS1_V15":{}}}]}"#, "", 200),
            (#","rsa":{"encryption_policy":[{"padding":{"PKCS1_V15":{}}}]}"#, #","mode":{"OAEP":{}}"#, 403),
            (
                #","rsa":{"encryption_policy":[{"padding":{"OAEP":{}}},{"padding":{"PKCS1_V15":{}}}]}"#,
                #","mode":{"PKCS1_V15":{}}"#, 200
            ),
            (#","rsa":{"encryption_policy":[{}]}"#, #","mode":{"PKCS1_V15":{}}"#, 200),
            ("", #","mode":"CBC""#, 400), ("", #","mode":{"OAEP":{}},"iv":"AAAA""#, 400),
            (#","rsa":{"encryption_policy":[{}]}"#, #","mode":{"PKCS1_V15":{}},"label":"AAAA""#, 400),
            ("", #","mode":{"OAEP":{"mgf":{"mgf1":{"hash":"SSL3"}}}}"#, 400),
        ])
    func policy(options: String, mode: String, status: Int) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"r","obj_type":"RSA","key_size":2048\#(options)}"#, app)
            let answer = try await kms.post("encrypt", #"{"key":{"name":"r"}\#(mode),"plain":"AAAA"}"#, app)
            #expect(answer.status == status, "\(answer.text)")
        }
    }
}
