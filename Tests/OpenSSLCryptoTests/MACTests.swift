import KMSModel
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("Message authentication codes and derived keys")
struct MACTests {
    let context: LibraryContext

    init() throws { context = try TestContext.get() }

    @Test(
        "HMAC gives the results of RFC 4231",
        arguments: [
            (HashAlgorithm.sha224, "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22"),
            (.sha256, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                .sha384,
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6"
            ),
            (
                .sha512,
                """
                87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
                daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854
                """
            ),
        ])
    func hmac(hash: HashAlgorithm, expected: String) throws {
        let key = Secret([UInt8](repeating: 0x0B, count: 20))
        let code = try MessageAuthentication.code(
            Array("Hi There".utf8), .hmac(hash), keyType: .hmac, key: key, in: context)
        #expect(code == hex(expected))
        #expect(MACAlgorithm.hmac(hash).length(keyType: .hmac) == code.count)
    }

    static let message = """
        6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
        30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710
        """

    @Test(
        "AES-CMAC gives the results of RFC 4493",
        arguments: [
            (0, "bb1d6929e95937287fa37d129b756746"), (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"), (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ])
    func aesCMAC(length: Int, expected: String) throws {
        let mac = try MessageAuthentication(
            .cmac, keyType: .aes, key: secret("2b7e151628aed2a6abf7158809cf4f3c"), in: context)
        for byte in hex(MACTests.message).prefix(length) { try [byte].withUnsafeBytes { try mac.update($0) } }
        #expect(try mac.finish() == hex(expected))
        #expect(throws: CryptoError.self) { try mac.finish() }
    }

    @Test(
        "TDES-CMAC gives the results of SP 800-38B",
        arguments: [
            ("8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5", 0, "b7a688e122ffaf95"),
            ("8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5", 8, "8e8f293136283797"),
            ("4cf15134a2850dd58a3d10ba80570d38", 0, "bd2ebf9a3ba00361"),
        ])
    func tripleDESCMAC(key: String, length: Int, expected: String) throws {
        let code = try MessageAuthentication.code(
            Array(hex(MACTests.message).prefix(length)), .cmac, keyType: .des3, key: secret(key), in: context)
        #expect(code == hex(expected))
        #expect(MACAlgorithm.cmac.length(keyType: .des3) == 8)
    }

    @Test("an empty key and an empty message are inputs as others are")
    func empty() throws {
        let code = try MessageAuthentication.hmacSHA256(Secret(""), [], in: context)
        #expect(code == hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"))
    }

    @Test("keys and hashes that do not fit are refused")
    func refused() throws {
        #expect(throws: CryptoError.self) {
            try MessageAuthentication(.cmac, keyType: .aes, key: Secret("short"), in: context)
        }
        #expect(throws: CryptoError.self) {
            try MessageAuthentication(
                .cmac, keyType: .hmac, key: Secret([UInt8](repeating: 0, count: 16)), in: context)
        }
        #expect(throws: CryptoError.self) {
            try MessageAuthentication(.hmac(.ssl3), keyType: .hmac, key: Secret("key"), in: context)
        }
    }

    @Test("HKDF gives the results of RFC 5869, in one step and in two")
    func hkdf() throws {
        let key = Secret([UInt8](repeating: 0x0B, count: 22))
        let salt = hex("000102030405060708090a0b0c")
        let info = hex("f0f1f2f3f4f5f6f7f8f9")
        let expected = hex(
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
        let whole = try KeyDerivation.hkdf(
            key, .sha256, .extractAndExpand, salt: salt, info: info, length: 42, in: context)
        #expect(whole.bytes == expected)
        let middle = try KeyDerivation.hkdf(
            key, .sha256, .extractOnly, salt: salt, info: [], length: 32, in: context)
        #expect(middle.bytes == hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"))
        let end = try KeyDerivation.hkdf(middle, .sha256, .expandOnly, salt: [], info: info, length: 42, in: context)
        #expect(end.bytes == expected)
        let bare = try KeyDerivation.hkdf(
            key, .sha256, .extractAndExpand, salt: [], info: [], length: 42, in: context)
        #expect(
            bare.bytes
                == hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"))
    }

    @Test("HKDF refuses what it would have to cut or to ignore")
    func hkdfLimits() throws {
        let key = Secret("key")
        let run = { (mode: KeyDerivation.HKDFMode, salt: [UInt8], info: [UInt8], length: Int) in
            try KeyDerivation.hkdf(key, .sha256, mode, salt: salt, info: info, length: length, in: context)
        }
        #expect(try run(.extractAndExpand, [], [UInt8](repeating: 1, count: 1_024), 255 * 32).count == 255 * 32)
        #expect(throws: CryptoError.self) { try run(.extractAndExpand, [], [], 255 * 32 + 1) }
        #expect(throws: CryptoError.self) { try run(.extractAndExpand, [], [], 0) }
        #expect(throws: CryptoError.self) {
            try run(.extractAndExpand, [], [UInt8](repeating: 1, count: 1_025), 32)
        }
        #expect(throws: CryptoError.self) { try run(.extractOnly, [], [], 31) }
        #expect(throws: CryptoError.self) { try run(.extractOnly, [], [1], 32) }
        #expect(throws: CryptoError.self) { try run(.expandOnly, [1], [], 32) }
    }

    @Test("X9.63 gives the result of NIST's ANS X9.63-2001 vectors")
    func x963() throws {
        let key = try KeyDerivation.x963(
            secret("22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d"), .sha256,
            sharedInfo: hex("75eef81aa3041e33b80971203d2c0c52"), length: 128, in: context)
        #expect(
            key.bytes
                == hex(
                    """
                    c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e
                    52a13d9c7c6fc878c50c5ea0bc7b00e0da2447cfd874f6cf92f30d0097111485
                    500c90c3af8b487872d04685d14c8d1dc8d7fa08beb0ce0ababc11f0bd496269
                    142d43525a78e5bc79a17f59676a5706dc54d54d4d1f0bd7e386128ec26afc21
                    """))
        let plain = try KeyDerivation.x963(
            secret("1c7d7b5f0597b03d06a018466ed1a93e30ed4b04dc64ccdd"), .sha1, sharedInfo: [], length: 16, in: context)
        #expect(plain.bytes == hex("bf71dffd8f4d99223936beb46fee8ccc"))
        #expect(throws: CryptoError.self) {
            try KeyDerivation.x963(Secret("z"), .sha1, sharedInfo: [], length: 0, in: context)
        }
    }
}
