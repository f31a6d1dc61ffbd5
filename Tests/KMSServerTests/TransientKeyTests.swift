import FoundationEssentials
import KMSModel
import KMSServer
import OpenSSLCrypto
import Testing

@Suite("Transient keys")
struct TransientKeyTests {
    static func descriptor(_ object: Sobject) throws -> String {
        #"{"transient_key":"\#(try #require(object.transientKey).base64EncodedString())"}"#
    }

    @Test("made without a name, used by what they are, listed nowhere")
    func life() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let ec = try await kms.key(
                #"{"obj_type":"EC","elliptic_curve":"NistP256","transient":true,"key_ops":["SIGN","EXPORT"]}"#, app)
            #expect(ec.kid == nil && ec.name == nil && ec.origin == .fortanixHSM)
            #expect(ec.groupID == app.group)
            let key = try TransientKeyTests.descriptor(ec)
            let sign = #"{"key":\#(key),"hash_alg":"SHA256","data":"AAAA"}"#
            let signed = try await kms.post("sign", sign, app)
            #expect(signed.status == 200 && !signed.text.contains("kid"), "\(signed.text)")
            let signature = try signed.json(SignResponse.self).signature
            let publicKey = try PublicKey(
                subjectPublicKeyInfo: Array(try #require(ec.pubKey)), in: kms.vault.engine.context)
            let digest = try Digest.hash([0, 0, 0], .sha256, in: kms.vault.engine.context)
            #expect(try publicKey.verify(digest, signature: Array(signature), algorithm: .ecdsa(.sha256)))

            // What its key_ops do not allow is refused as for any other key.
            let verify = #"{"key":\#(key),"hash_alg":"SHA256","data":"AAAA","signature":"AAAA"}"#
            #expect(try await kms.post("verify", verify, app).status == 403)
            let exported = try await kms.post("keys/export", key, app)
            #expect(exported.status == 200)
            let exportedValue = try #require(try exported.json(Sobject.self).value)
            #expect(try PrivateKey(der: .init(exportedValue), in: kms.vault.engine.context).isConsistent())
            let info = try await kms.post("keys/info", key, app).json(Sobject.self)
            #expect(info.kid == nil && info.transientKey == ec.transientKey && info.value == nil)

            #expect(try await kms.ask(.get, "/crypto/v1/keys", as: app.authorization).text == "[]")
            let log = try await kms.ask(.get, "/sys/v1/logs", as: try await kms.administrator()).text
            #expect(log.contains("generated a transient key (EC)") && log.contains("signed with a transient key"))
        }
    }

    @Test("imported ones too; without EXPORT nothing comes out")
    func imported() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let aes = try await kms.key(
                #"{"name":"mine","obj_type":"AES","value":"AAECAwQFBgcICQoLDA0ODw==","transient":true,"#
                    + #""key_ops":["ENCRYPT"]}"#, app, imported: true)
            #expect(aes.name == "mine" && aes.neverExportable == true && aes.value == nil)
            let key = try TransientKeyTests.descriptor(aes)
            let encrypted = try await kms.post(
                "encrypt", #"{"key":\#(key),"alg":"AES","mode":"ECB","plain":"ABEiM0RVZneImaq7zN3u/w=="}"#, app)
            // FIPS 197, appendix C.1.
            let cipher = try encrypted.json(EncryptResponse.self).cipher.base64EncodedString()
            #expect(cipher == base64(hex: "69c4e0d86a7b0430d8cdb78070b4c55a"))
            #expect(try await kms.post("keys/export", key, app).status == 403)
            // Two transient keys may have the same name, and a stored one as well.
            for more in [#","transient":true"#, ""] {
                _ = try await kms.key(#"{"name":"mine","obj_type":"AES","key_size":128\#(more)}"#, app)
            }
        }
    }

    @Test("bound to the app that made them, and to its rights in the group")
    func owner() async throws {
        try await TestKMS.run { kms in
            let web = try await kms.app("web")
            let mail = try await kms.app("mail")
            let aes = try await kms.key(#"{"obj_type":"AES","key_size":256,"transient":true}"#, web)
            let key = try TransientKeyTests.descriptor(aes)
            let encrypt = #"{"key":\#(key),"alg":"AES","mode":"CBC","plain":"AAAA"}"#
            #expect(try await kms.post("encrypt", encrypt, web).status == 200)
            // After the owner's use, when it is in the cache, and with a session of its own.
            #expect(try await kms.post("encrypt", encrypt, mail).status == 404)
            let admin = try await kms.administrator()
            #expect(try await kms.ask(.post, "/crypto/v1/encrypt", encrypt, as: admin).status == 404)
            let session = try await kms.ask(.post, "/sys/v1/session/auth", as: web.authorization)
                .json(AuthResponse.self).accessToken
            #expect(try await kms.ask(.post, "/crypto/v1/encrypt", encrypt, as: "Bearer \(session)").status == 200)

            let user = try await kms.ask(
                .post, "/crypto/v1/keys",
                #"{"obj_type":"AES","key_size":256,"transient":true,"group_id":"\#(web.group)"}"#, as: admin)
            #expect(user.status == 201)
            let foreign = try TransientKeyTests.descriptor(try user.json(Sobject.self))
            #expect(try await kms.post("keys/info", foreign, web).status == 404)

            let limited = try await kms.app("limited", permissions: ["CREATE_SOBJECTS", "ENCRYPT"])
            let own = try await kms.key(#"{"obj_type":"AES","key_size":256,"transient":true}"#, limited)
            let descriptor = try TransientKeyTests.descriptor(own)
            let mac = #"{"key":\#(descriptor),"data":"AAAA"}"#
            #expect(try await kms.post("mac", mac, limited).status == 403)
            let bad = try await kms.app("bad", permissions: ["ENCRYPT"])
            let refused = try await kms.post("keys", #"{"obj_type":"AES","key_size":256,"transient":true}"#, bad)
            #expect(refused.status == 403)
        }
    }

    @Test("a blob that was touched, is no blob or is too long")
    func damaged() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let aes = try await kms.key(#"{"obj_type":"AES","key_size":128,"transient":true}"#, app)
            let blob = Array(try #require(aes.transientKey))
            for index in [0, 1, 13, blob.count / 2, blob.count - 1] {
                var touched = blob
                touched[index] ^= 1
                let key = #"{"transient_key":"\#(Data(touched).base64EncodedString())"}"#
                #expect(try await kms.post("keys/info", key, app).status == 404)
            }
            for (bytes, status) in [([UInt8](), 404), ([1], 404), ([UInt8](repeating: 1, count: 16_385), 400)] {
                let key = #"{"transient_key":"\#(Data(bytes).base64EncodedString())"}"#
                #expect(try await kms.post("keys/info", key, app).status == status)
            }
            let both = #"{"transient_key":"AAAA","name":"x"}"#
            #expect(try await kms.post("keys/info", both, app).status == 400)
            let large = Data([UInt8](repeating: 7, count: 16_384)).base64EncodedString()
            let refused = try await kms.ask(
                .put, "/crypto/v1/keys", #"{"value":"\#(large)","transient":true}"#, as: app.authorization)
            #expect(refused.status == 400 && refused.text.contains("too large"))
            let inactive = #"{"obj_type":"AES","key_size":128,"transient":true,"state":"PreActive"}"#
            #expect(try await kms.post("keys", inactive, app).status == 400)
        }
    }

    @Test("persist: the same key, stored, with no more rights")
    func persist() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let made = try await kms.key(
                #"{"obj_type":"RSA","key_size":2048,"transient":true,"key_ops":["SIGN","VERIFY","APPMANAGEABLE"],"#
                    + #""rsa":{"signature_policy":[{"padding":{"PSS":{}}}]}}"#, app)
            let blob = try #require(made.transientKey).base64EncodedString()
            let more = #"{"transient_key":"\#(blob)","name":"k","key_ops":["SIGN","EXPORT"]}"#
            #expect(try await kms.post("keys/persist", more, app).status == 400)
            #expect(try await kms.post("keys/persist", #"{"transient_key":"\#(blob)"}"#, app).status == 400)
            let body = #"{"transient_key":"\#(blob)","name":"k","description":"d","custom_metadata":{"a":"b"}}"#
            let stored = try await kms.post("keys/persist", body, app)
            #expect(stored.status == 201, "\(stored.text)")
            let object = try stored.json(Sobject.self)
            #expect(object.kid != nil && object.transientKey == nil && object.origin == .transient)
            #expect(object.keyOps == made.keyOps && object.pubKey == made.pubKey && object.rsa == made.rsa)
            #expect(object.neverExportable == true && object.customMetadata == ["a": "b"])
            #expect(try await kms.post("keys/persist", body, app).status == 409)
            let sign = #"{"key":{"name":"k"},"hash_alg":"SHA256","data":"AAAA"}"#
            #expect(try await kms.post("sign", sign, app).status == 200)
        }
    }

    @Test("another process with the same data directory opens them")
    func restart() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let aes = try await kms.key(#"{"obj_type":"AES","key_size":128,"transient":true}"#, app)
            let again = try DataStore.open(kms.directory, masterKey: .init()).keys.transientKeys
            let value = try again.open(try #require(aes.transientKey), owner: app.id)
            #expect(value.secret?.count == 16 && value.object.objType == .aes)
            #expect(throws: KMSError.noSuchObject) {
                try again.open(try #require(aes.transientKey), owner: newID())
            }
        }
    }
}
