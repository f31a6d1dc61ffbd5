internal import COpenSSL
internal import KMSModel
package import KMSSupport

/// A private key, parsed once and then used by any number of threads.
package final class PrivateKey: @unchecked Sendable {
    // @unchecked: an EVP_PKEY is not changed after init, and OpenSSL locks its own caches.
    package let kind: KeyKind
    let pointer: OpaquePointer
    let context: LibraryContext
    let signing = ReadyContexts()

    /// Frees `pointer` in any case, also when init throws.
    init(takingOwnership pointer: OpaquePointer, in context: LibraryContext) throws(CryptoError) {
        do throws(CryptoError) {
            kind = try context.asDefault { () throws(CryptoError) in try KeyKind(of: pointer) }
        } catch {
            EVP_PKEY_free(pointer)
            throw error
        }
        self.pointer = pointer
        self.context = context
        KeyEncoding.preferUncompressed(pointer)
    }

    deinit { EVP_PKEY_free(pointer) }

    /// Reads PKCS#1, SEC 1 (RFC 5915) or unencrypted PKCS#8 (also RFC 8410's); OpenSSL finds out which.
    ///
    /// - Throws: `CryptoError` when `der` is none of them, or has bytes after its end.
    package convenience init(der: Secret, in context: LibraryContext) throws(CryptoError) {
        let key = context.asDefault {
            der.withBytes { buffer -> OpaquePointer? in
                var next = buffer.bytes
                let key = d2i_AutoPrivateKey_ex(nil, &next, buffer.count, context.pointer, nil)
                guard let key, next == buffer.bytes.map({ $0 + buffer.count }) else {
                    EVP_PKEY_free(key)
                    return nil
                }
                return key
            }
        }
        guard let key else { throw CryptoError("not a private key in PKCS#1, PKCS#8 or SEC 1 form") }
        try self.init(takingOwnership: key, in: context)
    }
}
