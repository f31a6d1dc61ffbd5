internal import COpenSSL
package import KMSModel
internal import KMSSupport

extension HashAlgorithm {
    /// OpenSSL's name; nil for MD5 ‖ SHA-1, which providers know as a name of its own but nobody should make anew.
    package var openSSLName: String? {
        switch self {
        case .sha1: "SHA1"
        case .sha224: "SHA2-224"
        case .sha256: "SHA2-256"
        case .sha384: "SHA2-384"
        case .sha512: "SHA2-512"
        case .sha3_224: "SHA3-224"
        case .sha3_256: "SHA3-256"
        case .sha3_384: "SHA3-384"
        case .sha3_512: "SHA3-512"
        case .ssl3: nil
        }
    }
}

/// A digest in the making. One thread at a time.
package final class Digest {
    private let pointer: OpaquePointer
    private let length: Int

    package init(_ algorithm: HashAlgorithm, in context: LibraryContext) throws(CryptoError) {
        guard let method = context.digest(algorithm) else {
            throw CryptoError("OpenSSL has no digest \(algorithm.rawValue)")
        }
        guard let pointer = EVP_MD_CTX_new() else { throw CryptoError("out of memory") }
        guard EVP_DigestInit_ex2(pointer, method, nil) == 1 else {
            EVP_MD_CTX_free(pointer)
            throw CryptoError("OpenSSL cannot begin a digest \(algorithm.rawValue)")
        }
        self.pointer = pointer
        length = algorithm.length
    }

    deinit { EVP_MD_CTX_free(pointer) }

    package func update(_ bytes: UnsafeRawBufferPointer) throws(CryptoError) {
        guard EVP_DigestUpdate(pointer, bytes.baseAddress, bytes.count) == 1 else {
            throw CryptoError("OpenSSL cannot continue the digest")
        }
    }

    /// The digest; nothing may follow.
    package func finish() throws(CryptoError) -> [UInt8] {
        var count: UInt32 = 0
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        guard EVP_DigestFinal_ex(pointer, &bytes, &count) == 1, Int(count) == length else {
            throw CryptoError("OpenSSL cannot finish the digest")
        }
        return Array(bytes.prefix(length))
    }

    package static func hash(
        _ bytes: some Sequence<UInt8>, _ algorithm: HashAlgorithm, in context: LibraryContext
    ) throws(CryptoError) -> [UInt8] {
        let digest = try Digest(algorithm, in: context)
        try Array(bytes).withBytes { buffer throws(CryptoError) in try digest.update(buffer) }
        return try digest.finish()
    }
}
