import FoundationEssentials
import KMSModel
import KMSServer
import OpenSSLCrypto
import Testing

@Suite("Copies, rotation and the end of keys")
struct LifeCycleTests {
    private static func status(_ kms: TestKMS, _ app: TestKMS.TestApp, sign name: String) async throws -> Int {
        try await kms.post("sign", #"{"key":{"name":"\#(name)"},"hash_alg":"SHA256","data":"AAAA"}"#, app).status
    }

    @Test("a copy is the same key, with the same rights or fewer")
    func copy() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.key(
                #"{"name":"k","obj_type":"EC","elliptic_curve":"NistP256","custom_metadata":{"a":"b"}}"#, app)
            for (fields, status) in [
                (#""name":"c1""#, 201), (#""name":"c2","key_ops":["SIGN"],"custom_metadata":{}"#, 201),
                (#""name":"c3","key_ops":["SIGN","EXPORT"]"#, 400), (#""name":"c1""#, 409),
                (#""description":"d""#, 400),
                (#""transient":true"#, 403), (#""name":"c4","value":"AAAA""#, 400),
            ] {
                let answer = try await kms.post("keys/copy", #"{"key":{"name":"k"},\#(fields)}"#, app)
                #expect(answer.status == status, "\(fields): \(answer.text)")
            }
            let copy = try await kms.post("keys/info", #"{"name":"c1"}"#, app).json(Sobject.self)
            #expect(copy.pubKey == made.pubKey && copy.keyOps == made.keyOps && copy.neverExportable == true)
            #expect(copy.links?.copiedFrom == made.kid && copy.origin == .fortanixHSM)
            #expect(copy.customMetadata == ["a": "b"])
            let source = try await kms.post("keys/info", #"{"name":"k"}"#, app).json(Sobject.self)
            #expect(source.links?.copiedTo?.count == 2 && source.links?.copiedTo?.first == copy.kid)
            let less = try await kms.post("keys/info", #"{"name":"c2"}"#, app).json(Sobject.self)
            #expect(less.keyOps == [.sign] && less.customMetadata == [:])
            #expect(try await LifeCycleTests.status(kms, app, sign: "c1") == 200)
            // Without APPMANAGEABLE the app copies no more.
            #expect(try await kms.post("keys/copy", #"{"key":{"name":"c2"},"name":"c5"}"#, app).status == 403)
        }
    }

    @Test("a copy of what is disabled, revoked or not yet active is no way around that")
    func copyOfUnusable() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let disabled = try await kms.key(
                #"{"name":"disabled","obj_type":"EC","elliptic_curve":"NistP256","enabled":false}"#, app)
            #expect(disabled.enabled == false)
            let copy = try await kms.post("keys/copy", #"{"key":{"name":"disabled"},"name":"c","enabled":true}"#, app)
            #expect(try copy.json(Sobject.self).enabled == false)
            _ = try await kms.key(
                #"{"name":"early","obj_type":"EC","elliptic_curve":"NistP256","state":"PreActive"}"#, app)
            let early = try await kms.post("keys/copy", #"{"key":{"name":"early"},"name":"e"}"#, app)
            #expect(try early.json(Sobject.self).state == .preActive)
            let active = #"{"key":{"name":"early"},"name":"e2","state":"Active"}"#
            #expect(try await kms.post("keys/copy", active, app).status == 400)
            let revoked = try await kms.key(#"{"name":"r","obj_type":"EC","elliptic_curve":"NistP256"}"#, app)
            let code = #"{"code":"KeyCompromise"}"#
            #expect(try await kms.post("keys/\(revoked.kid ?? "")/revoke", code, app).status == 204)
            #expect(try await kms.post("keys/copy", #"{"key":{"name":"r"},"name":"r2"}"#, app).status == 403)

            // A transient copy cannot be revoked, so it is for those who may export.
            _ = try await kms.key(
                #"{"name":"x","obj_type":"AES","key_size":128,"key_ops":["EXPORT","ENCRYPT","APPMANAGEABLE"]}"#, app)
            let transient = try await kms.post("keys/copy", #"{"key":{"name":"x"},"transient":true}"#, app)
            #expect(transient.status == 201)
            let key = try TransientKeyTests.descriptor(try transient.json(Sobject.self))
            let again = try await kms.post("keys/copy", #"{"key":\#(key),"name":"back","key_ops":["ENCRYPT"]}"#, app)
            #expect(again.status == 201, "\(again.text)")
            let value = try await kms.post("keys/export", #"{"name":"x"}"#, app).json(Sobject.self).value
            let same = try await kms.post("keys/export", key, app).json(Sobject.self).value
            #expect(value != nil && value == same)
        }
    }

    @Test("rotation: a new key under the old name")
    func rotate() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let old = try await kms.key(
                #"{"name":"k","obj_type":"EC","elliptic_curve":"NistP384","key_ops":["SIGN","APPMANAGEABLE"],"#
                    + #""description":"d","custom_metadata":{"pkcs11-id":"%01","a":"b"}}"#, app)
            // Something to find in the cache of keys.
            #expect(try await LifeCycleTests.status(kms, app, sign: "k") == 200)
            let answer = try await kms.post("keys/rekey", #"{"name":"k","group_id":null}"#, app)
            #expect(answer.status == 200, "\(answer.text)")
            let new = try answer.json(Sobject.self)
            #expect(new.name == "k" && new.kid != old.kid && new.pubKey != old.pubKey)
            #expect(new.ellipticCurve == .nistP384 && new.keyOps == old.keyOps && new.description == "d")
            #expect(new.customMetadata == ["pkcs11-id": "%01", "a": "b"] && new.links?.replaced == old.kid)
            let rotated = try await kms.post("keys/info", #"{"kid":"\#(old.kid ?? "")"}"#, app).json(Sobject.self)
            #expect(rotated.name?.hasPrefix("k (rotated at 20") == true && rotated.state == .active)
            #expect(rotated.links?.replacement == new.kid && rotated.customMetadata == ["a": "b"])
            #expect(rotated.pubKey == old.pubKey)
            // More than once in a second, and with the old one put out of use.
            for _ in 0..<3 {
                let again = try await kms.post("keys/rekey", #"{"name":"k","deactivate_rotated_key":true}"#, app)
                #expect(again.status == 200, "\(again.text)")
            }
            let middle = try await kms.post("keys/info", #"{"kid":"\#(new.kid ?? "")"}"#, app).json(Sobject.self)
            #expect(middle.state == .deactivated)
            #expect(try await LifeCycleTests.status(kms, app, sign: "k") == 200)
            let all = try await kms.ask(.get, "/crypto/v1/keys", as: app.authorization).json([Sobject].self)
            #expect(all.count == 5)
            for (fields, status) in [
                (#""obj_type":"RSA""#, 400), (#""key_ops":["VERIFY"]"#, 400), (#""transient":true"#, 400),
                (#""elliptic_curve":"NistP256""#, 200), (#""group_id":"\#(newID())""#, 400),
            ] {
                let answer = try await kms.post("keys/rekey", #"{"name":"k",\#(fields)}"#, app)
                #expect(answer.status == status, "\(fields): \(answer.text)")
            }
            #expect(try await kms.post("keys/rekey", #"{"name":"nobody"}"#, app).status == 404)
            #expect(try await kms.post("keys/rekey", "{}", app).status == 400)
        }
    }

    @Test("rotation of every type, and of a secret with a new value")
    func rotateTypes() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for (name, fields) in [
                ("rsa", #""obj_type":"RSA","key_size":2048,"pub_exponent":3"#),
                ("aes", #""obj_type":"AES","key_size":192"#), ("des3", #""obj_type":"DES3","key_size":112"#),
                ("hmac", #""obj_type":"HMAC","key_size":160"#),
                ("ed", #""obj_type":"EC","elliptic_curve":"Ed448""#),
            ] {
                let old = try await kms.key(#"{"name":"\#(name)",\#(fields)}"#, app)
                let answer = try await kms.post("keys/rekey", #"{"name":"\#(name)"}"#, app)
                #expect(answer.status == 200, "\(answer.text)")
                let new = try answer.json(Sobject.self)
                #expect(new.keySize == old.keySize && new.rsa == old.rsa && new.kid != old.kid)
            }
            _ = try await kms.key(#"{"name":"s","value":"AAAA"}"#, app, imported: true)
            #expect(try await kms.post("keys/rekey", #"{"name":"s"}"#, app).status == 400)
            let rotated = try await kms.post("keys/rekey", #"{"name":"s","value":"AAEC"}"#, app)
            #expect(rotated.status == 200, "\(rotated.text)")
            #expect(try rotated.json(Sobject.self).origin == .external)
            let value = try await kms.post("keys/export", #"{"name":"s"}"#, app).json(Sobject.self).value
            #expect(value == Data([0, 1, 2]))
        }
    }

    @Test("a replacement takes the name, and both objects know of each other")
    func replacement() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            func make(_ name: String, _ kind: String = #""obj_type":"AES","key_size":128"#) async throws -> Sobject {
                try await kms.key(#"{"name":"\#(name)",\#(kind)}"#, app)
            }
            func replace(_ old: String, _ name: String, _ new: String) async throws -> Int {
                let body = #"{"replaced":\#(old),"replaced_new_name":"\#(name)","replacement":\#(new)}"#
                return try await kms.post("keys/replace", body, app).status
            }
            func named(_ name: String) async throws -> Sobject {
                try await kms.post("keys/info", #"{"name":"\#(name)"}"#, app).json(Sobject.self)
            }
            let (old, new) = (try await make("a"), try await make("b"))
            _ = try await make("ec", #""obj_type":"EC","elliptic_curve":"NistP256""#)
            let a = #"{"name":"a"}"#
            for (first, name, second, status) in [
                (a, "a old", a, 400), (a, "a old", #"{"name":"ec"}"#, 400), (a, "ec", #"{"name":"b"}"#, 409),
                (a, "a old", #"{"name":"none"}"#, 404), (#"{"name":"none"}"#, "x", a, 404), (a, " ", a, 400),
                (a, "a old", #"{"transient_key":"AAAA"}"#, 404),
            ] {
                #expect(try await replace(first, name, second) == status)
            }
            #expect(try await named("a").kid == old.kid)
            #expect(try await replace(a, "a old", #"{"kid":"\#(new.kid ?? "")"}"#) == 204)
            let (now, before) = (try await named("a"), try await named("a old"))
            #expect(now.kid == new.kid && now.links?.replaced == old.kid)
            #expect(before.kid == old.kid && before.links?.replacement == new.kid)
            #expect(try await kms.post("keys/info", #"{"name":"b"}"#, app).status == 404)
        }
    }

    @Test("without its private key an object is a public key")
    func deletePrivate() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.key(#"{"name":"k","obj_type":"EC","elliptic_curve":"NistP256"}"#, app)
            let path = "/crypto/v1/keys/\(made.kid ?? "")"
            #expect(try await LifeCycleTests.status(kms, app, sign: "k") == 200)
            #expect(try await kms.ask(.delete, path + "/private", as: app.authorization).status == 204)
            let object = try await kms.ask(.get, path, as: app.authorization).json(Sobject.self)
            #expect(object.publicOnly && object.pubKey == made.pubKey && !object.keyOps.contains(.sign))
            #expect(object.keyOps.contains(.verify))
            #expect(try await LifeCycleTests.status(kms, app, sign: "k") == 403)
            #expect(try await kms.ask(.delete, path + "/private", as: app.authorization).status == 400)
            let aes = try await kms.key(#"{"name":"a","obj_type":"AES","key_size":128}"#, app)
            let other = "/crypto/v1/keys/\(aes.kid ?? "")/private"
            #expect(try await kms.ask(.delete, other, as: app.authorization).status == 400)
            let sealed = try await kms.vault.pool.read { db in
                try KeyStore.find(kid: made.kid ?? "", account: made.acctID ?? "", in: db)?.sealedValue
            }
            #expect(sealed == nil)
        }
    }

    @Test("a destroyed key has no material, and is listed on request only")
    func destroy() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.key(
                #"{"name":"k","obj_type":"RSA","key_size":2048,"key_ops":["SIGN","EXPORT","APPMANAGEABLE"]}"#, app)
            let path = "keys/\(made.kid ?? "")"
            #expect(try await LifeCycleTests.status(kms, app, sign: "k") == 200)
            #expect(try await kms.ask(.post, "/crypto/v1/\(path)/destroy", as: app.authorization).status == 204)
            #expect(try await LifeCycleTests.status(kms, app, sign: "k") == 403)
            let object = try await kms.ask(.get, "/crypto/v1/\(path)", as: app.authorization).json(Sobject.self)
            #expect(object.state == .destroyed && object.destructionDate != nil && object.name == "k")
            #expect(object.value == nil && object.pubKey == nil)
            #expect(try await kms.ask(.get, "/crypto/v1/\(path)/export", as: app.authorization).status == 400)
            #expect(try await kms.ask(.post, "/crypto/v1/\(path)/destroy", as: app.authorization).status == 400)
            #expect(try await kms.post("\(path)/revoke", #"{"code":"Superseded"}"#, app).status == 400)
            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: app.authorization).text == "[]")
            let shown = try await kms.ask(.get, "/crypto/v1/keys?show_destroyed=true", as: app.authorization)
            #expect(try shown.json([Sobject].self).count == 1)
            #expect(try await kms.ask(.delete, "/crypto/v1/\(path)", as: app.authorization).status == 204)
        }
    }

    @Test("compromised stays compromised")
    func revokeTwice() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.key(#"{"name":"k","obj_type":"AES","key_size":128}"#, app)
            let path = "keys/\(made.kid ?? "")"
            for code in ["KeyCompromise", "Superseded"] {
                #expect(try await kms.post("\(path)/revoke", #"{"code":"\#(code)"}"#, app).status == 204)
            }
            let object = try await kms.ask(.get, "/crypto/v1/\(path)", as: app.authorization).json(Sobject.self)
            #expect(object.state == .compromised && object.compromiseDate != nil)
        }
    }

    @Test("each of these has a permission of its own")
    func permissions() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web", permissions: ["CREATE_SOBJECTS", "SIGN"])
            let made = try await kms.key(#"{"name":"k","obj_type":"EC","elliptic_curve":"NistP256"}"#, app)
            _ = try await kms.key(#"{"name":"s","obj_type":"AES","key_size":128}"#, app)
            let path = "/crypto/v1/keys/\(made.kid ?? "")"
            #expect(try await kms.ask(.post, path + "/destroy", as: app.authorization).status == 403)
            #expect(try await kms.ask(.delete, path + "/private", as: app.authorization).status == 403)
            #expect(try await kms.post("keys/copy", #"{"key":{"name":"k"},"name":"c"}"#, app).status == 403)
            #expect(try await kms.post("keys/rekey", #"{"name":"k"}"#, app).status == 403)
            #expect(try await kms.post("keys/digest", #"{"key":{"name":"s"},"alg":"SHA256"}"#, app).status == 403)
        }
    }

    @Test("digest and check value of a key")
    func checks() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let zeros = base64([UInt8](repeating: 0, count: 16))
            let aes = try await kms.key(#"{"name":"a","obj_type":"AES","value":"\#(zeros)"}"#, app, imported: true)
            #expect(aes.kcv == "66e94b")
            let kcv = try await kms.post("keys/kcv", #"{"name":"a"}"#, app)
            #expect(try kcv.json(KeyCheckValueResponse.self).kcv == "66e94b")
            let digest = try await kms.post("keys/digest", #"{"key":{"name":"a"},"alg":"SHA256"}"#, app)
            #expect(digest.status == 200, "\(digest.text)")
            let expected = try Digest.hash([UInt8](repeating: 0, count: 16), .sha256, in: kms.vault.engine.context)
            #expect(try Array(digest.json(KeyDigestResponse.self).digest) == expected)
            _ = try await kms.key(#"{"name":"e","obj_type":"EC","elliptic_curve":"NistP256"}"#, app)
            #expect(try await kms.post("keys/kcv", #"{"name":"e"}"#, app).status == 400)
            #expect(try await kms.post("keys/kcv", #"{"name":"a","kcv_method":"CMAC"}"#, app).status == 400)
            for (wanted, verified) in [("66E94B", true), ("66e94c", false)] {
                let body = #"{"kcv":"\#(wanted)","obj_type":"AES","value":"\#(zeros)"}"#
                let answer = try await kms.post("keys/kcv/verify", body, app)
                #expect(try answer.json([String: Bool].self) == ["verified": verified])
            }
            let secret = #"{"kcv":"66e94b","obj_type":"SECRET","value":"AAAA"}"#
            #expect(try await kms.post("keys/kcv/verify", secret, app).status == 400)
            #expect(try await kms.post("keys/digest", #"{"key":{"name":"e"},"alg":"SHA256"}"#, app).status == 400)
            #expect(try await kms.post("keys/digest", #"{"key":{"name":"a"},"alg":"SSL3"}"#, app).status == 400)
        }
    }

    @Test("PATCH: rights given up stay given up; metadata and policies are replaced whole")
    func patch() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.key(
                #"{"name":"k","obj_type":"RSA","key_size":2048,"custom_metadata":{"a":"b","c":"d"},"#
                    + #""key_ops":["EXPORT","SIGN","ENCRYPT","DECRYPT","APPMANAGEABLE"]}"#, app)
            #expect(made.neverExportable == false)
            let path = "/crypto/v1/keys/\(made.kid ?? "")"
            func patch(_ body: String) async throws -> TestKMS.Answer {
                try await kms.ask(.patch, path, body, as: app.authorization)
            }
            let less = #"{"key_ops":["SIGN","ENCRYPT","DECRYPT","APPMANAGEABLE"],"custom_metadata":{"e":"f"}}"#
            let changed = try await patch(less).json(Sobject.self)
            #expect(!changed.keyOps.contains(.export) && changed.neverExportable == false)
            #expect(changed.customMetadata == ["e": "f"])
            #expect(try await patch(#"{"key_ops":["EXPORT","APPMANAGEABLE"]}"#).status == 400)

            let encrypt = #"{"key":{"name":"k"},"alg":"RSA","mode":{"PKCS1_V15":{}},"plain":"AAAA"}"#
            #expect(try await kms.post("encrypt", encrypt, app).status == 403)
            let policy = #"{"rsa":{"encryption_policy":[{"padding":{"PKCS1_V15":{}}}],"signature_policy":[]}}"#
            #expect(try await patch(policy).json(Sobject.self).rsa?.signaturePolicy == [])
            #expect(try await kms.post("encrypt", encrypt, app).status == 200)
            #expect(try await LifeCycleTests.status(kms, app, sign: "k") == 403)
            for body in [#"{"kcv":"000000"}"#, #"{"transient":true}"#, #"{"pub_exponent":3}"#, #"{"key_size":3072}"#] {
                #expect(try await patch(body).status == 400, "\(body)")
            }
        }
    }
}
