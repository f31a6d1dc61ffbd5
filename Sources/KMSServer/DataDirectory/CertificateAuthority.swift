internal import Crypto
internal import FoundationEssentials
internal import KMSSupport
internal import SwiftASN1
internal import X509

/// The private CA of a data directory. Clients trust its certificate (`ca.pem`); it signs the server's.
package struct CertificateAuthority: Sendable {
    package let identity: ServerIdentity

    package init(_ identity: ServerIdentity) { self.identity = identity }

    package static func make() throws -> CertificateAuthority {
        let key = P256.Signing.PrivateKey()
        let publicKey = Certificate.PublicKey(key.publicKey)
        let serial = Certificate.SerialNumber()
        // The serial number tells the CAs of several data directories apart.
        let name = try DistinguishedName {
            CommonName("kmsd CA \(Hex.text(serial.bytes.prefix(4)))")
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: serial, publicKey: publicKey,
            notValidBefore: Date.now.addingTimeInterval(-3_600),
            notValidAfter: Date.now.addingTimeInterval(3_652 * day),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: publicKey)
            },
            issuerPrivateKey: Certificate.PrivateKey(key))
        return CertificateAuthority(ServerIdentity(certificate: certificate, key: key))
    }

    /// A server certificate for the names, valid for two years; `serve` renews it in time.
    package func issue(for hosts: [String]) throws -> ServerIdentity {
        let key = P256.Signing.PrivateKey()
        let publicKey = Certificate.PublicKey(key.publicKey)
        let keyIdentifier = try identity.certificate.extensions.subjectKeyIdentifier?.keyIdentifier
        let names = hosts.map { host -> GeneralName in
            if let address = ServerIdentity.address(host) {
                return .ipAddress(ASN1OctetString(contentBytes: address[...]))
            }
            return .dnsName(host)
        }
        let end = Date.now.addingTimeInterval(730 * day)
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: Date.now.addingTimeInterval(-3_600),
            notValidAfter: min(end, identity.certificate.notValidAfter), issuer: identity.certificate.subject,
            subject: try DistinguishedName { CommonName("kmsd") }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(names)
                SubjectKeyIdentifier(hash: publicKey)
                AuthorityKeyIdentifier(keyIdentifier: keyIdentifier)
            },
            issuerPrivateKey: Certificate.PrivateKey(identity.key))
        return ServerIdentity(certificate: certificate, key: key)
    }
}

/// Seconds.
private let day: TimeInterval = 86_400
