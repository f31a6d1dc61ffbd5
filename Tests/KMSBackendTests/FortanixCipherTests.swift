import KMSBackend
import KMSModel
import KMSSupport
import KMSTransport
import Testing

struct FortanixCipherTests {
    private let iv = [UInt8](repeating: 9, count: 12)
    private var gcm: Cipher { .symmetric(.aes, .gcm, iv: iv, associatedData: [7], tagLength: 16) }
    private let tag = [UInt8](repeating: 4, count: 16)

    private func symmetric(_ mode: CipherMode, iv: Int = 0, _ type: ObjectType = .aes) -> Cipher {
        .symmetric(type, mode, iv: [UInt8](repeating: 9, count: iv), associatedData: [], tagLength: 0)
    }

    private func encrypt(_ cipher: Cipher, _ body: String, plain: [UInt8] = [1, 2, 3]) throws -> Ciphertext {
        try signedIn(kms { _, _ in answer(200, body) })
            .encrypt(Secret(plain), with: cipher, key: KeyID("k"), deadline: soon)
    }

    private func decrypt(_ cipher: Cipher, _ body: String, _ ciphertext: Ciphertext) throws -> Secret {
        try signedIn(kms { _, _ in answer(200, body) })
            .decrypt(ciphertext, with: cipher, key: KeyID("k"), deadline: soon)
    }

    @Test func encryptsWithGCM() throws {
        let body = #"{"kid":"k","cipher":"BQYH","iv":"\#(base64(iv))","tag":"\#(base64(tag))"}"#
        let transport = kms { _, _ in answer(200, body) }
        let result = try signedIn(transport).encrypt(Secret([1, 2, 3]), with: gcm, key: KeyID("k"), deadline: soon)
        #expect(result == Ciphertext([5, 6, 7], tag: tag))
        #expect(
            try transport.lastBody()
                == JSON(
                    #"""
                    {"key":{"kid":"k"},"alg":"AES","mode":"GCM","plain":"AQID","iv":"\#(base64(iv))","ad":"Bw==",
                     "tag_len":128}
                    """#))
        #expect(transport.trace == ["POST /crypto/v1/encrypt"] && transport.requests.last?.isRepeatable == true)
    }

    @Test func decryptsWithGCM() throws {
        let transport = kms { _, _ in answer(200, #"{"plain":"AQID"}"#) }
        let result = try signedIn(transport).decrypt(
            Ciphertext([5, 6, 7], tag: tag), with: gcm, key: KeyID("k"), deadline: soon)
        #expect(result.equals(Secret([1, 2, 3])))
        #expect(
            try transport.lastBody()
                == JSON(
                    #"""
                    {"key":{"kid":"k"},"alg":"AES","mode":"GCM","cipher":"BQYH","iv":"\#(base64(iv))","ad":"Bw==",
                     "tag":"\#(base64(tag))"}
                    """#))
    }

    @Test(arguments: [
        #"{"cipher":"BQYH","tag":"BAQEBAQEBAQEBAQEBAQEBA==","iv":"AAAAAAAAAAAAAAAA"}"#,  // another IV
        #"{"cipher":"BQYH","tag":"BAQEBAQEBAQEBAQE"}"#, #"{"cipher":"BQYH"}"#,  // a short tag, none
        #"{"cipher":"BQY=","tag":"BAQEBAQEBAQEBAQEBAQEBA=="}"#,  // a short ciphertext
        #"{"kid":"z","cipher":"BQYH","tag":"BAQEBAQEBAQEBAQEBAQEBA=="}"#, "{}",
    ])
    func wrongAnswersToGCM(body: String) throws {
        let error = #expect(throws: BackendError.self) { try encrypt(gcm, body) }
        #expect(error?.kind == .protocolViolation)
    }

    @Test(arguments: [
        (CipherMode.ecb, 0, 16, 16), (.cbcNoPad, 16, 16, 16), (.cbc, 16, 16, 32), (.cbc, 16, 15, 16), (.cbc, 16, 0, 16),
        (.ctr, 16, 5, 5), (.kw, 0, 16, 24), (.kwp, 0, 9, 24), (.kwp, 0, 8, 16),
    ])
    func everyModeHasItsLengths(mode: CipherMode, iv: Int, plain: Int, cipher: Int) throws {
        let cleartext = [UInt8](repeating: 1, count: plain)
        let result = [UInt8](repeating: 2, count: cipher)
        #expect(
            try encrypt(symmetric(mode, iv: iv), #"{"cipher":"\#(base64(result))"}"#, plain: cleartext)
                == Ciphertext(result))
        #expect(
            try decrypt(symmetric(mode, iv: iv), #"{"plain":"\#(base64(cleartext))"}"#, Ciphertext(result))
                .equals(Secret(cleartext)))
        let longer = base64(result + [1])
        let error = #expect(throws: BackendError.self) {
            try encrypt(symmetric(mode, iv: iv), #"{"cipher":"\#(longer)"}"#, plain: cleartext)
        }
        #expect(error?.kind == .protocolViolation)
        let reversed = #expect(throws: BackendError.self) {
            try decrypt(
                symmetric(mode, iv: iv), #"{"plain":"\#(base64(result + result))"}"#, Ciphertext(result))
        }
        #expect(reversed?.kind == .protocolViolation)
    }

    /// The KMS would take a fresh IV when it got none.
    @Test func wrongParametersAreRefusedHere() throws {
        let transport = kms { _, _ in answer(500) }
        let backend = try signedIn(transport)
        let refused: [Cipher] = [
            symmetric(.cbc), symmetric(.cbcNoPad, iv: 15), symmetric(.ctr, iv: 17), symmetric(.ecb, iv: 16),
            symmetric(.cbc, iv: 16, .des3), symmetric(.cbc, iv: 16, .hmac), symmetric(.kw, .des3),
            .symmetric(.aes, .gcm, iv: [], associatedData: [], tagLength: 16),
            .symmetric(.aes, .gcm, iv: iv, associatedData: [], tagLength: 0),
            .symmetric(.aes, .gcm, iv: iv, associatedData: [], tagLength: 17),
            .symmetric(.aes, .ecb, iv: [], associatedData: [1], tagLength: 0),
            .rsa(.pkcs1V15, label: [1]),
        ]
        for cipher in refused {
            let error = #expect(throws: BackendError.self) {
                try backend.encrypt(Secret([1]), with: cipher, key: KeyID("k"), deadline: soon)
            }
            #expect(error?.kind == .invalid)
        }
        let unsupported: [Cipher] = [
            .rsa(.raw, label: []), .rsa(.oaep(hash: .sha256, mgf: .sha1), label: []), symmetric(.kw, iv: 8),
        ]
        for cipher in unsupported {
            let error = #expect(throws: BackendError.self) {
                try backend.encrypt(Secret([1]), with: cipher, key: KeyID("k"), deadline: soon)
            }
            #expect(error?.kind == .unsupported)
        }
        let tagged = #expect(throws: BackendError.self) {
            try backend.decrypt(Ciphertext([1], tag: [1]), with: gcm, key: KeyID("k"), deadline: soon)
        }
        #expect(tagged?.kind == .invalid)
        #expect(transport.trace.isEmpty)
    }

    @Test(arguments: [
        (RSAPadding.pkcs1V15, [], #"{"PKCS1_V15":{}}"#), (.raw, [], #"{"RAW_DECRYPT":{}}"#),
        (.oaep(hash: .sha384, mgf: .sha384), [UInt8(8)], #"{"OAEP":{"mgf":{"mgf1":{"hash":"SHA384"}}}}"#),
    ])
    func decryptsWithRSA(padding: RSAPadding, label: [UInt8], mode: String) throws {
        let isRaw = padding == .raw
        let transport = kms { _, _ in answer(200, #"{"plain":"\#(isRaw ? "AQIDBA==" : "AQID")"}"#) }
        let result = try signedIn(transport).decrypt(
            Ciphertext([5, 6, 7, 8]), with: .rsa(padding, label: label), key: KeyID("k"), deadline: soon)
        #expect(result.count == (isRaw ? 4 : 3))
        let labelField = label.isEmpty ? "" : #","label":"\#(base64(label))""#
        #expect(
            try transport.lastBody()
                == JSON(#"{"key":{"kid":"k"},"alg":"RSA","mode":\#(mode),"cipher":"BQYHCA=="\#(labelField)}"#))
    }

    @Test func aCiphertextThatDoesNotDecryptIsInvalid() throws {
        let error = #expect(throws: BackendError.self) {
            try signedIn(kms { _, _ in answer(400, "decryption failed") }).decrypt(
                Ciphertext([1], tag: tag), with: gcm, key: KeyID("k"), deadline: soon)
        }
        #expect(error?.kind == .invalid)
    }

    @Test func aRefusalThatRepeatsThePlaintextIsNotQuoted() throws {
        let error = #expect(throws: BackendError.self) {
            try signedIn(kms { _, _ in answer(400, "cannot encrypt canary plaintext") }).encrypt(
                Secret("the canary plaintext"), with: gcm, key: KeyID("k"), deadline: soon)
        }
        #expect(error?.message.contains("canary") == false)
    }

    // MARK: In parts

    @Test func encryptsInParts() throws {
        let transport = kms { [tag] request, count in
            switch request.path {
            case "/crypto/v1/encrypt/init": answer(200, #"{"kid":"k","state":"AA=="}"#)
            case "/crypto/v1/encrypt/update": answer(200, #"{"cipher":"\#(count == 0 ? "" : "BQYH")","state":"AQ=="}"#)
            default: answer(200, #"{"cipher":"CAk=","tag":"\#(base64(tag))"}"#)
            }
        }
        let stream = try signedIn(transport).stream(.encrypt, with: gcm, key: KeyID("k"), deadline: soon)
        #expect(
            try transport.lastBody()
                == JSON(#"{"key":{"kid":"k"},"alg":"AES","mode":"GCM","iv":"\#(base64(iv))","ad":"Bw=="}"#))
        #expect(try stream.update([1, 2, 3], deadline: soon).isEmpty)
        #expect(try transport.lastBody() == JSON(#"{"key":{"kid":"k"},"plain":"AQID","state":"AA=="}"#))
        #expect(try stream.update([], deadline: soon).isEmpty)
        #expect(try stream.update([4, 5], deadline: soon) == [5, 6, 7])
        #expect(try transport.lastBody() == JSON(#"{"key":{"kid":"k"},"plain":"BAU=","state":"AQ=="}"#))
        #expect(try stream.finish(tag: [], deadline: soon) == Ciphertext([8, 9], tag: tag))
        #expect(try transport.lastBody() == JSON(#"{"key":{"kid":"k"},"state":"AQ==","tag_len":128}"#))
        #expect(transport.trace.count == 4)
        let error = #expect(throws: BackendError.self) { try stream.update([1], deadline: soon) }
        #expect(error?.kind == .invalid)
    }

    @Test func decryptsInParts() throws {
        let transport = kms { request, _ in
            switch request.path {
            case "/crypto/v1/decrypt/init": answer(200, #"{"state":"AA=="}"#)
            case "/crypto/v1/decrypt/update": answer(200, #"{"plain":"AQID","state":"AQ=="}"#)
            default: answer(200, #"{"plain":""}"#)
            }
        }
        let stream = try signedIn(transport).stream(.decrypt, with: gcm, key: KeyID("k"), deadline: soon)
        #expect(try stream.update([5, 6, 7], deadline: soon) == [1, 2, 3])
        #expect(try transport.lastBody() == JSON(#"{"key":{"kid":"k"},"cipher":"BQYH","state":"AA=="}"#))
        let short = #expect(throws: BackendError.self) { try stream.finish(tag: [1], deadline: soon) }
        #expect(short?.kind == .invalid)
        #expect(try stream.finish(tag: tag, deadline: soon) == Ciphertext([]))
        #expect(try transport.lastBody() == JSON(#"{"key":{"kid":"k"},"state":"AQ==","tag":"\#(base64(tag))"}"#))
    }

    @Test(arguments: [
        (#"{"state":""}"#, "", ""), (#"{"state":"AA==","iv":"AA=="}"#, "", ""),
        (#"{"kid":"z","state":"AA=="}"#, "", ""),
        (#"{"state":"AA=="}"#, #"{"cipher":"AQ=="}"#, ""), (#"{"state":"AA=="}"#, #"{"state":"AA=="}"#, ""),
        (
            #"{"state":"AA=="}"#, #"{"cipher":"AQ==","state":"AA=="}"#,
            #"{"cipher":"AQ==","tag":"BAQEBAQEBAQEBAQEBAQEBA=="}"#
        ),
        (#"{"state":"AA=="}"#, #"{"cipher":"AQ==","state":"AA=="}"#, #"{"cipher":""}"#),
    ])
    func wrongAnswersInParts(start: String, update: String, final: String) throws {
        let backend = try signedIn(
            kms { request, _ in
                answer(200, request.path.hasSuffix("init") ? start : request.path.hasSuffix("update") ? update : final)
            })
        let error = #expect(throws: BackendError.self) {
            let stream = try backend.stream(.encrypt, with: gcm, key: KeyID("k"), deadline: soon)
            _ = try stream.update([1], deadline: soon)
            _ = try stream.finish(tag: [], deadline: soon)
        }
        #expect(error?.kind == .protocolViolation)
    }

    @Test(arguments: [CipherMode.ecb, .kw, .kwp])
    func otherModesHaveNoParts(mode: CipherMode) throws {
        let error = #expect(throws: BackendError.self) {
            try signedIn(kms { _, _ in answer(500) })
                .stream(.encrypt, with: symmetric(mode), key: KeyID("k"), deadline: soon)
        }
        #expect(error?.kind == .unsupported)
    }

    /// An echo for a cipher.
    @Test func whatIsTooLargeForARequestGoesInParts() throws {
        let transport = kms { request, _ in
            let body = String(decoding: request.body ?? [], as: UTF8.self)
            guard request.path.hasSuffix("update") else {
                return answer(200, #"{"state":"AA==","plain":"","cipher":""}"#)
            }
            guard case .string(let data)? = (try? JSON(body))?[request.path.contains("encrypt") ? "plain" : "cipher"]
            else { return answer(400) }
            return answer(200, #"{"state":"AA==","plain":"\#(data)","cipher":"\#(data)"}"#)
        }
        let backend = try signedIn(transport)
        let data = (0..<800_000).map { UInt8(truncatingIfNeeded: $0) }
        let cipher = symmetric(.ctr, iv: 16)
        let key = KeyID("k")
        #expect(try backend.encrypt(Secret(data), with: cipher, key: key, deadline: soon) == Ciphertext(data))
        #expect(try backend.decrypt(Ciphertext(data), with: cipher, key: key, deadline: soon).equals(Secret(data)))
        #expect(transport.count("/crypto/v1/encrypt/update") == 3 && transport.count("/crypto/v1/decrypt/update") == 3)
    }
}
