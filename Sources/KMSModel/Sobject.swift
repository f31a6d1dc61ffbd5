package import FoundationEssentials

/// A security object as the API answers it (reference: Sobject). Fields that a KMS may leave out are optional.
package struct Sobject: Codable, Sendable {
    package var kid: String?
    package var name: String?
    package var description: String?
    package var objType: ObjectType
    /// In bits.
    package var keySize: Int?
    package var ellipticCurve: EllipticCurve?
    package var keyOps: KeyOperations
    package var enabled: Bool
    package var state: ObjectState?
    package var origin: ObjectOrigin?
    package var publicOnly: Bool
    package var neverExportable: Bool?
    /// DER SubjectPublicKeyInfo.
    package var pubKey: Data?
    /// Key material (export), or the DER certificate.
    package var value: Data?
    /// Names a transient key, which has no `kid`.
    package var transientKey: Data?
    package var groupID: String?
    package var acctID: String?
    package var creator: Creator?
    package var createdAt: Timestamp?
    package var lastusedAt: Timestamp?
    package var activationDate: Timestamp?
    package var deactivationDate: Timestamp?
    package var compromiseDate: Timestamp?
    package var destructionDate: Timestamp?
    package var customMetadata: [String: String]?
    package var rsa: RSAOptions?
    package var links: ObjectLinks?
    /// Key check value of an AES or DES3 key: the first three bytes of an encrypted zero block, in hexadecimal digits.
    package var kcv: String?

    package enum CodingKeys: String, CodingKey {
        case kid, name, description
        case objType = "obj_type"
        case keySize = "key_size"
        case ellipticCurve = "elliptic_curve"
        case keyOps = "key_ops"
        case enabled, state, origin
        case publicOnly = "public_only"
        case neverExportable = "never_exportable"
        case pubKey = "pub_key"
        case value
        case transientKey = "transient_key"
        case groupID = "group_id"
        case acctID = "acct_id"
        case creator
        case createdAt = "created_at"
        case lastusedAt = "lastused_at"
        case activationDate = "activation_date"
        case deactivationDate = "deactivation_date"
        case compromiseDate = "compromise_date"
        case destructionDate = "destruction_date"
        case customMetadata = "custom_metadata"
        case rsa, links, kcv
    }

    package init(
        kid: String?, name: String?, objType: ObjectType, keyOps: KeyOperations, enabled: Bool = true,
        publicOnly: Bool = false
    ) {
        self.kid = kid
        self.name = name
        self.objType = objType
        self.keyOps = keyOps
        self.enabled = enabled
        self.publicOnly = publicOnly
    }

    /// Real servers grow fields and sometimes values: a curve or state that we do not know must not spoil a listing.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        kid = try container.decodeIfPresent(String.self, forKey: .kid)
        name = try container.decodeIfPresent(String.self, forKey: .name)
        description = try container.decodeIfPresent(String.self, forKey: .description)
        objType = try container.decode(ObjectType.self, forKey: .objType)
        keySize = try container.decodeIfPresent(Int.self, forKey: .keySize)
        ellipticCurve = try container.decodeIfPresent(String.self, forKey: .ellipticCurve)
            .flatMap(EllipticCurve.init(wire:))
        keyOps = try container.decodeIfPresent(KeyOperations.self, forKey: .keyOps) ?? []
        enabled = try container.decodeIfPresent(Bool.self, forKey: .enabled) ?? true
        state = try container.decodeIfPresent(String.self, forKey: .state).flatMap(ObjectState.init(wire:))
        origin = try container.decodeIfPresent(String.self, forKey: .origin).flatMap(ObjectOrigin.init(wire:))
        publicOnly = try container.decodeIfPresent(Bool.self, forKey: .publicOnly) ?? false
        neverExportable = try container.decodeIfPresent(Bool.self, forKey: .neverExportable)
        pubKey = try container.decodeIfPresent(Data.self, forKey: .pubKey)
        value = try container.decodeIfPresent(Data.self, forKey: .value)
        transientKey = try container.decodeIfPresent(Data.self, forKey: .transientKey)
        groupID = try container.decodeIfPresent(String.self, forKey: .groupID)
        acctID = try container.decodeIfPresent(String.self, forKey: .acctID)
        creator = try container.decodeIfPresent(Creator.self, forKey: .creator)
        createdAt = try container.decodeIfPresent(Timestamp.self, forKey: .createdAt)
        lastusedAt = try container.decodeIfPresent(Timestamp.self, forKey: .lastusedAt)
        activationDate = try container.decodeIfPresent(Timestamp.self, forKey: .activationDate)
        deactivationDate = try container.decodeIfPresent(Timestamp.self, forKey: .deactivationDate)
        compromiseDate = try container.decodeIfPresent(Timestamp.self, forKey: .compromiseDate)
        destructionDate = try container.decodeIfPresent(Timestamp.self, forKey: .destructionDate)
        customMetadata = try container.decodeIfPresent([String: String].self, forKey: .customMetadata)
        rsa = try container.decodeIfPresent(RSAOptions.self, forKey: .rsa)
        links = try container.decodeIfPresent(ObjectLinks.self, forKey: .links)
        kcv = try container.decodeIfPresent(String.self, forKey: .kcv)
    }
}

/// `rsa` of a security object. Policies are kept as the API has them; whatever is absent or null is a wildcard.
package struct RSAOptions: Codable, Sendable, Equatable {
    package struct Policy: Codable, Sendable, Equatable {
        /// nil: any.
        package var padding: Padding?

        private enum CodingKeys: String, CodingKey { case padding }

        package init(padding: Padding?) { self.padding = padding }

        package init(from decoder: any Decoder) throws {
            padding = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(Padding.self, forKey: .padding)
        }

        /// The wildcard is written as null, as real servers do.
        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(padding, forKey: .padding)
        }
    }

    /// `{"OAEP":{"mgf":{"mgf1":{"hash":"SHA256"}}}}`: a name and, for OAEP and PSS, a hash. Both are texts, because an
    /// unknown one must neither spoil a listing nor pass for a wildcard.
    package struct Padding: Codable, Sendable, Equatable {
        /// "OAEP", "PKCS1_V15", "RAW_DECRYPT" or "PSS".
        package var name: String
        /// The hash of MGF1, and of OAEP's label, in the spelling of `HashAlgorithm`; nil: any.
        package var hash: String?

        private struct AnyKey: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
        private struct MGF1: Codable { var hash: String? }
        private struct MGF: Codable {
            var mgf1: MGF1?

            init(mgf1: MGF1) { self.mgf1 = mgf1 }

            /// A mask generation function that we do not know must not be taken for any.
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: AnyKey.self)
                guard container.allKeys.allSatisfy({ $0.stringValue == "mgf1" }) else {
                    throw DecodingError.dataCorrupted(
                        .init(codingPath: decoder.codingPath, debugDescription: "the only known mgf is mgf1"))
                }
                mgf1 = try container.decodeIfPresent(MGF1.self, forKey: AnyKey(stringValue: "mgf1"))
            }
        }
        private struct Parameters: Codable { var mgf: MGF? }

        package init(_ name: String, hash: HashAlgorithm? = nil) {
            self.name = name
            self.hash = hash?.rawValue
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnyKey.self)
            // Of two, one would be dropped; of none, nothing be left that limits.
            guard let key = container.allKeys.first, container.allKeys.count == 1 else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "a padding has exactly one name"))
            }
            name = key.stringValue
            let text = try container.decodeIfPresent(Parameters.self, forKey: key)?.mgf?.mgf1?.hash
            hash = text.flatMap(HashAlgorithm.init(wire:))?.rawValue ?? text
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: AnyKey.self)
            let parameters = Parameters(mgf: hash.map { MGF(mgf1: MGF1(hash: $0)) })
            try container.encode(parameters, forKey: AnyKey(stringValue: name))
        }
    }

    package var keySize: Int?
    package var publicExponent: Int?
    package var encryptionPolicy: [Policy]?
    package var signaturePolicy: [Policy]?

    package enum CodingKeys: String, CodingKey {
        case keySize = "key_size"
        case publicExponent = "public_exponent"
        case encryptionPolicy = "encryption_policy"
        case signaturePolicy = "signature_policy"
    }

    package init(keySize: Int? = nil, publicExponent: Int? = nil) {
        self.keySize = keySize
        self.publicExponent = publicExponent
    }
}

/// `creator`: `{"app": uuid}`, `{"user": uuid}`, …, or a bare string.
package struct Creator: Codable, Sendable, Equatable {
    package var app: String?
    package var user: String?

    private enum CodingKeys: String, CodingKey { case app, user }

    package init(app: String? = nil, user: String? = nil) {
        self.app = app
        self.user = user
    }

    package init(from decoder: any Decoder) throws {
        guard let container = try? decoder.container(keyedBy: CodingKeys.self) else { return }
        app = try? container.decodeIfPresent(String.self, forKey: .app)
        user = try? container.decodeIfPresent(String.self, forKey: .user)
    }
}
