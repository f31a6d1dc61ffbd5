internal import COpenSSL
package import KMSModel

/// A public key from its DER SubjectPublicKeyInfo (RFC 5280 section 4.1), taken apart by OpenSSL.
package final class PublicKey: @unchecked Sendable {
    // @unchecked: an EVP_PKEY is not changed after it was read.
    package enum Components: Sendable {
        /// Big-endian, without leading zeros.
        case rsa(modulus: [UInt8], exponent: [UInt8])
        /// `parameters`: the curve's DER OBJECT IDENTIFIER. `point`: uncompressed (SEC 1 section 2.3.3).
        case ec(parameters: [UInt8], point: [UInt8])
    }

    package let pointer: OpaquePointer
    private let context: LibraryContext

    package init(subjectPublicKeyInfo der: [UInt8], in context: LibraryContext) throws(CryptoError) {
        let key = der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var next = buffer.baseAddress
            let key = d2i_PUBKEY_ex(nil, &next, buffer.count, context.pointer, nil)
            guard next == buffer.baseAddress.map({ $0 + buffer.count }) else {
                EVP_PKEY_free(key)
                return nil
            }
            return key
        }
        guard let key else { throw CryptoError("not a DER SubjectPublicKeyInfo of a known algorithm") }
        pointer = key
        self.context = context
    }

    deinit { EVP_PKEY_free(pointer) }

    /// Size of the modulus or of the curve's order, in bits.
    package var bits: Int { Int(EVP_PKEY_get_bits(pointer)) }

    package func components() throws(CryptoError) -> Components {
        if EVP_PKEY_is_a(pointer, "RSA") == 1 {
            return .rsa(
                modulus: try number(OSSL_PKEY_PARAM_RSA_N), exponent: try number(OSSL_PKEY_PARAM_RSA_E))
        }
        if EVP_PKEY_is_a(pointer, "EC") == 1 {
            return .ec(parameters: try curveIdentifier(), point: try uncompressedPoint())
        }
        throw CryptoError("neither an RSA nor an EC public key")
    }

    /// SHA-1 of the BIT STRING's content: the usual subject key identifier (RFC 5280 section 4.2.1.2, method 1).
    package static func identifier(
        subjectPublicKeyInfo der: [UInt8], in context: LibraryContext
    ) throws(CryptoError) -> [UInt8] {
        let bits = der.withUnsafeBufferPointer { buffer -> [UInt8]? in
            var next = buffer.baseAddress
            guard let info = d2i_X509_PUBKEY(nil, &next, buffer.count) else { return nil }
            defer { X509_PUBKEY_free(info) }
            var bytes: UnsafePointer<UInt8>?
            var count: Int32 = 0
            guard X509_PUBKEY_get0_param(nil, &bytes, &count, nil, info) == 1, let bytes, count > 0 else { return nil }
            return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
        }
        guard let bits else { throw CryptoError("not a DER SubjectPublicKeyInfo") }
        return try Digest.hash(bits, .sha1, in: context)
    }

    /// Whether `signature` over `digest` verifies. ECDSA signatures are DER.
    package func verify(
        digest: [UInt8], signature: [UInt8], algorithm: SigningAlgorithm
    ) throws(CryptoError) -> Bool {
        guard let operation = EVP_PKEY_CTX_new_from_pkey(context.pointer, pointer, nil) else {
            throw CryptoError("out of memory")
        }
        defer { EVP_PKEY_CTX_free(operation) }
        guard EVP_PKEY_verify_init(operation) == 1 else { throw CryptoError("this key cannot verify") }
        try SignatureParameters.set(algorithm, on: operation)
        ERR_set_mark()
        defer { ERR_pop_to_mark() }
        return EVP_PKEY_verify(operation, signature, signature.count, digest, digest.count) == 1
    }

    private func number(_ name: String) throws(CryptoError) -> [UInt8] {
        var value: OpaquePointer?
        guard EVP_PKEY_get_bn_param(pointer, name, &value) == 1, let value else {
            throw CryptoError("the key has no \(name)")
        }
        defer { BN_free(value) }
        var bytes = [UInt8](repeating: 0, count: Int((BN_num_bits(value) + 7) / 8))
        guard BN_bn2bin(value, &bytes) == Int32(bytes.count) else { throw CryptoError("cannot read \(name)") }
        return bytes
    }

    /// Not from OSSL_PKEY_PARAM_PUB_KEY: where the host's OpenSSL has an engine for EC, the key is an engine's in spite of
    /// our own context, and that parameter is then always compressed. Few programs but OpenSSL's can read such a point.
    private func uncompressedPoint() throws(CryptoError) -> [UInt8] {
        ERR_set_mark()
        defer { ERR_pop_to_mark() }
        EVP_PKEY_set_utf8_string_param(pointer, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed")
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = EVP_PKEY_get1_encoded_public_key(pointer, &encoded)
        defer { CRYPTO_free(encoded, nil, 0) }
        guard let encoded, count > 0, encoded[0] == 0x04 else { throw CryptoError("the key's point cannot be read") }
        return Array(UnsafeBufferPointer(start: encoded, count: count))
    }

    private func curveIdentifier() throws(CryptoError) -> [UInt8] {
        var name = [CChar](repeating: 0, count: 80)
        var count = 0
        guard EVP_PKEY_get_utf8_string_param(pointer, OSSL_PKEY_PARAM_GROUP_NAME, &name, name.count, &count) == 1,
            let object = OBJ_txt2obj(name, 0)
        else { throw CryptoError("the key has no named curve") }
        defer { ASN1_OBJECT_free(object) }
        return try DER.encode("the curve's object identifier") { i2d_ASN1_OBJECT(object, $0) }
    }
}

/// DER OCTET STRING, the form of CKA_EC_POINT.
package enum DEROctetString {
    package static func encode(_ content: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard let string = ASN1_OCTET_STRING_new() else { throw CryptoError("out of memory") }
        defer { ASN1_OCTET_STRING_free(string) }
        guard let count = Int32(exactly: content.count), ASN1_OCTET_STRING_set(string, content, count) == 1 else {
            throw CryptoError("cannot encode the EC point")
        }
        return try DER.encode("the EC point") { i2d_ASN1_OCTET_STRING(string, $0) }
    }
}
