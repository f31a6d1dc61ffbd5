import COpenSSL
import KMSModel
import KMSSupport
import OpenSSLCrypto
import Testing

/// A host such as NGINX logs whatever is left in the queue as an error of its own.
@Suite("OpenSSL's error queue")
struct ErrorQueueTests {
    @Test("is as it was after every failure")
    func untouched() throws {
        let context = try TestContext.get()
        let key = try PrivateKey.generateRSA(bits: 1_024, exponent: 65_537, in: context)
        let publicKey = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo(), in: context)
        let ec = try PrivateKey.generateEC(.nistP256, in: context)
        let junk = [UInt8](repeating: 0x42, count: 128)
        let failures: [(String, () throws -> Void)] = [
            ("public key", { _ = try PublicKey(subjectPublicKeyInfo: junk, in: context) }),
            ("private key", { _ = try PrivateKey(der: Secret(junk), in: context) }),
            ("identifier", { _ = try PublicKey.identifier(subjectPublicKeyInfo: junk, in: context) }),
            ("certificate", { _ = try Certificate(der: junk, in: context) }),
            ("signature", { _ = try ECDSASignature.fixedWidth(der: junk, width: 32) }),
            ("octet string", { _ = DEROctetString.decode(junk) }),
            ("curve", { _ = EllipticCurve(ecParameters: junk) }),
            ("point", { _ = try PublicKey(.ec(parameters: hex("06082a8648ce3d030107"), point: junk), in: context) }),
            ("modulus", { _ = try PublicKey(.rsa(modulus: junk, exponent: [2]), in: context) }),
            ("scalar", { _ = try PrivateKey(.ec(curve: .ed25519, scalar: Secret(junk)), in: context) }),
            (
                "numbers",
                {
                    _ = try PrivateKey(
                        .rsa(.init(modulus: junk, publicExponent: [3], privateExponent: Secret(junk))), in: context)
                }
            ),
            ("decryption", { _ = try key.decrypt(junk, padding: .pkcs1V15) }),
            ("encryption", { _ = try publicKey.encrypt(Secret(junk), padding: .pkcs1V15) }),
            ("recovery", { _ = try publicKey.recover(junk, padding: .pkcs1V15) }),
            ("verification", { _ = try publicKey.verify(junk, signature: junk, algorithm: .rsaPKCS1(.sha256)) }),
            ("signing", { _ = try key.sign(junk, algorithm: .rsaPKCS1(.sha256)) }),
            ("agreement", { _ = try ec.agree(with: publicKey) }),
            (
                "cipher",
                {
                    _ = try SymmetricCipher.decrypt(
                        junk, .aes, .kw, key: Secret(Array(junk.prefix(16))), iv: [], in: context)
                }
            ),
            (
                "tag",
                {
                    _ = try SymmetricCipher.decrypt(
                        junk, .aes, .gcm, key: Secret(Array(junk.prefix(16))), iv: [1], tag: Array(junk.prefix(16)),
                        in: context)
                }
            ),
        ]
        ERR_clear_error()
        for (what, failure) in failures {
            try? failure()
            #expect(ERR_peek_error() == 0, "\(what) left an error")
            ERR_clear_error()
        }
    }
}
