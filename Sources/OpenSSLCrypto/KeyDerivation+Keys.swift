internal import COpenSSL
package import KMSModel
package import KMSSupport

extension KeyDerivation {
    /// The two steps of RFC 5869.
    package enum HKDFMode: Sendable { case extractAndExpand, extractOnly, expandOnly }

    /// HKDF-SHA256 (RFC 5869): a key of 32 bytes for one purpose.
    package static func hkdf(_ key: Secret, info: String, in context: LibraryContext) throws(CryptoError) -> Secret {
        try hkdf(key, .sha256, .extractAndExpand, salt: [], info: Array(info.utf8), length: 32, in: context)
    }

    /// HKDF (RFC 5869).
    ///
    /// - Parameters:
    ///   - key: the input keying material, or for `.expandOnly` the pseudorandom key.
    ///   - salt: empty: as many zeros as the digest is long. Must be empty for `.expandOnly`.
    ///   - info: at most 1024 bytes, OpenSSL's limit. Must be empty for `.extractOnly`.
    ///   - length: in bytes; at most 255 digests. `.extractOnly` gives exactly one digest.
    package static func hkdf(
        _ key: Secret, _ hash: HashAlgorithm, _ mode: HKDFMode, salt: [UInt8], info: [UInt8], length: Int,
        in context: LibraryContext
    ) throws(CryptoError) -> Secret {
        guard let digest = hash.openSSLName else { throw CryptoError("HKDF cannot use \(hash.rawValue)") }
        guard !key.isEmpty else { throw CryptoError("HKDF needs a key") }
        guard info.count <= 1_024 else { throw CryptoError("HKDF's info is longer than 1024 bytes") }
        let parameters = Parameters().add(OSSL_KDF_PARAM_DIGEST, text: digest)
        key.withBytes { _ = parameters.add(OSSL_KDF_PARAM_KEY, bytes: $0) }
        if !salt.isEmpty { parameters.add(OSSL_KDF_PARAM_SALT, bytes: salt) }
        if !info.isEmpty { parameters.add(OSSL_KDF_PARAM_INFO, bytes: info) }
        switch mode {
        case .extractAndExpand:
            parameters.add(OSSL_KDF_PARAM_MODE, text: "EXTRACT_AND_EXPAND")
        case .extractOnly:
            guard info.isEmpty else { throw CryptoError("HKDF's extract step takes no info") }
            guard length == hash.length else {
                throw CryptoError("HKDF's extract step with \(hash.rawValue) gives \(hash.length) bytes")
            }
            parameters.add(OSSL_KDF_PARAM_MODE, text: "EXTRACT_ONLY")
        case .expandOnly:
            guard salt.isEmpty else { throw CryptoError("HKDF's expand step takes no salt") }
            parameters.add(OSSL_KDF_PARAM_MODE, text: "EXPAND_ONLY")
        }
        guard (1...255 * hash.length).contains(length) else {
            throw CryptoError("HKDF with \(hash.rawValue) gives 1 to \(255 * hash.length) bytes, not \(length)")
        }
        return try derive(OSSL_KDF_NAME_HKDF, parameters, length: length, in: context)
    }

    /// The KDF of ANSI X9.63 and SEC 1 section 3.6.1: CKD_SHA1_KDF and its relatives.
    ///
    /// - Parameter length: in bytes, at most 2^20.
    package static func x963(
        _ secret: Secret, _ hash: HashAlgorithm, sharedInfo: [UInt8], length: Int, in context: LibraryContext
    ) throws(CryptoError) -> Secret {
        guard let digest = hash.openSSLName else { throw CryptoError("the KDF cannot use \(hash.rawValue)") }
        guard !secret.isEmpty else { throw CryptoError("the KDF needs a shared secret") }
        guard (1...1 << 20).contains(length) else { throw CryptoError("the KDF cannot give \(length) bytes") }
        let parameters = Parameters().add(OSSL_KDF_PARAM_DIGEST, text: digest)
        secret.withBytes { _ = parameters.add(OSSL_KDF_PARAM_KEY, bytes: $0) }
        if !sharedInfo.isEmpty { parameters.add(OSSL_KDF_PARAM_INFO, bytes: sharedInfo) }
        return try derive(OSSL_KDF_NAME_X963KDF, parameters, length: length, in: context)
    }

    private static func derive(
        _ name: String, _ parameters: Parameters, length: Int, in context: LibraryContext
    ) throws(CryptoError) -> Secret {
        var output = [UInt8](repeating: 0, count: length)
        let done = context.asDefault { () -> Bool in
            guard let kdf = EVP_KDF_fetch(context.pointer, name, nil) else { return false }
            defer { EVP_KDF_free(kdf) }
            guard let operation = EVP_KDF_CTX_new(kdf) else { return false }
            defer { EVP_KDF_CTX_free(operation) }
            return parameters.withPointer { EVP_KDF_derive(operation, &output, length, $0) > 0 }
        }
        let secret = Secret(copying: &output)
        guard done else { throw CryptoError("key derivation failed") }
        return secret
    }
}
