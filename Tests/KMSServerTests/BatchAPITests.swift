import FoundationEssentials
import KMSModel
import KMSServer
import Testing

@Suite("Batches")
struct BatchAPITests {
    struct Result<Body: Decodable>: Decodable {
        var status: Int
        var body: Body?
        var error: String?
    }

    static func makeKeys(_ kms: TestKMS, _ app: TestKMS.TestApp) async throws -> [String: String] {
        var kids: [String: String] = [:]
        for (name, fields) in [
            ("ec", #""obj_type":"EC","elliptic_curve":"NistP256""#), ("aes", #""obj_type":"AES","key_size":128"#),
            ("hmac", #""obj_type":"HMAC","key_size":256"#),
            ("dec", #""obj_type":"AES","key_size":128,"key_ops":["DECRYPT"]"#),
        ] { kids[name] = try await kms.key(#"{"name":"\#(name)",\#(fields)}"#, app).kid }
        return kids
    }

    @Test("signatures: each item has a status of its own, and the order stays")
    func signatures() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let kids = try await BatchAPITests.makeKeys(kms, app)
            func item(_ key: String, _ data: String) -> String {
                #"{"key":{"name":"\#(key)"},"hash_alg":"SHA256","data":"\#(data)"}"#
            }
            let answer = try await kms.post(
                "keys/batch/sign",
                "[\(item("ec", "AAAA")),\(item("none", "AAAA")),\(item("aes", "AAAA")),\(item("ec", "AAAB"))]", app)
            #expect(answer.status == 200, "\(answer.text)")
            let results = try answer.json([Result<SignResponse>].self)
            #expect(results.map(\.status) == [200, 404, 403, 200])
            #expect(results[1].error == "sobject does not exist" && results[1].body == nil)
            #expect(results[0].error == nil && results[0].body?.kid == kids["ec"])
            let items = try [results[0], results[3]].enumerated().map { index, result in
                let signature = base64(try #require(result.body?.signature))
                return
                    #"{"key":{"name":"ec"},"hash_alg":"SHA256","data":"\#(["AAAA", "AAAA"][index])","signature":"\#(signature)"}"#
            }
            let verified = try await kms.post("keys/batch/verify", "[\(items.joined(separator: ","))]", app)
                .json([Result<VerifyResponse>].self)
            #expect(verified.compactMap(\.body?.result) == [true, false])
            // One record for each item, refusals included.
            let admin = try await kms.administrator()
            let logs = try await kms.ask(.get, "/sys/v1/logs?size=1000", as: admin).json(AuditResponse.self).hits
            #expect(logs.filter { $0.source.message.contains(" signed with ") }.count == 2)
            #expect(logs.filter { $0.source.message.contains("was refused POST") }.count == 1)
        }
    }

    @Test("encrypt, decrypt, mac, macverify, with explicit nulls as the official client sends them")
    func ciphers() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let kids = try await BatchAPITests.makeKeys(kms, app)
            let (aes, dec) = (kids["aes"] ?? "", kids["dec"] ?? "")
            let nulls = #""iv":null,"ad":null,"tag_len":null"#
            let request = #"{"alg":"AES","mode":"CBC","plain":"aGVsbG8=",\#(nulls)}"#
            let made = try await kms.post(
                "keys/batch/encrypt",
                #"[{"kid":"\#(aes)","request":\#(request)},{"kid":"\#(dec)","request":\#(request)}]"#, app
            ).json([Result<EncryptResponse>].self)
            #expect(made.map(\.status) == [200, 403])
            let body = try #require(made[0].body)
            let (cipher, iv) = (base64(body.cipher), base64(try #require(body.iv)))
            let back = try await kms.post(
                "keys/batch/decrypt",
                #"[{"kid":"\#(aes)","request":{"mode":"CBC","cipher":"\#(cipher)","iv":"\#(iv)"}},"#
                    + #"{"kid":"\#(aes)","request":{"mode":"CBC","cipher":"AAAA","iv":"\#(iv)"}}]"#, app
            ).json([Result<DecryptResponse>].self)
            #expect(back.map(\.status) == [200, 400])
            #expect(back[0].body?.plain == Data("hello".utf8))

            let mac = #"{"key":{"name":"hmac"},"alg":"SHA256","data":"AAAA""#
            let codes = try await kms.post("keys/batch/mac", "[\(mac)}]", app).json([Result<MACResponse>].self)
            let code = base64(try #require(codes.first?.body?.mac))
            let checked = try await kms.post(
                "keys/batch/macverify", #"[\#(mac),"mac":"\#(code)"},\#(mac),"mac":"AAAA"}]"#, app
            ).json([Result<VerifyResponse>].self)
            #expect(checked.compactMap(\.body?.result) == [true, false])
        }
    }

    @Test(
        "a batch that is none is refused as a whole",
        arguments: [
            ("keys/batch/sign", "{}", 400), ("keys/batch/sign", #"[{"key":{"name":"ec"}}]"#, 400),
            ("keys/batch/encrypt", #"[{"request":{"plain":"AAAA"}}]"#, 400), ("keys/batch/sign", "[]", 200),
            ("keys/batch/sign", "", 400),
        ])
    func malformed(path: String, body: String, status: Int) async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            #expect(try await kms.post(path, body, app).status == status)
        }
    }

    @Test("too many items are 413")
    func limit() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await BatchAPITests.makeKeys(kms, app)
            let item = #"{"key":{"name":"hmac"},"alg":"SHA256","data":""}"#
            func post(_ count: Int) async throws -> Int {
                let items = [String](repeating: item, count: count).joined(separator: ",")
                return try await kms.post("keys/batch/mac", "[\(items)]", app).status
            }
            #expect(try await post(1000) == 200)
            #expect(try await post(1001) == 413)
            let single = #"{"SingleItem":{"method":"GET","operation":"/crypto/v1/keys"}}"#
            let items = [String](repeating: single, count: 1001).joined(separator: ",")
            let batch = #"{"Batch":{"batch_execution_type":"Serial","items":[\#(items)]}}"#
            #expect(try await kms.ask(.post, "/batch/v1", batch, as: app.authorization).status == 413)
        }
    }

    @Test("the general batch: any request, nested, in order, with the caller's rights")
    func general() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            func single(_ method: String, _ path: String, _ body: String? = nil) -> String {
                let field = body.map { #","body":\#($0)"# } ?? ""
                return #"{"SingleItem":{"method":"\#(method)","operation":"\#(path)"\#(field)}}"#
            }
            func batch(_ order: String, _ items: String...) -> String {
                #"{"Batch":{"batch_execution_type":"\#(order)","items":[\#(items.joined(separator: ","))]}}"#
            }
            func run(_ body: String) async throws -> String {
                let answer = try await kms.ask(.post, "/batch/v1", body, as: app.authorization)
                #expect(answer.status == 200, "\(answer.text)")
                return answer.text
            }
            let make = single(
                "POST", "/crypto/v1/keys", #"{"name":"k","obj_type":"HMAC","key_size":256,"key_ops":["MACGENERATE"]}"#)
            let mac = single("post", "/crypto/v1/mac", #"{"key":{"name":"k"},"alg":"SHA256","data":"AAAA"}"#)
            let export = single("POST", "/crypto/v1/keys/export", #"{"name":"k"}"#)
            let missing = single("GET", "/crypto/v1/keys/none")
            let all = try await run(batch("Serial", make, batch("Unordered", export, mac), mac, missing))
            #expect(all.contains(#""status":201"#) && all.contains(#""name":"k""#))
            #expect(all.contains(#""status":403"#) && all.contains(#""mac":"#))
            #expect(all.contains(#"{"SingleItem":{"Skipped":{"reason":"An item before it failed"}}}"#))
            #expect(!all.contains(#""status":404"#))
            let unordered = try await run(batch("unordered", missing, mac))
            #expect(unordered.contains(#""body":"sobject does not exist""#) && unordered.contains(#""mac":"#))
            #expect(try await run(mac).hasPrefix(#"{"SingleItem":{"Result":{"#))
            #expect(try await run(single("GET", "/crypto/v1/keys?limit=1&sort=name")).contains(#""kid":"#))
            let foreign = [
                "/sys/v1/groups", "/batch/v1", "/crypto/v1/keys/batch/sign", "crypto/v1/keys", "", "/crypto/v1",
            ]
            for path in foreign {
                #expect(try await run(single("POST", path, "{}")).contains("Only single requests"))
            }
            for path in ["/crypto/v1/../../sys/v1/groups", "/crypto/v1/../v1/keys", "/crypto/v1//keys/%2e%2e"] {
                let text = try await run(single("GET", path))
                #expect(text.contains(#""status":404"#) || text.contains(#""status":405"#), "\(text)")
            }
            #expect(try await run(single("B AD", "/crypto/v1/keys")).contains("HTTP method"))
            for body in ["[]", "{}", #"{"Batch":{"items":[]}}"#, #"{"SingleItem":{"method":"GET"}}"#] {
                #expect(try await kms.ask(.post, "/batch/v1", body, as: app.authorization).status == 400)
            }
            var deep = mac
            for _ in 0..<40 { deep = batch("Serial", deep) }
            #expect(try await kms.ask(.post, "/batch/v1", deep, as: app.authorization).status == 400)
            #expect(try await kms.ask(.post, "/batch/v1", mac).status == 401)
            let refused = try await kms.ask(
                .get, "/sys/v1/logs?severity=WARNING", as: try await kms.administrator()
            ).json(AuditResponse.self)
            #expect(refused.hits.count == 1)
        }
    }
}
