import KMSModel
import KMSSupport
import OpenSSLCrypto
import Testing

/// A published result of a mode.
struct CipherVector: Sendable, CustomTestStringConvertible {
    var source: String
    var type = ObjectType.aes
    var mode: CipherMode
    var key: String
    var iv = ""
    var associatedData = ""
    var plaintext: String
    var ciphertext: String
    var tag = ""

    var testDescription: String { source }

    private static var message: String {
        """
        6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
        30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710
        """
    }
    private static var gcmMessage: String {
        """
        d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39
        """
    }

    static let all = [
        CipherVector(
            source: "SP 800-38A F.1.1", mode: .ecb, key: "2b7e151628aed2a6abf7158809cf4f3c",
            plaintext: "6bc1bee22e409f96e93d7e117393172a", ciphertext: "3ad77bb40d7a3660a89ecaf32466ef97"),
        CipherVector(
            source: "SP 800-38A F.2.1", mode: .cbcNoPad, key: "2b7e151628aed2a6abf7158809cf4f3c",
            iv: "000102030405060708090a0b0c0d0e0f", plaintext: message,
            ciphertext: """
                7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2
                73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7
                """),
        CipherVector(
            source: "SP 800-38A F.5.1", mode: .ctr, key: "2b7e151628aed2a6abf7158809cf4f3c",
            iv: "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", plaintext: message,
            ciphertext: """
                874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff
                5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee
                """),
        CipherVector(
            source: "GCM specification, case 1: nothing at all", mode: .gcm,
            key: "00000000000000000000000000000000", iv: "000000000000000000000000", plaintext: "", ciphertext: "",
            tag: "58e2fccefa7e3061367f1d57a4e7455a"),
        CipherVector(
            source: "GCM specification, case 4", mode: .gcm, key: "feffe9928665731c6d6a8f9467308308",
            iv: "cafebabefacedbaddecaf888", associatedData: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            plaintext: gcmMessage,
            ciphertext: """
                42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
                21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091
                """,
            tag: "5bc94fbc3221a5db94fae95ae7121a47"),
        CipherVector(
            source: "GCM specification, case 5: an IV of 8 bytes", mode: .gcm,
            key: "feffe9928665731c6d6a8f9467308308", iv: "cafebabefacedbad",
            associatedData: "feedfacedeadbeeffeedfacedeadbeefabaddad2", plaintext: gcmMessage,
            ciphertext: """
                61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423
                73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598
                """,
            tag: "3612d2e79e3b0785561be14aaca2fccb"),
        CipherVector(
            source: "RFC 3394 section 4.1", mode: .kw, key: "000102030405060708090a0b0c0d0e0f",
            plaintext: "00112233445566778899aabbccddeeff",
            ciphertext: "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
        CipherVector(
            source: "RFC 3394 section 4.6", mode: .kw,
            key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            plaintext: "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
            ciphertext: "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"),
        CipherVector(
            source: "RFC 5649 section 6, 20 bytes", mode: .kwp,
            key: "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
            plaintext: "c37b7e6492584340bed12207808941155068f738",
            ciphertext: "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"),
        CipherVector(
            source: "RFC 5649 section 6, 7 bytes", mode: .kwp,
            key: "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", plaintext: "466f7250617369",
            ciphertext: "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ]
}

@Suite("Symmetric ciphers")
struct CipherTests {
    let context: LibraryContext

    init() throws { context = try TestContext.get() }

    @Test("give the published results", arguments: CipherVector.all)
    func known(vector: CipherVector) throws {
        let key = secret(vector.key)
        let iv = hex(vector.iv)
        let associatedData = hex(vector.associatedData)
        let result = try SymmetricCipher.encrypt(
            Secret(hex(vector.plaintext)), vector.type, vector.mode, key: key, iv: iv, associatedData: associatedData,
            in: context)
        #expect(result.ciphertext == hex(vector.ciphertext))
        #expect(result.tag == hex(vector.tag))
        let plaintext = try SymmetricCipher.decrypt(
            result.ciphertext, vector.type, vector.mode, key: key, iv: iv, associatedData: associatedData,
            tag: result.tag, in: context)
        #expect(plaintext.bytes == hex(vector.plaintext))
    }

    @Test("give the same in parts of any size", arguments: CipherVector.all, [1, 7, 16, 33])
    func parts(vector: CipherVector, step: Int) throws {
        let key = secret(vector.key)
        let encryption = try SymmetricCipher(
            .encrypt, vector.type, vector.mode, key: key, iv: hex(vector.iv),
            associatedData: hex(vector.associatedData), in: context)
        let ciphertext = try encryption.update(hex(vector.plaintext), by: step) + encryption.finish()
        #expect(ciphertext == hex(vector.ciphertext))
        let decryption = try SymmetricCipher(
            .decrypt, vector.type, vector.mode, key: key, iv: hex(vector.iv),
            associatedData: hex(vector.associatedData), in: context)
        let first = try decryption.update(ciphertext, by: step)
        let last = vector.mode == .gcm ? try decryption.finish(tag: encryption.tag()) : try decryption.finish()
        #expect(first + last == hex(vector.plaintext))
    }

    /// The name that `openssl enc` knows, key length in bytes, IV length in bytes.
    static let programModes: [(String, ObjectType, CipherMode, Int, Int)] = [
        ("-aes-128-cbc", .aes, .cbc, 16, 16), ("-aes-192-cbc", .aes, .cbc, 24, 16),
        ("-aes-256-cbc", .aes, .cbc, 32, 16),
        ("-aes-256-ctr", .aes, .ctr, 32, 16), ("-des-ede3-cbc", .des3, .cbc, 24, 8),
        ("-des-ede-cbc", .des3, .cbc, 16, 8),
    ]

    @Test("agree with the openssl program, and take inputs of any length", arguments: programModes)
    func program(name: String, type: ObjectType, mode: CipherMode, keyLength: Int, ivLength: Int) throws {
        let openssl = try Program()
        for length in [0, 1, 15, 16, 17, 1_000] {
            let key = try Random.bytes(keyLength, in: context)
            let iv = try Random.bytes(ivLength, in: context)
            let plaintext = try Random.bytes(length, in: context)
            try openssl.write(plaintext, to: "in")
            let digits = { (bytes: [UInt8]) in bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) } }
            try openssl(
                "enc", name, "-K", digits(key).joined(), "-iv", digits(iv).joined(), "-in", "in", "-out", "out")
            let ciphertext = try openssl.read("out")
            let result = try SymmetricCipher.encrypt(
                Secret(plaintext), type, mode, key: Secret(key), iv: iv, in: context)
            #expect(result.ciphertext == ciphertext)
            let opened = try SymmetricCipher.decrypt(ciphertext, type, mode, key: Secret(key), iv: iv, in: context)
            #expect(opened.bytes == plaintext)
        }
    }

    @Test("GCM takes IVs of 1 to 128 bytes and the tags of SP 800-38D", arguments: [1, 12, 13, 128], [4, 8, 12, 16])
    func gcmSizes(ivLength: Int, tagLength: Int) throws {
        let key = secret("feffe9928665731c6d6a8f9467308308")
        let iv = try Random.bytes(ivLength, in: context)
        let result = try SymmetricCipher.encrypt(
            Secret("message"), .aes, .gcm, key: key, iv: iv, associatedData: [1], tagLength: tagLength, in: context)
        #expect(result.tag.count == tagLength)
        let opened = try SymmetricCipher.decrypt(
            result.ciphertext, .aes, .gcm, key: key, iv: iv, associatedData: [1], tag: result.tag, in: context)
        #expect(opened.equals(Secret("message")))
        var wrong = result.tag
        wrong[tagLength - 1] ^= 1
        #expect(throws: CryptoError.self) {
            try SymmetricCipher.decrypt(
                result.ciphertext, .aes, .gcm, key: key, iv: iv, associatedData: [1], tag: wrong, in: context)
        }
        #expect(throws: CryptoError.self) {
            try SymmetricCipher.decrypt(result.ciphertext, .aes, .gcm, key: key, iv: iv, tag: result.tag, in: context)
        }
    }

    /// Type, mode, key length, IV length, associated data, tag length; all in bytes, one of them wrong.
    static let refused: [(ObjectType, CipherMode, Int, Int, Int, Int)] = [
        (.aes, .cbc, 15, 16, 0, 16), (.aes, .cbc, 0, 16, 0, 16), (.aes, .cbc, 33, 16, 0, 16),
        (.des3, .cbc, 8, 8, 0, 16), (.des3, .cbc, 23, 8, 0, 16), (.des3, .cbc, 32, 8, 0, 16),
        (.aes, .cbc, 16, 0, 0, 16), (.aes, .cbc, 16, 15, 0, 16), (.aes, .cbcNoPad, 16, 17, 0, 16),
        (.aes, .ctr, 16, 12, 0, 16), (.des3, .cbc, 24, 16, 0, 16),
        (.aes, .ecb, 16, 16, 0, 16), (.aes, .kw, 16, 8, 0, 16), (.aes, .kwp, 16, 4, 0, 16),
        (.aes, .gcm, 16, 0, 0, 16), (.aes, .gcm, 16, 129, 0, 16),
        (.aes, .gcm, 16, 12, 0, 0), (.aes, .gcm, 16, 12, 0, 5), (.aes, .gcm, 16, 12, 0, 17),
        (.aes, .gcm, 16, 12, 0, -1),
        (.aes, .cbc, 16, 16, 1, 16), (.aes, .kw, 16, 0, 1, 16),
        (.des3, .ctr, 24, 8, 0, 16), (.des3, .gcm, 24, 12, 0, 16), (.des3, .kw, 24, 0, 0, 16),
        (.rsa, .cbc, 16, 16, 0, 16), (.secret, .cbc, 16, 16, 0, 16),
    ]

    @Test("refuse sizes that are wrong", arguments: refused)
    func sizes(
        type: ObjectType, mode: CipherMode, keyLength: Int, ivLength: Int, associated: Int, tagLength: Int
    ) throws {
        for direction in [SymmetricCipher.Direction.encrypt, .decrypt] {
            #expect(throws: CryptoError.self) {
                try SymmetricCipher(
                    direction, type, mode, key: Secret([UInt8](repeating: 1, count: keyLength)),
                    iv: [UInt8](repeating: 2, count: ivLength),
                    associatedData: [UInt8](repeating: 3, count: associated), tagLength: tagLength, in: context)
            }
        }
    }

    /// Mode, IV length and input length in bytes.
    static let misfits: [(CipherMode, Int, Int)] = [
        (.ecb, 0, 15), (.cbcNoPad, 16, 17), (.kw, 0, 0), (.kw, 0, 8), (.kw, 0, 20), (.kwp, 0, 0),
    ]

    @Test("refuse inputs that do not fit the mode", arguments: misfits)
    func inputs(mode: CipherMode, ivLength: Int, length: Int) throws {
        let key = secret("2b7e151628aed2a6abf7158809cf4f3c")
        let iv = [UInt8](repeating: 0, count: ivLength)
        let input = [UInt8](repeating: 0, count: length)
        #expect(throws: CryptoError.self) {
            try SymmetricCipher.encrypt(Secret(input), .aes, mode, key: key, iv: iv, in: context)
        }
        #expect(throws: CryptoError.self) {
            try SymmetricCipher.decrypt(input, .aes, mode, key: key, iv: iv, in: context)
        }
    }

    @Test("do not unwrap or unpad what was changed", arguments: [CipherMode.kw, .kwp])
    func changed(mode: CipherMode) throws {
        let key = secret("2b7e151628aed2a6abf7158809cf4f3c")
        let wrapped = try SymmetricCipher.encrypt(
            Secret([UInt8](repeating: 9, count: 24)), .aes, mode, key: key, iv: [], in: context
        ).ciphertext
        for index in wrapped.indices {
            var changed = wrapped
            changed[index] ^= 0x80
            #expect(throws: CryptoError.self) {
                try SymmetricCipher.decrypt(changed, .aes, mode, key: key, iv: [], in: context)
            }
        }
    }

    @Test("end once")
    func finished() throws {
        let key = secret("2b7e151628aed2a6abf7158809cf4f3c")
        let cipher = try SymmetricCipher(
            .encrypt, .aes, .gcm, key: key, iv: [UInt8](repeating: 1, count: 12), in: context)
        #expect(throws: CryptoError.self) { try cipher.tag() }
        #expect(throws: CryptoError.self) { try cipher.finish(tag: [UInt8](repeating: 0, count: 16)) }
        #expect(try cipher.finish().isEmpty)
        #expect(try cipher.tag().count == 16)
        #expect(throws: CryptoError.self) { try cipher.finish() }
        #expect(throws: CryptoError.self) { try cipher.update([1], by: 1) }
        let opening = try SymmetricCipher(
            .decrypt, .aes, .gcm, key: key, iv: [UInt8](repeating: 1, count: 12), in: context)
        #expect(throws: CryptoError.self) { try opening.finish() }
    }

    @Test("Two-key triple DES is K1, K2, K1")
    func twoKeys() throws {
        let two = hex("0123456789abcdef23456789abcdef01")
        let zeros = Secret([UInt8](repeating: 0, count: 8))
        let short = try SymmetricCipher.encrypt(zeros, .des3, .ecb, key: Secret(two), iv: [], in: context)
        let long = try SymmetricCipher.encrypt(
            zeros, .des3, .ecb, key: Secret(two + two.prefix(8)), iv: [], in: context)
        #expect(short.ciphertext == long.ciphertext)
    }

    @Test("check values are those of PKCS#11")
    func checkValues() throws {
        let zeros = { (count: Int) in Secret([UInt8](repeating: 0, count: count)) }
        #expect(try KeyCheckValue.of(zeros(16), type: .aes, in: context) == hex("66e94b"))
        #expect(try KeyCheckValue.of(zeros(24), type: .des3, in: context) == hex("8ca64d"))
        #expect(try KeyCheckValue.of(Secret("abc"), type: .secret, in: context) == hex("a9993e"))
        #expect(try KeyCheckValue.of(Secret("abc"), type: .hmac, in: context) == hex("a9993e"))
        #expect(try KeyCheckValue.of(zeros(16), type: .opaque, in: context) == nil)
        #expect(throws: CryptoError.self) { try KeyCheckValue.of(zeros(15), type: .aes, in: context) }
    }
}
