import FoundationEssentials
import KMSModel
import Testing

@Suite("MACs through the API")
struct MACAPITests {
    static func key(_ name: String, _ type: String, hex: String) -> String {
        #"{"name":"\#(name)","obj_type":"\#(type)","value":"\#(base64(hex: hex))"}"#
    }

    @Test("HMAC as in RFC 4231 and RFC 2202, CMAC as in RFC 4493")
    func known() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let cmacKey = "2b7e151628aed2a6abf7158809cf4f3c"
            for key in [
                MACAPITests.key("h", "HMAC", hex: String(repeating: "0b", count: 20)),
                MACAPITests.key("jefe", "HMAC", hex: "4a656665"), MACAPITests.key("c", "AES", hex: cmacKey),
            ] { _ = try await kms.key(key, app, imported: true) }
            let jefe = base64(Array("what do ya want for nothing?".utf8))
            for (key, alg, data, mac) in [
                (
                    "h", #","alg":"SHA256""#, base64(Array("Hi There".utf8)),
                    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
                ),
                ("h", #","alg":"SHA1""#, base64(Array("Hi There".utf8)), "b617318655057264e28bc0b6fb378c8ef146be00"),
                (
                    "jefe", #","alg":"SHA224""#, jefe, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"
                ),
                ("c", "", "", "bb1d6929e95937287fa37d129b756746"),
                ("c", "", base64(hex: "6bc1bee22e409f96e93d7e117393172a"), "070a16b46b4d4144f79bdd9dd04a287c"),
                ("c", #","alg":null"#, "", "bb1d6929e95937287fa37d129b756746"),
            ] {
                let body = #"{"key":{"name":"\#(key)"}\#(alg),"data":"\#(data)""#
                let answer = try await kms.post("mac", body + "}", app)
                #expect(answer.status == 200, "\(answer.text)")
                let made = try answer.json(MACResponse.self)
                #expect(made.mac == Data(bytes(mac)) && made.digest == made.mac && made.kid != nil)
                for field in ["mac", "digest"] {
                    let verified = try await kms.post("macverify", body + #","\#(field)":"\#(base64(hex: mac))"}"#, app)
                    #expect(try verified.json(VerifyResponse.self).result)
                }
            }
        }
    }

    @Test("a wrong, short or long code is no error and not right")
    func wrong() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.key(#"{"name":"h","obj_type":"HMAC","key_size":256}"#, app)
            let kid = try #require(made.kid)
            let data = #""alg":"SHA384","data":"AAAA""#
            let mac = try #require(
                try await kms.post("keys/\(kid)/mac", "{\(data)}", app).json(MACResponse.self).mac)
            #expect(mac.count == 48)
            var flipped = mac
            flipped[47] ^= 1
            for (code, expected) in [
                (mac, true), (flipped, false), (mac.dropLast(), false), (mac + [0], false), (Data(), false),
            ] {
                let answer = try await kms.post(
                    "keys/\(kid)/macverify", #"{\#(data),"digest":"\#(base64(code))"}"#, app)
                #expect(answer.status == 200)
                #expect(try answer.json(VerifyResponse.self).result == expected)
            }
        }
    }

    @Test(
        "every hash makes an HMAC of its length; DES3 makes CMACs",
        arguments: HashAlgorithm.allCases)
    func lengths(hash: HashAlgorithm) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"h","obj_type":"HMAC","key_size":512}"#, app)
            _ = try await kms.key(#"{"name":"d","obj_type":"DES3","key_size":168}"#, app)
            let answer = try await kms.post(
                "mac", #"{"key":{"name":"h"},"alg":"\#(hash.rawValue)","data":"AAAA"}"#, app)
            guard hash != .ssl3 else {
                #expect(answer.status == 400)
                return
            }
            #expect(try answer.json(MACResponse.self).mac?.count == hash.length)
            let cmac = try await kms.post("mac", #"{"key":{"name":"d"},"data":"AAAA"}"#, app)
            #expect(try cmac.json(MACResponse.self).mac?.count == 8)
        }
    }

    @Test(
        "requests that make no sense are refused",
        arguments: [
            ("mac", #"{"key":{"name":"h"},"data":"AAAA"}"#, 400, "needs a hash"),
            ("mac", #"{"key":{"name":"h"},"alg":"SHA256"}"#, 400, "data"),
            ("mac", #"{"key":{"name":"a"},"alg":"SHA256","data":"AAAA"}"#, 400, "for HMAC keys"),
            ("mac", #"{"key":{"name":"ec"},"alg":"SHA256","data":"AAAA"}"#, 403, "not allowed"),
            ("mac", #"{"key":{"name":"v"},"alg":"SHA256","data":"AAAA"}"#, 403, "not allowed"),
            ("mac", #"{"key":{"name":"none"},"alg":"SHA256","data":"AAAA"}"#, 404, "does not exist"),
            ("macverify", #"{"key":{"name":"h"},"alg":"SHA256","data":"AAAA"}"#, 400, "mac"),
            (
                "macverify", #"{"key":{"name":"h"},"alg":"SHA256","data":"AAAA","mac":"AAAA","digest":"AAAB"}"#, 400,
                "differ"
            ),
        ])
    func refusals(path: String, body: String, status: Int, complaint: String) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for key in [
                #"{"name":"h","obj_type":"HMAC","key_size":256}"#, #"{"name":"a","obj_type":"AES","key_size":128}"#,
                #"{"name":"ec","obj_type":"EC","elliptic_curve":"NistP256"}"#,
                #"{"name":"v","obj_type":"HMAC","key_size":256,"key_ops":["MACVERIFY"]}"#,
            ] { _ = try await kms.key(key, app) }
            let answer = try await kms.post(path, body, app)
            #expect(answer.status == status)
            #expect(answer.text.contains(complaint), "\(answer.text)")
        }
    }

    @Test("an app needs the permission")
    func permission() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web", permissions: ["CREATE_SOBJECTS", "MACVERIFY"])
            _ = try await kms.key(#"{"name":"h","obj_type":"HMAC","key_size":256}"#, app)
            let body = #"{"key":{"name":"h"},"alg":"SHA256","data":"AAAA","mac":"AAAA"}"#
            #expect(try await kms.post("mac", body, app).status == 403)
            #expect(try await kms.post("macverify", body, app).status == 200)
        }
    }
}
