import FoundationEssentials
import KMSModel
import KMSServer
import OpenSSLCrypto
import Testing

@Suite("Wrapping and unwrapping through the API")
struct TransportAPITests {
    private static func wrap(_ kms: TestKMS, _ app: TestKMS.TestApp, _ subject: String, _ fields: String)
        async throws -> TestKMS.Answer
    {
        try await kms.post("wrapkey", #"{"key":{"name":"w"},"subject":{"name":"\#(subject)"},\#(fields)}"#, app)
    }

    @Test("RFC 3394 and RFC 5649")
    func known() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for (mode, wrapping, inside, type, wrapped) in [
                (
                    "KW", base64(hex: "000102030405060708090a0b0c0d0e0f"),
                    base64(hex: "00112233445566778899aabbccddeeff"), "AES",
                    base64(hex: "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")
                ),
                (
                    "KWP", base64(hex: "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"),
                    base64(hex: "466f7250617369"), "SECRET", base64(hex: "afbeb0f07dfbf5419200f2ccb50bb24f")
                ),
            ] {
                _ = try await kms.key(
                    #"{"name":"w\#(mode)","obj_type":"AES","value":"\#(wrapping)"}"#, app, imported: true)
                _ = try await kms.key(
                    #"{"name":"s\#(mode)","obj_type":"\#(type)","value":"\#(inside)"}"#, app, imported: true)
                let body =
                    #"{"key":{"name":"w\#(mode)"},"subject":{"name":"s\#(mode)"},"alg":"AES","mode":"\#(mode)"}"#
                let answer = try await kms.post("wrapkey", body, app)
                #expect(answer.status == 200, "\(answer.text)")
                let bytes = try answer.json(WrapKeyResponse.self).wrappedKey.base64EncodedString()
                #expect(bytes == wrapped)
                #expect(!answer.text.contains("\"iv\"") && !answer.text.contains("\"tag\""))
                let unwrap =
                    #"{"key":{"name":"w\#(mode)"},"alg":"AES","mode":"\#(mode)","obj_type":"\#(type)","#
                    + #""wrapped_key":"\#(bytes)","name":"u\#(mode)"}"#
                let object = try await kms.post("unwrapkey", unwrap, app)
                #expect(object.status == 201, "\(object.text)")
                let made = try object.json(Sobject.self)
                #expect(made.origin == .external && made.links?.wrappingKey != nil && made.keyOps.contains(.export))
                let value = try await kms.post("keys/export", #"{"name":"u\#(mode)"}"#, app).json(Sobject.self).value
                #expect(value?.base64EncodedString() == inside)
            }
        }
    }

    @Test("every mode of AES and DES3 carries every type of key there and back")
    func matrix() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let subjects: [(name: String, make: String)] = [
                ("AES", #""obj_type":"AES","key_size":256"#), ("DES3", #""obj_type":"DES3","key_size":168"#),
                ("HMAC", #""obj_type":"HMAC","key_size":256"#), ("RSA", #""obj_type":"RSA","key_size":2048"#),
                ("EC", #""obj_type":"EC","elliptic_curve":"NistP521""#),
                ("EC", #""obj_type":"EC","elliptic_curve":"Ed25519""#),
                ("EC", #""obj_type":"EC","elliptic_curve":"X448""#),
            ]
            for (index, subject) in subjects.enumerated() {
                _ = try await kms.key(#"{"name":"s\#(index)",\#(subject.make),"key_ops":["EXPORT"]}"#, app)
            }
            for (type, size, modes) in [
                ("AES", 256, ["KWP", "CBC", "CTR", "GCM"]), ("DES3", 168, ["CBC"]),
            ] {
                _ = try await kms.key(#"{"name":"w\#(type)","obj_type":"\#(type)","key_size":\#(size)}"#, app)
                for mode in modes {
                    for (index, subject) in subjects.enumerated() {
                        for format in ["", #","key_format":"Pkcs8""#] {
                            if !format.isEmpty, subject.name != "RSA", subject.name != "EC" { continue }
                            let gcm = mode == "GCM" ? #","tag_len":128,"ad":"AAAA""# : ""
                            let common = #""key":{"name":"w\#(type)"},"alg":"\#(type)","mode":"\#(mode)""#
                            let answer = try await kms.post(
                                "wrapkey", #"{\#(common),"subject":{"name":"s\#(index)"}\#(gcm)\#(format)}"#, app)
                            #expect(answer.status == 200, "\(mode) \(subject): \(answer.text)")
                            let wrapped = try answer.json(WrapKeyResponse.self)
                            let iv = wrapped.iv.map { #","iv":"\#($0.base64EncodedString())""# } ?? ""
                            let tag = wrapped.tag.map { #","tag":"\#($0.base64EncodedString())","ad":"AAAA""# } ?? ""
                            let unwrapped = try await kms.post(
                                "unwrapkey",
                                #"{\#(common)\#(iv)\#(tag),"wrapped_key":"\#(base64(wrapped.wrappedKey))","#
                                    + #""obj_type":"\#(subject.name)","transient":true,"key_ops":["EXPORT"]}"#, app)
                            #expect(unwrapped.status == 201, "\(mode) \(subject): \(unwrapped.text)")
                            let key = try TransientKeyTests.descriptor(try unwrapped.json(Sobject.self))
                            let value = try await kms.post("keys/export", key, app).json(Sobject.self).value
                            let original = try await kms.post("keys/export", #"{"name":"s\#(index)"}"#, app)
                                .json(Sobject.self).value
                            #expect(value == original)
                        }
                    }
                }
            }
        }
    }

    @Test("RSA wraps symmetric keys with OAEP, its hash and label, also a public key alone")
    func rsa() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let pair = try await kms.key(#"{"name":"w","obj_type":"RSA","key_size":2048}"#, app)
            let info = try #require(pair.pubKey).base64EncodedString()
            _ = try await kms.key(#"{"name":"p","obj_type":"RSA","value":"\#(info)"}"#, app, imported: true)
            _ = try await kms.key(#"{"name":"s","obj_type":"AES","key_size":256,"key_ops":["EXPORT"]}"#, app)
            _ = try await kms.key(#"{"name":"e","obj_type":"RSA","key_size":2048,"key_ops":["EXPORT"]}"#, app)
            let mode = #""alg":"RSA","mode":{"OAEP":{"mgf":{"mgf1":{"hash":"SHA384"}}}},"label":"AAAA""#
            let answer = try await kms.post(
                "wrapkey", #"{"key":{"name":"p"},"subject":{"name":"s"},\#(mode)}"#, app)
            #expect(answer.status == 200, "\(answer.text)")
            let wrapped = try answer.json(WrapKeyResponse.self).wrappedKey.base64EncodedString()
            func unwrap(_ mode: String) async throws -> TestKMS.Answer {
                try await kms.post(
                    "unwrapkey",
                    #"{"key":{"name":"w"},\#(mode),"wrapped_key":"\#(wrapped)","obj_type":"AES","name":"u"}"#, app)
            }
            #expect(try await unwrap(mode.replacing("AAAA", with: "AAAB")).status == 400)
            #expect(try await unwrap(mode.replacing("SHA384", with: "SHA256")).status == 400)
            // The encryption policy of the key allows OAEP only.
            #expect(try await unwrap(#""alg":"RSA","mode":"PKCS1_V15""#).status == 403)
            #expect(try await unwrap(mode).status == 201)
            let first = try await kms.post("keys/export", #"{"name":"s"}"#, app).json(Sobject.self).value
            let second = try await kms.post("keys/export", #"{"name":"u"}"#, app).json(Sobject.self).value
            #expect(first != nil && first == second)
            let asymmetric = try await kms.post(
                "wrapkey", #"{"key":{"name":"p"},"subject":{"name":"e"},\#(mode)}"#, app)
            #expect(asymmetric.status == 400)
        }
    }

    @Test("needs WRAPKEY, UNWRAPKEY and EXPORT")
    func operations() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"w","obj_type":"AES","key_size":256,"key_ops":["WRAPKEY"]}"#, app)
            _ = try await kms.key(#"{"name":"d","obj_type":"AES","key_size":256,"key_ops":["ENCRYPT"]}"#, app)
            _ = try await kms.key(#"{"name":"yes","obj_type":"AES","key_size":128,"key_ops":["EXPORT"]}"#, app)
            _ = try await kms.key(#"{"name":"no","obj_type":"AES","key_size":128}"#, app)
            let fields = #""alg":"AES","mode":"KW""#
            #expect(try await TransportAPITests.wrap(kms, app, "yes", fields).status == 200)
            #expect(try await TransportAPITests.wrap(kms, app, "no", fields).status == 403)
            let wrong = #"{"key":{"name":"d"},"subject":{"name":"yes"},\#(fields)}"#
            #expect(try await kms.post("wrapkey", wrong, app).status == 403)
            let wrapped = try await TransportAPITests.wrap(kms, app, "yes", fields).json(WrapKeyResponse.self)
                .wrappedKey.base64EncodedString()
            let unwrap = #"{"key":{"name":"w"},\#(fields),"wrapped_key":"\#(wrapped)","obj_type":"AES","name":"u"}"#
            #expect(try await kms.post("unwrapkey", unwrap, app).status == 403)
        }
    }

    @Test("wrong fields are 400; the legacy way of naming works")
    func fields() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let wrapping = try await kms.key(#"{"name":"w","obj_type":"AES","key_size":256}"#, app)
            let subject = try await kms.key(#"{"name":"s","obj_type":"AES","key_size":256,"key_ops":["EXPORT"]}"#, app)
            let iv12 = Data([UInt8](repeating: 1, count: 12)).base64EncodedString()
            for (fields, complaint) in [
                (#""alg":"AES","mode":"GCM""#, "tag_len"), (#""alg":"AES","mode":"GCM","tag_len":100"#, "tag_len"),
                (#""alg":"AES","mode":"CBC","iv":"\#(iv12)""#, "iv"),
                (#""alg":"AES","mode":"KW","iv":"\#(iv12)""#, "iv"),
                (#""alg":"AES","mode":"KW","ad":"AAAA""#, "ad"), (#""alg":"RSA","mode":"OAEP_MGF1_SHA1""#, "alg"),
                (#""alg":"AES","mode":"XTS""#, "mode"), (#""alg":"AES""#, "mode"),
                (#""alg":"AES","mode":"KW","key_format":"Pkcs8""#, "key_format"),
            ] {
                let answer = try await TransportAPITests.wrap(kms, app, "s", fields)
                #expect(answer.status == 400 && answer.text.contains(complaint), "\(fields): \(answer.text)")
            }
            let both = #"{"key":{"name":"w"},"subject":{"name":"s"},"kid":"x","alg":"AES","mode":"KW"}"#
            #expect(try await kms.post("wrapkey", both, app).status == 400)
            #expect(try await kms.post("wrapkey", #"{"key":{"name":"w"},"alg":"AES","mode":"KW"}"#, app).status == 400)
            let path = "keys/\(wrapping.kid ?? "")/wrapkey"
            let legacy = try await kms.post(path, #"{"kid":"\#(subject.kid ?? "")","alg":"AES","mode":"KW"}"#, app)
            #expect(legacy.status == 200, "\(legacy.text)")

            let wrapped = try legacy.json(WrapKeyResponse.self).wrappedKey.base64EncodedString()
            func unwrap(_ more: String) async throws -> TestKMS.Answer {
                try await kms.post(
                    "keys/\(wrapping.kid ?? "")/unwrapkey",
                    #"{"alg":"AES","mode":"KW","wrapped_key":"\#(wrapped)","name":"u"\#(more)}"#, app)
            }
            for (more, complaint) in [
                ("", "obj_type"), (#","obj_type":"CERTIFICATE""#, "obj_type"), (#","obj_type":"RSA""#, "wrapped_key"),
                (#","obj_type":"AES","key_size":128"#, "256"), (#","obj_type":"AES","kcv":"000000""#, "kcv"),
                (#","obj_type":"AES","value":"AAAA""#, "value"), (#","obj_type":"AES","tag":"AAAA""#, "tag"),
                (#","obj_type":"AES","export_policy":{"a":1}"#, "export_policy"),
            ] {
                let answer = try await unwrap(more)
                #expect(answer.status == 400 && answer.text.contains(complaint), "\(more): \(answer.text)")
            }
            let kcv = try #require(subject.kcv)
            #expect(try await unwrap(#","obj_type":"AES","key_size":256,"kcv":"\#(kcv.uppercased())""#).status == 201)
            #expect(try await unwrap(#","obj_type":"AES""#).status == 409)
        }
    }

    @Test("where nothing authenticates, one answer for everything that is wrong inside")
    func oracle() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"w","obj_type":"AES","key_size":256}"#, app)
            _ = try await kms.key(#"{"name":"s","obj_type":"AES","key_size":256,"key_ops":["EXPORT"]}"#, app)
            let wrapped = try await TransportAPITests.wrap(kms, app, "s", #""alg":"AES","mode":"CBC""#)
                .json(WrapKeyResponse.self)
            let iv = try #require(wrapped.iv)
            var sentences: Set<String> = []
            for (type, last) in [("AES", UInt8(1)), ("RSA", 0), ("DES3", 0)] {
                var bytes = Array(wrapped.wrappedKey)
                bytes[bytes.count - 1] ^= last
                let body =
                    #"{"key":{"name":"w"},"alg":"AES","mode":"CBC","iv":"\#(base64(iv))","name":"u","#
                    + #""wrapped_key":"\#(base64(bytes))","obj_type":"\#(type)"}"#
                let answer = try await kms.post("unwrapkey", body, app)
                #expect(answer.status == 400)
                sentences.insert(answer.text)
            }
            #expect(sentences.count == 1, "\(sentences)")
        }
    }
}
