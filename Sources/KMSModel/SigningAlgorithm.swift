/// A signature scheme with its digest, independent of any KMS's spelling. Backends and the embedded KMS switch over it
/// without `default`, so the compiler lists what a new case needs.
package enum SigningAlgorithm: Sendable, Hashable {
    case rsaPKCS1(HashAlgorithm)
    /// The salt is as long as the digest; `mgf` is MGF1's hash.
    case rsaPSS(HashAlgorithm, mgf: HashAlgorithm)
    case ecdsa(HashAlgorithm)
    /// Ed25519 or Ed448 (RFC 8032), pure: it signs messages and not digests.
    case eddsa

    /// The digest that is signed; nil: the message itself is.
    package var hash: HashAlgorithm? {
        switch self {
        case .rsaPKCS1(let hash), .rsaPSS(let hash, _), .ecdsa(let hash): hash
        case .eddsa: nil
        }
    }
}

/// `mode` of a signature with an RSA key: `{"PKCS1_V15":{}}` or `{"PSS":{"mgf":{"mgf1":{"hash":"SHA256"}}}}`.
package enum SignatureMode: Codable, Sendable, Equatable {
    case pkcs1V15
    /// nil: the KMS's default, MGF1 with SHA-256.
    case pss(mgf: HashAlgorithm?)

    private struct MGF1: Codable { var hash: HashAlgorithm? }
    private struct MGF: Codable { var mgf1: MGF1? }
    private struct PSS: Codable { var mgf: MGF? }
    private struct Empty: Codable {}
    private enum CodingKeys: String, CodingKey {
        case pkcs1V15 = "PKCS1_V15"
        case pss = "PSS"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch (container.contains(.pkcs1V15), container.contains(.pss)) {
        case (true, false): self = .pkcs1V15
        case (false, true):
            self = .pss(mgf: try container.decodeIfPresent(PSS.self, forKey: .pss)?.mgf?.mgf1?.hash)
        default:
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "mode must be either PKCS1_V15 or PSS"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .pkcs1V15: try container.encode(Empty(), forKey: .pkcs1V15)
        case .pss(let mgf):
            try container.encode(PSS(mgf: mgf.map { MGF(mgf1: MGF1(hash: $0)) }), forKey: .pss)
        }
    }
}
