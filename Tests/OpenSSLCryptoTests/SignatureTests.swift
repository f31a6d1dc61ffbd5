import KMSModel
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("Signatures")
struct SignatureTests {
    let context: LibraryContext

    init() throws { context = try TestContext.get() }

    @Test(
        "EdDSA gives the results of RFC 8032",
        arguments: [
            (
                EllipticCurve.ed25519, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "",
                """
                e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
                5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b
                """
            ),
            (
                .ed25519, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72",
                """
                92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
                085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00
                """
            ),
            (
                .ed448,
                """
                6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3
                528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b
                """, "",
                """
                533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f
                2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd3980ff0d2028d4b18a
                9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4db
                b61149f05a7363268c71d95808ff2e652600
                """
            ),
        ])
    func edwards(curve: EllipticCurve, seed: String, message: String, expected: String) throws {
        let key = try PrivateKey(.ec(curve: curve, scalar: secret(seed)), in: context)
        let publicKey = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo(), in: context)
        var signature = try key.sign(hex(message), algorithm: .eddsa)
        #expect(signature == hex(expected))
        #expect(try publicKey.verify(hex(message), signature: signature, algorithm: .eddsa))
        #expect(try !publicKey.verify(hex(message) + [0], signature: signature, algorithm: .eddsa))
        #expect(try !publicKey.verify(hex(message), signature: Array(signature.dropLast()), algorithm: .eddsa))
        signature[0] ^= 1
        #expect(try !publicKey.verify(hex(message), signature: signature, algorithm: .eddsa))
    }

    @Test("ECDSA keeps leading zeros of r and s in the fixed form")
    func leadingZeros() throws {
        let key = try PrivateKey.generateEC(.nistP256, in: context)
        let publicKey = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo(), in: context)
        let digest = try Digest.hash(Array("message".utf8), .sha256, in: context)
        var seen = 0
        for _ in 0..<20_000 where seen < 4 {
            let der = try key.sign(digest, algorithm: .ecdsa(.sha256))
            let fixed = try ECDSASignature.fixedWidth(der: der, width: 32)
            guard fixed[0] == 0 || fixed[32] == 0 else { continue }
            seen += 1
            #expect(try ECDSASignature.der(fixedWidth: fixed) == der)
            #expect(
                try publicKey.verify(
                    digest, signature: ECDSASignature.der(fixedWidth: fixed), algorithm: .ecdsa(.sha256)))
        }
        #expect(seen == 4)
        #expect(try ECDSASignature.der(fixedWidth: hex("0001 0080")) == hex("3007 020101 02020080"))
        for bytes in [[], [1], [UInt8](repeating: 1, count: 134)] {
            #expect(throws: CryptoError.self) { try ECDSASignature.der(fixedWidth: bytes) }
        }
    }

    @Test("an algorithm that is not the key's is refused")
    func misfits() throws {
        let digest = [UInt8](repeating: 1, count: 32)
        let rsa = try PrivateKey.generateRSA(bits: 1_024, exponent: 65_537, in: context)
        let ec = try PrivateKey.generateEC(.nistP256, in: context)
        let edwards = try PrivateKey.generateEC(.ed25519, in: context)
        let montgomery = try PrivateKey.generateEC(.x25519, in: context)
        let cases: [(PrivateKey, SigningAlgorithm)] = [
            (rsa, .ecdsa(.sha256)), (rsa, .eddsa), (ec, .rsaPKCS1(.sha256)), (ec, .eddsa), (edwards, .ecdsa(.sha256)),
            (montgomery, .eddsa), (montgomery, .ecdsa(.sha256)),
        ]
        for (key, algorithm) in cases {
            #expect(throws: CryptoError.self) { try key.sign(digest, algorithm: algorithm) }
            let publicKey = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo(), in: context)
            #expect(throws: CryptoError.self) {
                try publicKey.verify(digest, signature: digest, algorithm: algorithm)
            }
        }
    }

    @Test("RSA-PSS verifies with the salt length it was made with and no other", arguments: [0, 20, 32, 64])
    func pssSalt(saltLength: Int) throws {
        let openssl = try Program()
        let key = try PrivateKey.generateRSA(bits: 2_048, exponent: 65_537, in: context)
        let publicKey = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo(), in: context)
        let digest = try Digest.hash(Array("message".utf8), .sha256, in: context)
        try openssl.write(key.pkcs8().bytes, to: "key")
        try openssl.write(digest, to: "digest")
        let signature = try openssl(
            "pkeyutl", "-sign", "-keyform", "DER", "-inkey", "key", "-in", "digest", "-pkeyopt", "digest:sha256",
            "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:\(saltLength)", "-pkeyopt",
            "rsa_mgf1_md:sha1")
        let verify = { (mgf: HashAlgorithm, length: Int) in
            try publicKey.verify(digest, signature: signature, pss: .sha256, mgf: mgf, saltLength: length)
        }
        #expect(try verify(.sha1, saltLength))
        #expect(try !verify(.sha1, saltLength + 1))
        #expect(try !verify(.sha256, saltLength))
        #expect(try !verify(.sha1, 10_000))
        #expect(throws: CryptoError.self) { try verify(.sha1, -1) }
        #expect(
            try publicKey.verify(digest, signature: signature, algorithm: .rsaPSS(.sha256, mgf: .sha1))
                == (saltLength == 32))
    }
}
