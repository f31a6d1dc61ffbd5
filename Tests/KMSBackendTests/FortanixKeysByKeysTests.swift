import KMSBackend
import KMSModel
import KMSSupport
import Testing

// Wrapping, unwrapping, agreement, derivation.

struct FortanixKeysByKeysTests {
    private let keyWrap = Cipher.symmetric(.aes, .kw, iv: [], associatedData: [], tagLength: 0)

    private func specification(_ type: ObjectType, bits: Int? = nil, isTransient: Bool = false) -> KeySpecification {
        var result = KeySpecification(
            name: isTransient ? nil : "n", type: type, operations: [.encrypt], isTransient: isTransient)
        result.bits = bits
        return result
    }

    @Test(arguments: [("RSA", #","key_format":"Pkcs8""#), ("EC", #","key_format":"Pkcs8""#), ("AES", ""), ("HMAC", "")])
    func onlyAsymmetricSubjectsHaveAFormat(type: String, format: String) throws {
        let transport = kms { request, _ in
            request.path.hasPrefix(path.info)
                ? answer(200, #"{"kid":"s","obj_type":"\#(type)"}"#) : answer(200, #"{"wrapped_key":"AQID"}"#)
        }
        let wrapped = try signedIn(transport).wrap(KeyID("s"), with: keyWrap, key: KeyID("k"), deadline: soon)
        #expect(wrapped == Ciphertext([1, 2, 3]))
        #expect(
            try transport.lastBody()
                == JSON(#"{"key":{"kid":"k"},"subject":{"kid":"s"},"alg":"AES","mode":"KW"\#(format)}"#))
        #expect(transport.trace.last == "POST /crypto/v1/wrapkey")
    }

    @Test func wrapsWithGCMAndRSA() throws {
        let iv = [UInt8](repeating: 1, count: 12)
        let tag = [UInt8](repeating: 2, count: 16)
        let transport = kms { request, _ in
            request.path.hasPrefix(path.info)
                ? answer(200, #"{"kid":"s","obj_type":"AES"}"#)
                : answer(200, #"{"wrapped_key":"AQID","iv":"\#(base64(iv))","tag":"\#(base64(tag))"}"#)
        }
        let backend = try signedIn(transport)
        let gcm = Cipher.symmetric(.aes, .gcm, iv: iv, associatedData: [7], tagLength: 16)
        let wrapped = try backend.wrap(KeyID("s"), with: gcm, key: KeyID("k"), deadline: soon)
        #expect(wrapped == Ciphertext([1, 2, 3], tag: tag))
        #expect(
            try transport.lastBody()
                == JSON(
                    #"""
                    {"key":{"kid":"k"},"subject":{"kid":"s"},"alg":"AES","mode":"GCM","iv":"\#(base64(iv))",
                     "ad":"Bw==","tag_len":128}
                    """#))
        // A tag that RSA has not.
        let oaep = Cipher.rsa(.oaep(hash: .sha1, mgf: .sha1), label: [])
        let error = #expect(throws: BackendError.self) {
            try backend.wrap(KeyID("s"), with: oaep, key: KeyID("k"), deadline: soon)
        }
        #expect(error?.kind == .protocolViolation)
        #expect(try transport.lastBody()["mode"] == JSON(#"{"OAEP":{"mgf":{"mgf1":{"hash":"SHA1"}}}}"#))
        let other = Cipher.symmetric(.aes, .gcm, iv: tag, associatedData: [], tagLength: 16)
        let reused = #expect(throws: BackendError.self) {
            try backend.wrap(KeyID("s"), with: other, key: KeyID("k"), deadline: soon)
        }
        #expect(reused?.kind == .protocolViolation)
    }

    @Test func aPublicKeyIsNotWrapped() throws {
        let error = #expect(throws: BackendError.self) {
            try signedIn(kms { _, _ in answer(200, #"{"kid":"s","obj_type":"RSA","public_only":true}"#) })
                .wrap(KeyID("s"), with: keyWrap, key: KeyID("k"), deadline: soon)
        }
        #expect(error?.kind == .invalid)
    }

    @Test func unwraps() throws {
        let transport = kms { _, _ in answer(201, #"{"kid":"u","obj_type":"RSA","key_size":2048,"pub_key":"AQID"}"#) }
        var wanted = specification(.rsa, bits: 2_048)
        wanted.attributes = ["id": [1]]
        let key = try signedIn(transport).unwrap(
            Ciphertext([1, 2, 3]), with: keyWrap, key: KeyID("k"), as: wanted, deadline: soon)
        #expect(key.id == KeyID("u"))
        #expect(
            try transport.lastBody()
                == JSON(
                    #"""
                    {"key":{"kid":"k"},"alg":"AES","mode":"KW","wrapped_key":"AQID","obj_type":"RSA","name":"n",
                     "key_ops":["ENCRYPT","APPMANAGEABLE"],"custom_metadata":{"pkcs11-id":"%01"},
                     "rsa":{"encryption_policy":[{"padding":null}],"signature_policy":[{"padding":null}]}}
                    """#))
        #expect(transport.trace == ["POST /crypto/v1/unwrapkey"] && transport.requests.last?.isRepeatable == false)
    }

    @Test func agrees() throws {
        let transport = kms { _, _ in answer(201, #"{"obj_type":"SECRET","key_size":256,"transient_key":"BAU="}"#) }
        let backend = try signedIn(transport)
        let key = try backend.agree(
            KeyID("k"), with: KeyID("AQID", .transient), as: specification(.secret, bits: 256, isTransient: true),
            deadline: soon)
        #expect(key.id == KeyID("BAU=", .transient))
        #expect(
            try transport.lastBody()
                == JSON(
                    #"""
                    {"private_key":{"kid":"k"},"public_key":{"transient_key":"AQID"},"mechanism":"diffie_hellman",
                     "key_type":"SECRET","key_size":256,"transient":true,"key_ops":["ENCRYPT","APPMANAGEABLE"]}
                    """#))
        #expect(transport.trace == ["POST /crypto/v1/agree"] && transport.requests.last?.isRepeatable == true)
        let unsized = #expect(throws: BackendError.self) {
            try backend.agree(KeyID("k"), with: KeyID("p"), as: specification(.secret), deadline: soon)
        }
        #expect(unsized?.kind == .invalid)
        let resized = #expect(throws: BackendError.self) {
            try backend.agree(
                KeyID("k"), with: KeyID("p"), as: specification(.secret, bits: 128, isTransient: true), deadline: soon)
        }
        #expect(resized?.kind == .protocolViolation)
    }

    @Test func derivesWithHKDF() throws {
        let transport = kms { _, _ in answer(201, #"{"kid":"d","obj_type":"AES","key_size":128}"#) }
        let key = try signedIn(transport).derive(
            KeyID("k"), by: .hkdf(.sha384, salt: [], info: [1]), as: specification(.aes, bits: 128), deadline: soon)
        #expect(key.id == KeyID("d"))
        #expect(
            try transport.lastBody()
                == JSON(
                    #"""
                    {"key":{"kid":"k"},"key_type":"AES","mechanism":{"hkdf":{"hash_alg":"SHA384","info":"AQ=="}},
                     "name":"n","key_size":128,"key_ops":["ENCRYPT","APPMANAGEABLE"]}
                    """#))
        #expect(transport.trace == ["POST /crypto/v1/derive"] && transport.requests.last?.isRepeatable == false)
    }

    @Test func derivesByEncryption() throws {
        let transport = kms { _, _ in answer(201, #"{"kid":"d","obj_type":"AES","key_size":128}"#) }
        let iv = [UInt8](repeating: 6, count: 16)
        let cipher = Cipher.symmetric(.aes, .cbcNoPad, iv: iv, associatedData: [], tagLength: 0)
        _ = try signedIn(transport).derive(
            KeyID("k"), by: .encrypt(cipher, data: [1, 2, 3]), as: specification(.aes, bits: 128), deadline: soon)
        #expect(
            try transport.lastBody()["mechanism"]
                == JSON(
                    #"{"encrypt_data":{"alg":"AES","mode":"CBCNOPAD","iv":"\#(base64(iv))","plain":"AQID"}}"#))
    }
}
