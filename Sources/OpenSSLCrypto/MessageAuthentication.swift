internal import COpenSSL
package import KMSSupport

/// HMAC with SHA-256.
package enum MessageAuthentication {
    package static func hmacSHA256(
        _ key: Secret, _ message: [UInt8], in context: LibraryContext
    ) throws(CryptoError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: 32)
        var length = 0
        let done = key.withBytes { key in
            EVP_Q_mac(
                context.pointer, "HMAC", nil, "SHA256", nil, key.baseAddress, key.count, message, message.count,
                &output,
                output.count, &length) != nil
        }
        guard done, length == output.count else { throw CryptoError("HMAC failed") }
        return output
    }
}
