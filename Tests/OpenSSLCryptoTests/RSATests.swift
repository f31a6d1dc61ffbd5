import KMSModel
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("RSA keys and encryption")
struct RSATests {
    let context: LibraryContext
    let key: PrivateKey
    let publicKey: PublicKey

    init() throws {
        context = try TestContext.get()
        key = try PrivateKey.generateRSA(bits: 2_048, exponent: 65_537, in: context)
        publicKey = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo(), in: context)
    }

    private func numbers() throws -> PrivateKey.RSA {
        guard case .rsa(let numbers) = try key.components() else { throw CryptoError("not an RSA key") }
        return numbers
    }

    @Test("a key is rebuilt from its numbers, also from some of them")
    func rebuilt() throws {
        let all = try numbers()
        let der = try key.der()
        var some = all
        #expect(try PrivateKey(.rsa(some), in: context).der().equals(der))
        some.exponent1 = nil
        some.exponent2 = nil
        some.coefficient = nil
        #expect(try PrivateKey(.rsa(some), in: context).der().equals(der))
        some.prime1 = nil
        #expect(try PrivateKey(.rsa(some), in: context).der().equals(der))
        some.prime1 = all.prime1
        some.prime2 = nil
        #expect(try PrivateKey(.rsa(some), in: context).der().equals(der))
        // Leading zeros are no part of a number.
        some = all
        some.modulus = [0, 0] + all.modulus
        some.publicExponent = [0] + all.publicExponent
        #expect(try PrivateKey(.rsa(some), in: context).der().equals(der))
        #expect(try PrivateKey(der: key.pkcs8(), in: context).der().equals(der))
    }

    @Test("a key without primes signs and decrypts but has no PKCS#1 form")
    func withoutPrimes() throws {
        let all = try numbers()
        let bare = PrivateKey.RSA(
            modulus: all.modulus, publicExponent: all.publicExponent, privateExponent: all.privateExponent)
        let again = try PrivateKey(.rsa(bare), in: context)
        #expect(try again.subjectPublicKeyInfo() == key.subjectPublicKeyInfo())
        let digest = [UInt8](repeating: 7, count: 32)
        let signature = try again.sign(digest, algorithm: .rsaPKCS1(.sha256))
        #expect(try signature == key.sign(digest, algorithm: .rsaPKCS1(.sha256)))
        let ciphertext = try publicKey.encrypt(Secret("text"), padding: .oaep(hash: .sha256, mgf: .sha256))
        #expect(
            try again.decrypt(ciphertext, padding: .oaep(hash: .sha256, mgf: .sha256)).equals(Secret("text")))
        #expect(throws: CryptoError.self) { try again.der() }
        #expect(throws: CryptoError.self) { try again.pkcs8() }
        guard case .rsa(let numbers) = try again.components() else { return }
        #expect(numbers.prime1 == nil && numbers.coefficient == nil)
    }

    @Test("numbers that do not fit together are refused")
    func inconsistent() throws {
        let all = try numbers()
        let changed = { (secret: Secret?) -> Secret in
            var bytes = secret?.bytes ?? []
            bytes[bytes.count - 1] ^= 2
            return Secret(bytes)
        }
        let edits: [(inout PrivateKey.RSA) -> Void] = [
            { $0.modulus[$0.modulus.count - 1] ^= 2 },
            { $0.modulus = [] },
            { $0.publicExponent = [3] },
            { $0.publicExponent = [] },
            { $0.privateExponent = changed($0.privateExponent) },
            { $0.prime1 = changed($0.prime1) },
            { $0.prime2 = Secret([0]) },
            { $0.exponent1 = changed($0.exponent1) },
            { $0.exponent2 = changed($0.exponent2) },
            { $0.coefficient = changed($0.coefficient) },
            {
                $0.prime1 = changed($0.prime1); $0.prime2 = nil
            },
            {
                $0.prime1 = nil; $0.prime2 = nil
            },
            {
                $0 = .init(
                    modulus: $0.modulus, publicExponent: $0.publicExponent,
                    privateExponent: changed($0.privateExponent))
            },
        ]
        for (index, edit) in edits.enumerated() {
            var numbers = all
            edit(&numbers)
            #expect(throws: CryptoError.self, "edit \(index)") { try PrivateKey(.rsa(numbers), in: context) }
        }
    }

    @Test("a public key is rebuilt from modulus and exponent, if they can be")
    func publicComponents() throws {
        let components = try publicKey.components()
        #expect(try PublicKey(components, in: context).subjectPublicKeyInfo() == publicKey.subjectPublicKeyInfo())
        guard case .rsa(let modulus, let exponent) = components else { return }
        #expect(modulus.count == 256 && exponent == [1, 0, 1])
        let refused: [([UInt8], [UInt8])] = [
            ([], exponent), (modulus, []), (modulus, [0]), (modulus, [1]), (modulus, [2]),
            (Array(modulus.dropLast()) + [0], exponent), ([UInt8](repeating: 0, count: 256), exponent),
            (modulus, [1, 0, 0, 0, 1]),
        ]
        for (modulus, exponent) in refused {
            #expect(throws: CryptoError.self) {
                try PublicKey(.rsa(modulus: modulus, exponent: exponent), in: context)
            }
        }
    }

    static let hashes: [HashAlgorithm] = [.sha1, .sha224, .sha256, .sha384, .sha512, .sha3_256]

    @Test("OAEP opens with its hashes and label only", arguments: hashes, [HashAlgorithm.sha1, .sha256])
    func oaep(hash: HashAlgorithm, mgf: HashAlgorithm) throws {
        let padding = RSAPadding.oaep(hash: hash, mgf: mgf)
        let room = 256 - 2 * hash.length - 2
        for length in [0, 1, room] {
            let plaintext = Secret(try Random.bytes(length, in: context))
            let ciphertext = try publicKey.encrypt(plaintext, padding: padding, label: [1, 2])
            #expect(try key.decrypt(ciphertext, padding: padding, label: [1, 2]).equals(plaintext))
            #expect(throws: CryptoError.self) { try key.decrypt(ciphertext, padding: padding, label: [1]) }
            #expect(throws: CryptoError.self) { try key.decrypt(ciphertext, padding: padding) }
            #expect(throws: CryptoError.self) {
                try key.decrypt(
                    ciphertext, padding: .oaep(hash: hash, mgf: mgf == .sha1 ? .sha256 : .sha1), label: [1, 2])
            }
        }
        #expect(throws: CryptoError.self) {
            try publicKey.encrypt(Secret([UInt8](repeating: 1, count: room + 1)), padding: padding)
        }
    }

    @Test("encryption agrees with the openssl program")
    func program() throws {
        let openssl = try Program()
        try openssl.write(key.der().bytes, to: "key")
        let padding = RSAPadding.oaep(hash: .sha384, mgf: .sha1)
        try openssl.write(publicKey.encrypt(Secret("text"), padding: padding, label: hex("0a0b")), to: "in")
        let options = [
            "-keyform", "DER", "-inkey", "key", "-in", "in", "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt",
            "rsa_oaep_md:sha384", "-pkeyopt", "rsa_mgf1_md:sha1", "-pkeyopt", "rsa_oaep_label:0a0b",
        ]
        #expect(try openssl(["pkeyutl", "-decrypt"] + options) == Array("text".utf8))
        try openssl.write(Array("text".utf8), to: "in")
        let ciphertext = try openssl(["pkeyutl", "-encrypt"] + options)
        #expect(try key.decrypt(ciphertext, padding: padding, label: hex("0a0b")).equals(Secret("text")))
        let old = try openssl("pkeyutl", "-encrypt", "-keyform", "DER", "-inkey", "key", "-in", "in")
        #expect(try key.decrypt(old, padding: .pkcs1V15).equals(Secret("text")))
    }

    @Test("PKCS #1 v1.5 takes up to 11 bytes less than the modulus", arguments: [0, 1, 245])
    func version15(length: Int) throws {
        let plaintext = Secret(try Random.bytes(length, in: context))
        let ciphertext = try publicKey.encrypt(plaintext, padding: .pkcs1V15)
        #expect(try key.decrypt(ciphertext, padding: .pkcs1V15).equals(plaintext))
        #expect(throws: CryptoError.self) {
            try publicKey.encrypt(Secret([UInt8](repeating: 1, count: 246)), padding: .pkcs1V15)
        }
        #expect(throws: CryptoError.self) { try key.decrypt(Array(ciphertext.dropFirst()), padding: .pkcs1V15) }
        #expect(throws: CryptoError.self) { try key.decrypt([0] + ciphertext, padding: .pkcs1V15) }
        #expect(throws: CryptoError.self) { try publicKey.encrypt(plaintext, padding: .pkcs1V15, label: [1]) }
    }

    @Test("one error for every wrong padding")
    func oneError() throws {
        let raw = try publicKey.encrypt(Secret([0, 1] + [UInt8](repeating: 3, count: 254)), padding: .raw)
        var texts: Set<String> = []
        for padding in [RSAPadding.pkcs1V15, .oaep(hash: .sha1, mgf: .sha1), .oaep(hash: .sha256, mgf: .sha1)] {
            let error = #expect(throws: CryptoError.self) { try key.decrypt(raw, padding: padding) }
            texts.insert(error?.description ?? "")
        }
        #expect(texts.count == 1)
    }

    @Test("raw RSA takes numbers below the modulus, as long as it")
    func raw() throws {
        let number = Secret([0] + (try Random.bytes(255, in: context)))
        let ciphertext = try publicKey.encrypt(number, padding: .raw)
        #expect(try key.decrypt(ciphertext, padding: .raw).equals(number))
        for bytes in [[UInt8](repeating: 0xFF, count: 256), [UInt8](repeating: 1, count: 255), []] {
            #expect(throws: CryptoError.self) { try publicKey.encrypt(Secret(bytes), padding: .raw) }
        }
    }

    @Test("what a signature signs is recovered")
    func recovered() throws {
        let digest = [UInt8](repeating: 5, count: 36)
        var signature = try key.sign(digest, algorithm: .rsaPKCS1(.ssl3))
        #expect(try publicKey.recover(signature, padding: .pkcs1V15) == digest)
        let whole = try #require(try publicKey.recover(signature, padding: .raw))
        #expect(whole.count == 256 && whole.prefix(3) == [0, 1, 0xFF] && whole.suffix(36) == digest[...])
        #expect(try publicKey.recover(Array(signature.dropFirst()), padding: .pkcs1V15) == nil)
        #expect(try publicKey.recover([UInt8](repeating: 0xFF, count: 256), padding: .raw) == nil)
        signature[9] ^= 1
        #expect(try publicKey.recover(signature, padding: .pkcs1V15) == nil)
        #expect(throws: CryptoError.self) {
            try publicKey.recover(signature, padding: .oaep(hash: .sha1, mgf: .sha1))
        }
    }
}
