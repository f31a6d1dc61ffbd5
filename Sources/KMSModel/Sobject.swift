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

/// `rsa` of a security object. Policies are kept as the API has them; an absent or null padding is a wildcard.
package struct RSAOptions: Codable, Sendable, Equatable {
    package struct Policy: Codable, Sendable, Equatable {
        /// Name of the padding ("PSS", "PKCS1_V15", "OAEP", "RAW_DECRYPT"); nil: any.
        package var padding: String?

        private enum CodingKeys: String, CodingKey { case padding }
        private struct AnyKey: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
        private struct Empty: Codable {}

        package init(padding: String?) { self.padding = padding }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            guard container.contains(.padding), try !container.decodeNil(forKey: .padding) else { return }
            padding = try container.nestedContainer(keyedBy: AnyKey.self, forKey: .padding).allKeys.first?.stringValue
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            guard let padding else { return try container.encodeNil(forKey: .padding) }
            var nested = container.nestedContainer(keyedBy: AnyKey.self, forKey: .padding)
            try nested.encode(Empty(), forKey: AnyKey(stringValue: padding))
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
