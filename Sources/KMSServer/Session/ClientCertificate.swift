internal import FoundationEssentials
internal import KMSModel
internal import SwiftASN1
internal import X509

/// The certificate that a client has shown in the TLS handshake.
struct ClientCertificate: Sendable {
    private let certificate: Certificate
    private let der: Data

    /// nil for what is no certificate.
    init?(der: [UInt8]) {
        guard let certificate = try? Certificate(derEncoded: der) else { return nil }
        self.certificate = certificate
        self.der = Data(der)
    }

    /// One whose check costs what an app's costs: the certificate as if it were its own authority's.
    var ownAuthority: TrustedAuthority {
        TrustedAuthority(caCertificate: der, subject: .name(CertificateSubject.pairs(certificate.subject)))
    }

    var isValidNow: Bool {
        let now = Date.now
        return certificate.notValidBefore <= now && now <= certificate.notValidAfter
    }

    /// Whether it is one of the authority's for the app: signed by it, valid now, not for other purposes than to prove
    /// a client's identity, and about the subject that the app was given.
    func belongs(to authority: TrustedAuthority) async -> Bool {
        guard let root = try? Certificate(derEncoded: Array(authority.caCertificate)), matches(authority.subject) else {
            return false
        }
        var verifier = Verifier(rootCertificates: CertificateStore([root])) {
            RFC5280Policy()
            ClientPurpose()
        }
        let result = await verifier.validate(leaf: certificate, intermediates: CertificateStore())
        guard case .validCertificate = result else { return false }
        return true
    }

    private func matches(_ subject: TrustedAuthority.Subject) -> Bool {
        switch subject {
        case .name(let pairs):
            return CertificateSubject.normalized(pairs) == CertificateSubject.normalized(certificate.subject)
        case .dnsName(let name):
            return alternativeNames.contains { alternative in
                guard case .dnsName(let found) = alternative else { return false }
                return CertificateSubject.folded(found) == CertificateSubject.folded(name)
            }
        case .address(let text):
            guard let bytes = ServerIdentity.address(text) else { return false }
            return alternativeNames.contains { alternative in
                guard case .ipAddress(let found) = alternative else { return false }
                return Array(found.bytes) == bytes
            }
        }
    }

    private var alternativeNames: [GeneralName] {
        (try? certificate.extensions.subjectAlternativeNames).map { Array($0) } ?? []
    }
}

/// Subjects as sorted lists of "OID=value", so that the order of the attributes does not matter. As bytes: to `String`,
/// texts are equal that an authority may have given to two different clients.
enum CertificateSubject {
    /// The abbreviations that people write.
    private static var names: [String: String] {
        [
            "CN": "2.5.4.3", "SERIALNUMBER": "2.5.4.5", "C": "2.5.4.6", "L": "2.5.4.7", "ST": "2.5.4.8",
            "STREET": "2.5.4.9", "O": "2.5.4.10", "OU": "2.5.4.11", "DC": "0.9.2342.19200300.100.1.25",
            "UID": "0.9.2342.19200300.100.1.1", "EMAILADDRESS": "1.2.840.113549.1.9.1",
        ]
    }

    /// A DNS name without the difference between ASCII's upper and lower case, and no other.
    static func folded(_ name: String) -> [UInt8] {
        name.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }

    /// As an administrator would write them.
    static func pairs(_ name: DistinguishedName) -> [[String]] {
        name.flatMap { Array($0) }.map { ["\($0.type)", String($0.value) ?? ""] }
    }

    private static func sorted(_ entries: [String]) -> [[UInt8]]? {
        entries.isEmpty ? nil : entries.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    static func oid(_ name: String) -> String? {
        if let known = names[name.uppercased()] { return known }
        return ASN1ObjectIdentifier(untrusted: name).map { "\($0)" }
    }

    /// nil when a pair is none or the list is empty.
    static func normalized(_ pairs: [[String]]) -> [[UInt8]]? {
        var entries: [String] = []
        for pair in pairs {
            guard pair.count == 2, let oid = oid(pair[0]) else { return nil }
            entries.append(oid + "=" + pair[1])
        }
        return sorted(entries)
    }

    static func normalized(_ name: DistinguishedName) -> [[UInt8]]? {
        var entries: [String] = []
        for attribute in name.flatMap({ Array($0) }) {
            guard let value = String(attribute.value) else { return nil }
            entries.append("\(attribute.type)=" + value)
        }
        return sorted(entries)
    }
}

/// A certificate with an extended key usage must be for clients, and an alternative name may be critical.
private struct ClientPurpose: VerifierPolicy {
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
        .X509ExtensionID.extendedKeyUsage, .X509ExtensionID.subjectAlternativeName,
    ]

    mutating func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) async -> PolicyEvaluationResult {
        do {
            guard let usages = try chain.leaf.extensions.extendedKeyUsage else { return .meetsPolicy }
            guard usages.contains(.clientAuth) || usages.contains(.any) else {
                return .failsToMeetPolicy(reason: "the certificate is not for clients")
            }
            return .meetsPolicy
        } catch {
            return .failsToMeetPolicy(reason: "the extended key usage cannot be read")
        }
    }
}
