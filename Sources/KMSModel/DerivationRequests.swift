package import FoundationEssentials

/// `mechanism` of derive: exactly one of the fields.
package struct DerivationMechanism: Codable, Sendable {
    package struct HKDF: Codable, Sendable {
        package var hashAlg: HashAlgorithm
        package var info: Data?
        package var salt: Data?

        package enum CodingKeys: String, CodingKey {
            case hashAlg = "hash_alg"
            case info, salt
        }

        package init(hashAlg: HashAlgorithm, info: Data?, salt: Data?) {
            self.hashAlg = hashAlg
            self.info = info
            self.salt = salt
        }
    }

    /// The new key's bytes are the ciphertext.
    package var encryptData: EncryptRequest?
    package var hkdf: HKDF?

    package enum CodingKeys: String, CodingKey {
        case encryptData = "encrypt_data"
        case hkdf
    }

    package init(encryptData: EncryptRequest) { self.encryptData = encryptData }
    package init(hkdf: HKDF) { self.hkdf = hkdf }
}

/// POST /crypto/v1/derive. `object.objType` travels as `key_type`.
package struct DeriveKeyRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var keyType: ObjectType
    package var mechanism: DerivationMechanism
    package var object: SobjectRequest

    package enum CodingKeys: String, CodingKey {
        case key
        case keyType = "key_type"
        case mechanism
    }

    package init(key: SobjectDescriptor?, keyType: ObjectType, mechanism: DerivationMechanism, object: SobjectRequest) {
        self.key = key
        self.keyType = keyType
        self.mechanism = mechanism
        self.object = object
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        key = try container.decodeIfPresent(SobjectDescriptor.self, forKey: .key)
        keyType = try container.decode(ObjectType.self, forKey: .keyType)
        mechanism = try container.decode(DerivationMechanism.self, forKey: .mechanism)
        object = try SobjectRequest(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(key, forKey: .key)
        try container.encode(keyType, forKey: .keyType)
        try container.encode(mechanism, forKey: .mechanism)
        try object.encode(to: encoder)
    }
}

/// POST /crypto/v1/agree: ECDH.
package struct AgreeKeyRequest: Codable, Sendable {
    package var privateKey: SobjectDescriptor
    package var publicKey: SobjectDescriptor
    /// Only `diffie_hellman` is known.
    package var mechanism: String
    package var keyType: ObjectType
    package var object: SobjectRequest

    package enum CodingKeys: String, CodingKey {
        case privateKey = "private_key"
        case publicKey = "public_key"
        case mechanism
        case keyType = "key_type"
    }

    package init(
        privateKey: SobjectDescriptor, publicKey: SobjectDescriptor, keyType: ObjectType, object: SobjectRequest
    ) {
        self.privateKey = privateKey
        self.publicKey = publicKey
        mechanism = "diffie_hellman"
        self.keyType = keyType
        self.object = object
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        privateKey = try container.decode(SobjectDescriptor.self, forKey: .privateKey)
        publicKey = try container.decode(SobjectDescriptor.self, forKey: .publicKey)
        mechanism = try container.decode(String.self, forKey: .mechanism)
        keyType = try container.decode(ObjectType.self, forKey: .keyType)
        object = try SobjectRequest(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(privateKey, forKey: .privateKey)
        try container.encode(publicKey, forKey: .publicKey)
        try container.encode(mechanism, forKey: .mechanism)
        try container.encode(keyType, forKey: .keyType)
        try object.encode(to: encoder)
    }
}

/// POST /crypto/v1/keys/copy.
package struct CopyKeyRequest: Codable, Sendable {
    package var key: SobjectDescriptor
    package var object: SobjectRequest

    package enum CodingKeys: String, CodingKey { case key }

    package init(key: SobjectDescriptor, object: SobjectRequest) {
        self.key = key
        self.object = object
    }

    package init(from decoder: any Decoder) throws {
        key = try decoder.container(keyedBy: CodingKeys.self).decode(SobjectDescriptor.self, forKey: .key)
        object = try SobjectRequest(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(key, forKey: .key)
        try object.encode(to: encoder)
    }
}

/// POST /crypto/v1/keys/persist: a transient key becomes a stored one.
package struct PersistKeyRequest: Codable, Sendable {
    package var transientKey: Data
    package var object: SobjectRequest

    package enum CodingKeys: String, CodingKey { case transientKey = "transient_key" }

    package init(transientKey: Data, object: SobjectRequest) {
        self.transientKey = transientKey
        self.object = object
    }

    package init(from decoder: any Decoder) throws {
        transientKey = try decoder.container(keyedBy: CodingKeys.self).decode(Data.self, forKey: .transientKey)
        object = try SobjectRequest(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(transientKey, forKey: .transientKey)
        try object.encode(to: encoder)
    }
}
