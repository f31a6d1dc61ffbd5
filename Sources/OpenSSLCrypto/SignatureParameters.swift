internal import COpenSSL
package import KMSModel

/// Padding and digest of a signature operation; the same for making and for checking one.
package enum SignatureParameters {
    /// - Parameter operation: an EVP_PKEY_CTX after EVP_PKEY_sign_init or EVP_PKEY_verify_init.
    package static func set(
        _ algorithm: SigningAlgorithm, on operation: OpaquePointer, in context: LibraryContext
    ) throws(CryptoError) {
        switch algorithm {
        case .rsaPKCS1(.ssl3):
            // Without a digest name OpenSSL pads the 36 bytes as they are, which is what TLS 1.0 and 1.1 sign.
            try check(EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PADDING))
        case .rsaPKCS1(let hash):
            try check(EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PADDING))
            try check(EVP_PKEY_CTX_set_signature_md(operation, try digest(hash, in: context)))
        case .rsaPSS(let hash, let mgf):
            try check(EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PSS_PADDING))
            try check(EVP_PKEY_CTX_set_signature_md(operation, try digest(hash, in: context)))
            try check(EVP_PKEY_CTX_set_rsa_mgf1_md(operation, try digest(mgf, in: context)))
            try check(EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, RSA_PSS_SALTLEN_DIGEST))
        case .ecdsa:
            // The digest's name would only make OpenSSL compare lengths, and ECDSA may truncate.
            break
        case .eddsa: throw CryptoError("EdDSA signs messages, not digests")
        }
    }

    /// OpenSSL would sign with whatever the key is, an RSA key without any padding's parameters included.
    static func check(_ algorithm: SigningAlgorithm, fits key: OpaquePointer) throws(CryptoError) {
        let fits =
            switch algorithm {
            case .rsaPKCS1, .rsaPSS: EVP_PKEY_is_a(key, "RSA") == 1
            case .ecdsa: EVP_PKEY_is_a(key, "EC") == 1
            case .eddsa: EllipticCurve.ofAlgorithm(of: key)?.family == .edwards
            }
        guard fits else { throw CryptoError("the signature algorithm does not fit the type of the key") }
    }

    private static func digest(
        _ hash: HashAlgorithm, in context: LibraryContext
    ) throws(CryptoError) -> OpaquePointer {
        guard let digest = context.digest(hash) else { throw CryptoError("cannot sign with \(hash.rawValue)") }
        return digest
    }

    private static func check(_ result: Int32) throws(CryptoError) {
        guard result > 0 else { throw CryptoError("OpenSSL refuses these signature parameters") }
    }
}
