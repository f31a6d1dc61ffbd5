/// A mode of operation of a block cipher: `mode` of a request with a symmetric key.
package enum CipherMode: String, WireEnum {
    case ecb = "ECB"
    /// With PKCS #7 padding.
    case cbc = "CBC"
    case cbcNoPad = "CBCNOPAD"
    case ctr = "CTR"
    case gcm = "GCM"
    /// RFC 3394.
    case kw = "KW"
    /// RFC 5649.
    case kwp = "KWP"

    /// The modes that the multi-part requests (init, update, final) know.
    package var isMultiPart: Bool {
        switch self {
        case .cbc, .cbcNoPad, .ctr, .gcm: true
        case .ecb, .kw, .kwp: false
        }
    }

    package var needsIV: Bool { isMultiPart }
}

/// The padding of an RSA encryption.
package enum RSAPadding: Sendable, Equatable {
    case pkcs1V15
    /// `hash` is the label's; `mgf` is MGF1's. The REST API has one field for both.
    case oaep(hash: HashAlgorithm, mgf: HashAlgorithm)
    /// The bare RSA operation: input and output are as long as the modulus.
    case raw
}

/// `mode` of encrypt, decrypt, wrapkey and unwrapkey: a string for symmetric keys, an object for RSA, or one of the old
/// clients' strings for RSA.
package enum EncryptionMode: Codable, Sendable, Equatable {
    case symmetric(CipherMode)
    case pkcs1V15
    /// nil: the KMS's default, SHA-256.
    case oaep(HashAlgorithm?)
    case rawDecrypt

    private struct MGF1: Codable { var hash: HashAlgorithm? }
    private struct MGF: Codable { var mgf1: MGF1? }
    private struct OAEP: Codable { var mgf: MGF? }
    private struct Empty: Codable {}
    private enum CodingKeys: String, CodingKey {
        case pkcs1V15 = "PKCS1_V15"
        case oaep = "OAEP"
        case rawDecrypt = "RAW_DECRYPT"
    }

    package init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            guard let mode = EncryptionMode(text) else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "unknown mode \"\(text.prefix(64))\"; known: "
                            + CipherMode.allCases.map(\.rawValue).joined(separator: " ")
                            + ", and for RSA the objects OAEP, PKCS1_V15 and RAW_DECRYPT"))
            }
            self = mode
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch (container.contains(.pkcs1V15), container.contains(.oaep), container.contains(.rawDecrypt)) {
        case (true, false, false): self = .pkcs1V15
        case (false, true, false):
            self = .oaep(try container.decodeIfPresent(OAEP.self, forKey: .oaep)?.mgf?.mgf1?.hash)
        case (false, false, true): self = .rawDecrypt
        default:
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "mode must be exactly one of OAEP, PKCS1_V15 and RAW_DECRYPT"))
        }
    }

    /// The strings: a symmetric mode, or what old clients say for RSA.
    private init?(_ text: String) {
        if let mode = CipherMode(wire: text) {
            self = .symmetric(mode)
            return
        }
        switch text.uppercased() {
        case "PKCS1_V15": self = .pkcs1V15
        case "RAW_DECRYPT": self = .rawDecrypt
        case "OAEP_MGF1_SHA1": self = .oaep(.sha1)
        case "OAEP_MGF1_SHA256": self = .oaep(.sha256)
        case "OAEP_MGF1_SHA384": self = .oaep(.sha384)
        case "OAEP_MGF1_SHA512": self = .oaep(.sha512)
        default: return nil
        }
    }

    package func encode(to encoder: any Encoder) throws {
        if case .symmetric(let mode) = self {
            var container = encoder.singleValueContainer()
            return try container.encode(mode)
        }
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .symmetric: break
        case .pkcs1V15: try container.encode(Empty(), forKey: .pkcs1V15)
        case .oaep(let hash):
            try container.encode(OAEP(mgf: hash.map { MGF(mgf1: MGF1(hash: $0)) }), forKey: .oaep)
        case .rawDecrypt: try container.encode(Empty(), forKey: .rawDecrypt)
        }
    }
}

/// `alg` of encrypt, decrypt, wrapkey and unwrapkey: the type of the key that does it.
package typealias CryptoAlgorithm = ObjectType
