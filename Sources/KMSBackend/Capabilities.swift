/// What a KMS can do; decides which mechanisms a slot lists.
package struct Capabilities: OptionSet, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    private init(bit: UInt64) { rawValue = 1 << bit }

    // Signatures and MACs
    package static var signRSAPKCS1: Capabilities { Capabilities(bit: 0) }
    package static var signRSAPSS: Capabilities { Capabilities(bit: 1) }
    package static var signECDSA: Capabilities { Capabilities(bit: 2) }
    /// PKCS#1 v1.5 signature over MD5 ‖ SHA-1 without DigestInfo (TLS 1.0 and 1.1).
    package static var signTLS1: Capabilities { Capabilities(bit: 3) }
    package static var signEdDSA: Capabilities { Capabilities(bit: 4) }
    package static var hmac: Capabilities { Capabilities(bit: 5) }
    package static var cmac: Capabilities { Capabilities(bit: 6) }

    // Decryption with a private key
    package static var decryptRSAPKCS1: Capabilities { Capabilities(bit: 8) }
    package static var decryptRSAOAEP: Capabilities { Capabilities(bit: 9) }
    /// The bare RSA operation with the private key.
    package static var decryptRSARaw: Capabilities { Capabilities(bit: 10) }

    // Symmetric ciphers, both directions
    package static var aesECB: Capabilities { Capabilities(bit: 16) }
    package static var aesCBC: Capabilities { Capabilities(bit: 17) }
    package static var aesCTR: Capabilities { Capabilities(bit: 18) }
    package static var aesGCM: Capabilities { Capabilities(bit: 19) }
    /// RFC 3394 and RFC 5649.
    package static var aesKeyWrap: Capabilities { Capabilities(bit: 20) }
    package static var des3: Capabilities { Capabilities(bit: 21) }

    // The life of keys
    package static var generateRSA: Capabilities { Capabilities(bit: 32) }
    package static var generateEC: Capabilities { Capabilities(bit: 33) }
    package static var generateEdwards: Capabilities { Capabilities(bit: 34) }
    package static var generateMontgomery: Capabilities { Capabilities(bit: 35) }
    package static var generateAES: Capabilities { Capabilities(bit: 36) }
    package static var generateDES3: Capabilities { Capabilities(bit: 37) }
    /// Keys for HMAC.
    package static var generateSecret: Capabilities { Capabilities(bit: 38) }
    package static var importKeys: Capabilities { Capabilities(bit: 39) }
    package static var transientKeys: Capabilities { Capabilities(bit: 40) }

    // Keys by keys
    package static var wrap: Capabilities { Capabilities(bit: 48) }
    /// ECDH on the curves of ECDSA.
    package static var agreeEC: Capabilities { Capabilities(bit: 49) }
    package static var agreeMontgomery: Capabilities { Capabilities(bit: 50) }
    package static var deriveHKDF: Capabilities { Capabilities(bit: 51) }
    package static var deriveByEncryption: Capabilities { Capabilities(bit: 52) }
}
