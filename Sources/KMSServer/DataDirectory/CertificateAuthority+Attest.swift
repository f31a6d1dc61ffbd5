internal import Crypto
internal import FoundationEssentials
package import KMSModel
internal import SwiftASN1
internal import X509

extension CertificateAuthority {
    /// A certificate over the public half of a private key that the KMS holds. Its alternative names are the object's
    /// id, as `urn:uuid:…`, and its attributes at this moment in the JSON of the API, as a `data:` URI.
    ///
    /// It serves for nothing else: without the usages that TLS asks for nobody can log in or pose as a server with it.
    ///
    /// - Throws: `KMSError` 400 for what has no private key and for keys that X.509 has no place for here.
    package func attest(_ object: Sobject) throws -> [UInt8] {
        guard let kid = object.kid, let spki = object.pubKey, !object.publicOnly, object.state != .destroyed else {
            throw KMSError.badRequest("Only a stored object with a private key can be attested")
        }
        guard let publicKey = try? Certificate.PublicKey(derEncoded: Array(spki)) else {
            throw KMSError.badRequest(
                "A key of this kind cannot be attested; RSA, NistP256, NistP384, NistP521 and Ed25519 can")
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            // The verifier's clock may be a little slow.
            notValidBefore: Date.now.addingTimeInterval(-60),
            notValidAfter: min(Date.now.addingTimeInterval(365 * 86_400), identity.certificate.notValidAfter),
            issuer: identity.certificate.subject, subject: try DistinguishedName { CommonName(kid) },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(nonRepudiation: true))
                SubjectAlternativeNames([
                    .uniformResourceIdentifier("urn:uuid:" + kid),
                    .uniformResourceIdentifier(
                        "data:application/json;base64," + (try attributes(object)).base64EncodedString()),
                ])
                SubjectKeyIdentifier(hash: publicKey)
                AuthorityKeyIdentifier(
                    keyIdentifier: try identity.certificate.extensions.subjectKeyIdentifier?.keyIdentifier)
            },
            issuerPrivateKey: Certificate.PrivateKey(identity.key))
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }

    /// What the KMS itself vouches for; not what clients wrote beside it.
    private func attributes(_ object: Sobject) throws -> Data {
        var object = object
        object.pubKey = nil
        object.description = nil
        object.customMetadata = nil
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(object)
    }
}
