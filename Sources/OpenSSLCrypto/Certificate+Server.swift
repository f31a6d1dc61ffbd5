internal import COpenSSL

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// What a TLS server must know of its certificate before clients see it.
extension Certificate {
    /// From notBefore to notAfter, in seconds since 1970.
    package func validity(in context: LibraryContext) throws(CryptoError) -> ClosedRange<Int64> {
        try Certificate.withParsed(der, in: context) { (certificate) throws(CryptoError) in
            guard let begin = Certificate.seconds(X509_get0_notBefore(certificate)),
                let end = Certificate.seconds(X509_get0_notAfter(certificate)), begin <= end
            else { throw CryptoError("the certificate's validity cannot be read") }
            return begin...end
        }
    }

    /// Whether clients take the certificate for this host (RFC 6125, as OpenSSL understands it).
    ///
    /// - Parameter acceptsCommonName: also a common name where there is no alternative name, which current clients do
    ///   not look at.
    package func covers(
        host: String, acceptsCommonName: Bool, in context: LibraryContext
    ) throws(CryptoError) -> Bool {
        let flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | (acceptsCommonName ? 0 : X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        return try Certificate.withParsed(der, in: context) { (certificate) throws(CryptoError) in
            context.asDefault { X509_check_host(certificate, host, host.utf8.count, UInt32(flags), nil) == 1 }
        }
    }

    /// Whether key usage and extended key usage allow a TLS server to have it.
    package func isForServers(in context: LibraryContext) throws(CryptoError) -> Bool {
        try Certificate.withParsed(der, in: context) { (certificate) throws(CryptoError) in
            context.asDefault { X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) == 1 }
        }
    }

    /// Whether `issuer` is named as this certificate's issuer and has signed it.
    package func isIssued(by issuer: Certificate, in context: LibraryContext) throws(CryptoError) -> Bool {
        try Certificate.withParsed(issuer.der, in: context) { (issuer) throws(CryptoError) in
            try Certificate.withParsed(der, in: context) { (certificate) throws(CryptoError) in
                context.asDefault {
                    X509_check_issued(issuer, certificate) == X509_V_OK
                        && X509_verify(certificate, X509_get0_pubkey(issuer)) == 1
                }
            }
        }
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return Int64(timegm(&parts))
    }
}
