internal import FoundationEssentials
internal import KMSModel
internal import OpenSSLCrypto
internal import SwiftASN1
internal import X509

/// The CA's certificate, after all that a certificate below it depends on has been checked.
///
/// What a CA may certify at all is checked here: that it is one, that its key usage has keyCertSign, its validity, its
/// name constraints and extended key usage. Its path length limits the CAs below it, and this plugin makes none. The
/// limits of CAs above it are not known here.
struct IssuerCertificate: Sendable {
    let certificate: X509.Certificate
    private let original: OpenSSLCrypto.Certificate
    private let context: LibraryContext

    init(_ object: Sobject, key: IssuingKey, in context: LibraryContext) throws(KMSError) {
        guard object.objType == .certificate, let der = object.value else {
            throw .badRequest("Field \"issuer_cert\": the object is no certificate; name the CA's CERTIFICATE object")
        }
        guard let certificate = try? X509.Certificate(derEncoded: Array(der)),
            let original = try? OpenSSLCrypto.Certificate(der: Array(der), in: context)
        else {
            throw .badRequest("Field \"issuer_cert\": the certificate cannot be read; import it again, as DER")
        }
        self.certificate = certificate
        self.original = original
        self.context = context
        try checkAuthority()
        guard certificate.publicKey == key.publicKey else {
            throw .badRequest(
                "Field \"issuer_cert\": the certificate is for another key than \"issuer_key\"; name the two of one CA")
        }
        // A name in other than DER would be spelled anew, and verifiers that compare bytes would miss the issuer.
        guard let name = try? DER.Serializer.bytes(of: certificate.subject), name == original.subject else {
            throw .badRequest(
                "Field \"issuer_cert\": the certificate's subject is not in DER; have the CA certificate issued anew")
        }
    }

    private func checkAuthority() throws(KMSError) {
        guard case .isCertificateAuthority? = try? certificate.extensions.basicConstraints else {
            throw .badRequest(
                "Field \"issuer_cert\": the certificate is not a CA's; one with basicConstraints CA:TRUE is needed")
        }
        if certificate.extensions[oid: .X509ExtensionID.keyUsage] != nil {
            guard let usage = try? certificate.extensions.keyUsage, usage.keyCertSign else {
                throw .badRequest(
                    "Field \"issuer_cert\": the certificate may not issue others: its key usage lacks keyCertSign")
            }
        }
    }

    /// Refuses a certificate that verifiers would refuse although they trust the CA.
    ///
    /// - Parameter purposes: those of its extended key usage.
    func check(_ issued: X509.Certificate, for purposes: [OpenSSLCrypto.Certificate.Purpose]) throws {
        let issued = try OpenSSLCrypto.Certificate(der: try DER.Serializer.bytes(of: issued), in: context)
        for purpose in purposes.isEmpty ? [nil] : purposes.map(Optional.some) {
            switch try issued.objection(trusting: original, for: purpose, in: context) {
            case nil: continue
            case .name?:
                throw KMSError.badRequest(
                    "Fields \"subject_dn\", \"dns_names\", \"ip_addresses\": the CA's name constraints do not allow all of "
                        + "these names; ask for others, or leave the extension out of the CA certificate")
            case .purpose?:
                throw KMSError.badRequest(
                    "Field \"extended_key_usage\": it does not go with \"key_usage\", or the CA's own extended key usage "
                        + "does not allow it")
            case .other(let reason)?:
                throw KMSError.badRequest("Field \"issuer_cert\": verifiers would refuse what it issues: \(reason)")
            }
        }
    }

    /// nil: the CA's certificate has none, so there is nothing to refer to.
    var keyIdentifier: ArraySlice<UInt8>? { try? certificate.extensions.subjectKeyIdentifier?.keyIdentifier }

    /// When a certificate of this lifetime ends.
    ///
    /// - Parameters:
    ///   - lifetime: in seconds, 1 or more.
    ///   - now: the certificate's beginning.
    func end(of lifetime: Int, from now: Date) throws(KMSError) -> Date {
        guard certificate.notValidBefore <= now else {
            throw .badRequest("Field \"issuer_cert\": the CA certificate is not valid yet; check the server's clock")
        }
        guard certificate.notValidAfter > now else {
            throw .badRequest("Field \"issuer_cert\": the CA certificate has expired; import a renewed one")
        }
        let end = now.addingTimeInterval(TimeInterval(lifetime))
        guard end <= certificate.notValidAfter else {
            let seconds = Int(exactly: certificate.notValidAfter.timeIntervalSince(now).rounded(.down)) ?? 0
            throw .badRequest(
                "Field \"cert_lifetime\": the certificate would outlive its CA's, which ends in \(seconds) s; "
                    + "ask for less or renew the CA certificate")
        }
        return end
    }
}

extension DER.Serializer {
    static func bytes(of element: some DERSerializable) throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(element)
        return serializer.serializedBytes
    }
}
