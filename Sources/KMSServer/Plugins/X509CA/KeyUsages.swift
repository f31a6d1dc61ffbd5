internal import KMSModel
internal import OpenSSLCrypto
internal import SwiftASN1
internal import X509

/// `key_usage`: the names of RFC 5280, without those of certificate authorities, which this plugin does not make.
enum KeyUsageName: String, WireEnum {
    case digitalSignature
    case nonRepudiation
    case keyEncipherment
    case dataEncipherment
    case keyAgreement
    case encipherOnly
    case decipherOnly
}

/// What the subject's key may be used for.
struct KeyUsages: Sendable {
    enum KeyType: Sendable { case rsa, ecdsa, ed25519 }

    var usages: [KeyUsageName]
    private var purposes: [ExtendedKeyUsage.Usage]

    /// - Parameter wanted: nil for digitalSignature, with keyEncipherment for RSA.
    init(_ wanted: [KeyUsageName]?, extended: [String], for type: KeyType) throws(KMSError) {
        usages = wanted ?? (type == .rsa ? [.digitalSignature, .keyEncipherment] : [.digitalSignature])
        let possible: [KeyUsageName] =
            switch type {
            case .rsa: [.digitalSignature, .nonRepudiation, .keyEncipherment, .dataEncipherment]
            case .ecdsa: [.digitalSignature, .nonRepudiation, .keyAgreement, .encipherOnly, .decipherOnly]
            case .ed25519: [.digitalSignature, .nonRepudiation]
            }
        for usage in usages where !possible.contains(usage) {
            throw .badRequest(
                "Field \"key_usage\": the subject's key cannot do \(usage.rawValue); it can do "
                    + possible.map(\.rawValue).joined(separator: ", "))
        }
        guard usages.contains(.keyAgreement) || !usages.contains(where: { $0 == .encipherOnly || $0 == .decipherOnly })
        else { throw .badRequest("Field \"key_usage\": encipherOnly and decipherOnly need keyAgreement") }
        purposes = []
        for text in extended { purposes.append(try KeyUsages.purpose(text)) }
    }

    var keyUsage: KeyUsage {
        KeyUsage(
            digitalSignature: usages.contains(.digitalSignature), nonRepudiation: usages.contains(.nonRepudiation),
            keyEncipherment: usages.contains(.keyEncipherment), dataEncipherment: usages.contains(.dataEncipherment),
            keyAgreement: usages.contains(.keyAgreement), encipherOnly: usages.contains(.encipherOnly),
            decipherOnly: usages.contains(.decipherOnly))
    }

    /// Those of TLS.
    var verifiablePurposes: [OpenSSLCrypto.Certificate.Purpose] {
        (purposes.contains(.serverAuth) ? [.serverAuthentication] : [])
            + (purposes.contains(.clientAuth) ? [.clientAuthentication] : [])
    }

    /// nil when none are asked for. A purpose that comes twice counts once.
    func extendedKeyUsage() throws -> ExtendedKeyUsage? {
        guard !purposes.isEmpty else { return nil }
        var usage = ExtendedKeyUsage()
        for purpose in purposes { usage.append(purpose) }
        return usage
    }

    private static func purpose(_ text: String) throws(KMSError) -> ExtendedKeyUsage.Usage {
        switch text.lowercased() {
        case "serverauth": return .serverAuth
        case "clientauth": return .clientAuth
        case "codesigning": return .codeSigning
        case "emailprotection": return .emailProtection
        case "timestamping": return .timeStamping
        case "ocspsigning": return .ocspSigning
        case "anyextendedkeyusage": return .any
        default:
            guard let type = ASN1ObjectIdentifier(untrusted: text) else {
                throw .badRequest(
                    "Field \"extended_key_usage\": \(text.prefix(64).quoted) is no dotted object identifier and none of "
                        + "serverAuth, clientAuth, codeSigning, emailProtection, timeStamping, OCSPSigning, "
                        + "anyExtendedKeyUsage")
            }
            return .init(oid: type)
        }
    }
}
