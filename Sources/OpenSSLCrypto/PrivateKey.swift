internal import COpenSSL
package import KMSModel
package import KMSSupport

/// A private RSA or EC key, parsed once and then used by any number of threads.
package final class PrivateKey: @unchecked Sendable {
    // @unchecked: an EVP_PKEY is not changed after init, and OpenSSL locks its own caches.
    package let kind: KeyKind
    let pointer: OpaquePointer
    let context: LibraryContext

    /// Frees `pointer` in any case, also when init throws.
    init(takingOwnership pointer: OpaquePointer, in context: LibraryContext) throws(CryptoError) {
        do throws(CryptoError) {
            kind = try KeyKind(of: pointer)
        } catch {
            EVP_PKEY_free(pointer)
            throw error
        }
        self.pointer = pointer
        self.context = context
    }

    deinit { EVP_PKEY_free(pointer) }

    /// Reads PKCS#1, SEC 1 (RFC 5915) or unencrypted PKCS#8; OpenSSL finds out which.
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

    /// Whether the parts of the key fit together: primes, exponents and public half (RSA), point and scalar (EC).
    ///
    /// Costs tens of milliseconds for RSA, so it is done when a key comes in and not when it is loaded.
    package func isConsistent() -> Bool {
        context.asDefault {
            guard let check = EVP_PKEY_CTX_new_from_pkey(context.pointer, pointer, nil) else { return false }
            defer { EVP_PKEY_CTX_free(check) }
            return EVP_PKEY_check(check) == 1
        }
    }

    /// Signs a digest, whose length the caller has checked. RSA: as long as the modulus; ECDSA: DER.
    package func sign(digest: [UInt8], algorithm: SigningAlgorithm) throws(CryptoError) -> [UInt8] {
        try context.asDefault { () throws(CryptoError) in
            guard let operation = EVP_PKEY_CTX_new_from_pkey(context.pointer, pointer, nil) else {
                throw CryptoError("out of memory")
            }
            defer { EVP_PKEY_CTX_free(operation) }
            guard EVP_PKEY_sign_init(operation) == 1 else { throw CryptoError("this key cannot sign") }
            try SignatureParameters.set(algorithm, on: operation)
            var length = 0
            guard EVP_PKEY_sign(operation, nil, &length, digest, digest.count) == 1 else {
                throw CryptoError("OpenSSL refuses to sign")
            }
            var signature = [UInt8](repeating: 0, count: length)
            guard EVP_PKEY_sign(operation, &signature, &length, digest, digest.count) == 1 else {
                throw CryptoError("OpenSSL cannot sign")
            }
            return Array(signature.prefix(length))
        }
    }
}
