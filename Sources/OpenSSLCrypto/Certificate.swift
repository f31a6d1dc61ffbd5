internal import COpenSSL

/// What PKCS#11 wants to know of an X.509 certificate, read by OpenSSL from its DER.
package struct Certificate: Sendable {
    package var der: [UInt8]
    /// DER Names.
    package var subject: [UInt8]
    package var issuer: [UInt8]
    /// DER INTEGER.
    package var serialNumber: [UInt8]
    package var subjectPublicKeyInfo: [UInt8]
    /// First three bytes of the certificate's SHA-1 (CKA_CHECK_VALUE).
    package var checkValue: [UInt8]
    package var notBefore: CalendarDate?
    package var notAfter: CalendarDate?
    /// basicConstraints says CA.
    package var isAuthority: Bool

    package struct CalendarDate: Sendable {
        package var year: Int
        package var month: Int
        package var day: Int
    }

    package init(der: [UInt8], in context: LibraryContext) throws(CryptoError) {
        self = try Certificate.withParsed(der, in: context) { (certificate) throws(CryptoError) in
            try Certificate(der, certificate, context)
        }
    }

    private init(_ der: [UInt8], _ certificate: OpaquePointer, _ context: LibraryContext) throws(CryptoError) {
        self.der = der
        subject = try DER.encode("the certificate") { i2d_X509_NAME(X509_get_subject_name(certificate), $0) }
        issuer = try DER.encode("the certificate") { i2d_X509_NAME(X509_get_issuer_name(certificate), $0) }
        serialNumber = try DER.encode("the certificate") { i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), $0) }
        subjectPublicKeyInfo = try DER.encode("the certificate") {
            i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), $0)
        }
        checkValue = Array(try Digest.hash(der, .sha1, in: context).prefix(3))
        notBefore = Certificate.date(X509_get0_notBefore(certificate))
        notAfter = Certificate.date(X509_get0_notAfter(certificate))
        isAuthority = context.asDefault { X509_check_ca(certificate) == 1 }
    }

    /// Gives `body` OpenSSL's X509 of a certificate.
    ///
    /// - Throws: when `der` is anything else than one certificate.
    static func withParsed<Value>(
        _ der: [UInt8], in context: LibraryContext, _ body: (OpaquePointer) throws(CryptoError) -> Value
    ) throws(CryptoError) -> Value {
        let certificate = context.asDefault {
            der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
                var next = buffer.baseAddress
                var certificate = X509_new_ex(context.pointer, nil)
                guard d2i_X509(&certificate, &next, buffer.count) != nil,
                    next == buffer.baseAddress.map({ $0 + buffer.count })
                else {
                    X509_free(certificate)
                    return nil
                }
                return certificate
            }
        }
        guard let certificate else { throw CryptoError("not a single DER X.509 certificate") }
        defer { X509_free(certificate) }
        return try body(certificate)
    }

    private static func date(_ time: UnsafePointer<ASN1_TIME>?) -> CalendarDate? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return CalendarDate(year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday))
    }
}
