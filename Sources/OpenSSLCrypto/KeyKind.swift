internal import COpenSSL
package import KMSModel

/// What sort of key an EVP_PKEY is, as far as the KMS deals in it.
package enum KeyKind: Sendable, Equatable {
    /// Size of the modulus in bits; the exponent as far as it fits a word, which every sane one does.
    case rsa(bits: Int, exponent: Int)
    /// Also the Edwards and Montgomery curves, which OpenSSL treats as algorithms of their own.
    case ec(EllipticCurve)

    /// In bits.
    package var bits: Int {
        switch self {
        case .rsa(let bits, _): bits
        case .ec(let curve): curve.bits
        }
    }

    package var objectType: ObjectType {
        switch self {
        case .rsa: .rsa
        case .ec: .ec
        }
    }

    /// - Throws: `CryptoError` saying what is unusual about the key: another algorithm, an unnamed or unknown curve.
    init(of key: OpaquePointer) throws(CryptoError) {
        if EVP_PKEY_is_a(key, "RSA") == 1 {
            self = .rsa(bits: Int(EVP_PKEY_get_bits(key)), exponent: try exponent(of: key))
        } else if EVP_PKEY_is_a(key, "EC") == 1 {
            self = .ec(try curve(of: key))
        } else if let curve = EllipticCurve.ofAlgorithm(of: key) {
            self = .ec(curve)
        } else {
            throw CryptoError("neither an RSA nor an EC, EdDSA or X25519/X448 key")
        }
    }
}

extension EllipticCurve {
    /// The Edwards or Montgomery curve of a key; nil for RSA and EC.
    static func ofAlgorithm(of key: OpaquePointer) -> EllipticCurve? {
        allCases.first { $0.family != .weierstrass && EVP_PKEY_is_a(key, $0.algorithmName) == 1 }
    }
}

private func exponent(of key: OpaquePointer) throws(CryptoError) -> Int {
    var value: OpaquePointer?
    guard EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &value) == 1, let value else {
        throw CryptoError("the RSA key has no public exponent")
    }
    defer { BN_free(value) }
    guard BN_num_bits(value) <= 32 else { throw CryptoError("the RSA public exponent is longer than 32 bits") }
    return Int(BN_get_word(value))
}

private func curve(of key: OpaquePointer) throws(CryptoError) -> EllipticCurve {
    // Where the host's OpenSSL has an engine for EC, the key is the engine's in spite of our own context, and tells the
    // name of its curve but not how it is encoded.
    if let encoding = text(OSSL_PKEY_PARAM_EC_ENCODING, of: key), encoding != OSSL_PKEY_EC_ENCODING_GROUP {
        throw CryptoError("the EC key spells out its curve parameters instead of naming a curve")
    }
    guard let name = text(OSSL_PKEY_PARAM_GROUP_NAME, of: key) else { throw CryptoError("the EC key names no curve") }
    guard let curve = EllipticCurve.allCases.first(where: { $0.openSSLName == name }) else {
        throw CryptoError("the curve \(name) is not supported")
    }
    return curve
}

private func text(_ name: String, of key: OpaquePointer) -> String? {
    ERR_set_mark()
    defer { ERR_pop_to_mark() }
    var buffer = [CChar](repeating: 0, count: 80)
    var count = 0
    guard EVP_PKEY_get_utf8_string_param(key, name, &buffer, buffer.count, &count) == 1 else { return nil }
    return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
