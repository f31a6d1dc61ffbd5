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
        try self.init(PublicKey.decode(der, in: context), in: context)
    }

    /// The key and its usual identifier, read at once: that takes OpenSSL a tenth of a millisecond.
    package static func identified(
        subjectPublicKeyInfo der: [UInt8], in context: LibraryContext
    ) throws(CryptoError) -> (key: PublicKey, identifier: [UInt8]) {
        let decoded = try decode(der, in: context)
        return (try PublicKey(decoded, in: context), try Digest.hash(decoded.bits, .sha1, in: context))
    }

    /// SHA-1 of the BIT STRING's content: the usual subject key identifier (RFC 5280 section 4.2.1.2, method 1). Also of
    /// a key whose algorithm is not known here.
    package static func identifier(
        subjectPublicKeyInfo der: [UInt8], in context: LibraryContext
    ) throws(CryptoError) -> [UInt8] {
        let decoded = try decode(der, in: context)
        EVP_PKEY_free(decoded.key)
        return try Digest.hash(decoded.bits, .sha1, in: context)
    }

    /// `key` is the caller's to free; nil: of an unknown algorithm.
    private struct Decoded {
        let key: OpaquePointer?
        let bits: [UInt8]
    }

    private convenience init(_ decoded: Decoded, in context: LibraryContext) throws(CryptoError) {
        guard let key = decoded.key else { throw PublicKey.unreadable }
        self.init(takingOwnership: key, in: context)
    }

    private static var unreadable: CryptoError {
        CryptoError("not a DER SubjectPublicKeyInfo of a known algorithm")
    }

    private static func decode(_ der: [UInt8], in context: LibraryContext) throws(CryptoError) -> Decoded {
        let decoded = context.asDefault {
            der.withUnsafeBufferPointer { buffer -> Decoded? in
                var info = X509_PUBKEY_new_ex(context.pointer, nil)
                defer { X509_PUBKEY_free(info) }
                var next = buffer.baseAddress
                guard info != nil, d2i_X509_PUBKEY(&info, &next, buffer.count) != nil else { return nil }
                var bytes: UnsafePointer<UInt8>?
                var count: Int32 = 0
                guard next == buffer.baseAddress.map({ $0 + buffer.count }),
                    X509_PUBKEY_get0_param(nil, &bytes, &count, nil, info) == 1, let bytes, count > 0
                else { return nil }
                let bits = Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
                return Decoded(key: X509_PUBKEY_get(info), bits: bits)
            }
        }
        guard let decoded else { throw unreadable }
        return decoded
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
}
