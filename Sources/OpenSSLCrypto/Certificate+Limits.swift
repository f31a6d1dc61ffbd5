internal import COpenSSL

extension Certificate {
    /// What a certificate is used for, as far as verifiers hold its issuer to it.
    package enum Purpose: Sendable {
        case serverAuthentication
        case clientAuthentication

        fileprivate var number: Int32 {
            switch self {
            case .serverAuthentication: X509_PURPOSE_SSL_SERVER
            case .clientAuthentication: X509_PURPOSE_SSL_CLIENT
            }
        }
    }

    /// Why a verifier refuses a certificate although its issuer is trusted.
    package enum Objection: Sendable, Equatable {
        /// The issuer's name constraints.
        case name
        /// The issuer's extended key usage, or the certificate's own usages.
        case purpose
        /// In OpenSSL's words.
        case other(String)
    }

    /// Verifies this certificate as OpenSSL's users do, with the issuer as the one that is trusted.
    ///
    /// - Parameter purpose: nil: any.
    /// - Returns: nil when nothing speaks against it.
    package func objection(
        trusting issuer: Certificate, for purpose: Purpose?, in context: LibraryContext
    ) throws(CryptoError) -> Objection? {
        try Certificate.withParsed(issuer.der, in: context) { (issuer) throws(CryptoError) in
            try Certificate.withParsed(der, in: context) { (certificate) throws(CryptoError) in
                try context.asDefault { () throws(CryptoError) in
                    try Certificate.verify(certificate, issuer, purpose, context)
                }
            }
        }
    }

    private static func verify(
        _ certificate: OpaquePointer, _ issuer: OpaquePointer, _ purpose: Purpose?, _ context: LibraryContext
    ) throws(CryptoError) -> Objection? {
        let store = X509_STORE_new()
        let work = X509_STORE_CTX_new_ex(context.pointer, nil)
        defer {
            X509_STORE_CTX_free(work)
            X509_STORE_free(store)
        }
        // The issuer is the end of the chain, be it signed by itself or by another.
        guard X509_STORE_add_cert(store, issuer) == 1,
            X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1,
            X509_STORE_CTX_init(work, store, certificate, nil) == 1,
            purpose.map({ X509_STORE_CTX_set_purpose(work, $0.number) == 1 }) ?? true
        else { throw CryptoError("cannot prepare the verification of a certificate") }
        guard X509_verify_cert(work) != 1 else { return nil }
        let error = X509_STORE_CTX_get_error(work)
        switch error {
        case X509_V_ERR_PERMITTED_VIOLATION, X509_V_ERR_EXCLUDED_VIOLATION, X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
            return .name
        case X509_V_ERR_INVALID_PURPOSE: return .purpose
        default: return .other(String(cString: X509_verify_cert_error_string(Int(error))))
        }
    }
}
