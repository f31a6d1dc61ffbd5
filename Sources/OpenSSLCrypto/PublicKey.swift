internal import COpenSSL
internal import KMSModel

/// A public key from its DER SubjectPublicKeyInfo (RFC 5280 section 4.1) or from its parts.
package final class PublicKey: @unchecked Sendable {
    // @unchecked: an EVP_PKEY is not changed after init.
    package let pointer: OpaquePointer
    let context: LibraryContext
    let verifying = ReadyContexts()

    /// `pointer` is freed with the object.
    init(takingOwnership pointer: OpaquePointer, in context: LibraryContext) {
        self.pointer = pointer
        self.context = context
        KeyEncoding.preferUncompressed(pointer)
    }

    package convenience init(subjectPublicKeyInfo der: [UInt8], in context: LibraryContext) throws(CryptoError) {
        let key = context.asDefault {
            der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
                var next = buffer.baseAddress
                let key = d2i_PUBKEY_ex(nil, &next, buffer.count, context.pointer, nil)
                guard next == buffer.baseAddress.map({ $0 + buffer.count }) else {
                    EVP_PKEY_free(key)
                    return nil
                }
                return key
            }
        }
        guard let key else { throw CryptoError("not a DER SubjectPublicKeyInfo of a known algorithm") }
        self.init(takingOwnership: key, in: context)
    }

    deinit { EVP_PKEY_free(pointer) }

    /// Size of the modulus or of the curve's order, in bits.
    package var bits: Int { EllipticCurve.ofAlgorithm(of: pointer)?.bits ?? Int(EVP_PKEY_get_bits(pointer)) }

    /// - Throws: `CryptoError` when the key is neither RSA nor on a named curve that we know.
    package func kind() throws(CryptoError) -> KeyKind {
        try context.asDefault { () throws(CryptoError) in try KeyKind(of: pointer) }
    }

    /// DER SubjectPublicKeyInfo, with an uncompressed point, however the key came in.
    package func subjectPublicKeyInfo() throws(CryptoError) -> [UInt8] {
        try context.asDefault { () throws(CryptoError) in try KeyEncoding.encode(pointer) { i2d_PUBKEY($0, $1) } }
    }

    /// SHA-1 of the BIT STRING's content: the usual subject key identifier (RFC 5280 section 4.2.1.2, method 1).
    package static func identifier(
        subjectPublicKeyInfo der: [UInt8], in context: LibraryContext
    ) throws(CryptoError) -> [UInt8] {
        let bits = context.asDefault {
            der.withUnsafeBufferPointer { buffer -> [UInt8]? in
                var next = buffer.baseAddress
                guard let info = d2i_X509_PUBKEY(nil, &next, buffer.count) else { return nil }
                defer { X509_PUBKEY_free(info) }
                var bytes: UnsafePointer<UInt8>?
                var count: Int32 = 0
                guard X509_PUBKEY_get0_param(nil, &bytes, &count, nil, info) == 1, let bytes, count > 0 else {
                    return nil
                }
                return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
            }
        }
        guard let bits else { throw CryptoError("not a DER SubjectPublicKeyInfo") }
        return try Digest.hash(bits, .sha1, in: context)
    }
}
