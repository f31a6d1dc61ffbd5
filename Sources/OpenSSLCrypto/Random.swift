internal import COpenSSL

/// Random bytes for keys, nonces, tokens and secrets, from OpenSSL's generator, which knows about fork.
package enum Random {
    /// - Throws: `CryptoError` when the system's generator fails.
    package static func bytes(_ count: Int, in context: LibraryContext) throws(CryptoError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_priv_bytes_ex(context.pointer, &bytes, count, 0) == 1 else {
            throw CryptoError("the random generator failed")
        }
        return bytes
    }

    /// Fills memory of the caller.
    package static func fill(_ bytes: UnsafeMutableRawBufferPointer, in context: LibraryContext) throws(CryptoError) {
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
        guard RAND_priv_bytes_ex(context.pointer, base, bytes.count, 0) == 1 else {
            throw CryptoError("the random generator failed")
        }
    }
}
