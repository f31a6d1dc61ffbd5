internal import COpenSSL
package import KMSModel
package import KMSSupport

/// A message authentication code in the making. One thread at a time.
package final class MessageAuthentication {
    private let context: LibraryContext
    private let pointer: OpaquePointer
    /// In bytes.
    private let length: Int
    private var isFinished = false

    /// - Parameters:
    ///   - keyType: `.aes` or `.des3` for CMAC; not looked at for HMAC.
    ///   - key: for HMAC of any length.
    package init(
        _ algorithm: MACAlgorithm, keyType: ObjectType, key: Secret, in context: LibraryContext
    ) throws(CryptoError) {
        let method: String
        let parameters = Parameters()
        switch algorithm {
        case .hmac(let hash):
            guard let digest = hash.openSSLName else { throw CryptoError("HMAC cannot use \(hash.rawValue)") }
            method = "HMAC"
            parameters.add(OSSL_MAC_PARAM_DIGEST, text: digest)
        case .cmac:
            method = "CMAC"
            let cipher = try CipherName.of(keyType, .cbc, keyLength: key.count)
            parameters.add(OSSL_MAC_PARAM_CIPHER, text: cipher)
        }
        let pointer = context.asDefault { () -> OpaquePointer? in
            guard let mac = EVP_MAC_fetch(context.pointer, method, nil) else { return nil }
            defer { EVP_MAC_free(mac) }
            return EVP_MAC_CTX_new(mac)
        }
        guard let pointer else { throw CryptoError("OpenSSL has no \(method)") }
        self.context = context
        self.pointer = pointer
        length = algorithm.length(keyType: keyType)
        let key = algorithm == .cmac ? CipherName.expanded(key, of: keyType) : key
        let isReady = context.asDefault {
            key.withBytes { key in
                parameters.withPointer { EVP_MAC_init(pointer, key.bytes, key.count, $0) == 1 }
            }
        }
        guard isReady else { throw CryptoError("OpenSSL cannot begin \(method)") }
    }

    deinit { EVP_MAC_CTX_free(pointer) }

    package func update(_ bytes: UnsafeRawBufferPointer) throws(CryptoError) {
        guard !isFinished else { throw CryptoError("the MAC has been finished") }
        guard !bytes.isEmpty else { return }
        let done = context.asDefault { EVP_MAC_update(pointer, bytes.bytes, bytes.count) == 1 }
        guard done else { throw CryptoError("OpenSSL cannot continue the MAC") }
    }

    /// The whole code; nothing may follow.
    package func finish() throws(CryptoError) -> [UInt8] {
        guard !isFinished else { throw CryptoError("the MAC has been finished") }
        isFinished = true
        var code = [UInt8](repeating: 0, count: length)
        var count = 0
        let done = context.asDefault { EVP_MAC_final(pointer, &code, &count, code.count) == 1 }
        guard done, count == length else { throw CryptoError("OpenSSL cannot finish the MAC") }
        return code
    }

    /// All at once.
    package static func code(
        _ message: [UInt8], _ algorithm: MACAlgorithm, keyType: ObjectType, key: Secret, in context: LibraryContext
    ) throws(CryptoError) -> [UInt8] {
        let mac = try MessageAuthentication(algorithm, keyType: keyType, key: key, in: context)
        try message.withBytes { bytes throws(CryptoError) in try mac.update(bytes) }
        return try mac.finish()
    }

    package static func hmacSHA256(
        _ key: Secret, _ message: [UInt8], in context: LibraryContext
    ) throws(CryptoError) -> [UInt8] {
        try code(message, .hmac(.sha256), keyType: .hmac, key: key, in: context)
    }
}
