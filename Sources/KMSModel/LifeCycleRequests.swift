package import FoundationEssentials

/// POST /crypto/v1/keys/rekey. `name` of the object is that of the object to rotate; with `value` the new key material
/// is imported and not generated.
package struct RekeyRequest: Codable, Sendable {
    /// The old object signs and encrypts no more.
    package var deactivateRotatedKey: Bool?
    package var object: SobjectRequest

    package enum CodingKeys: String, CodingKey {
        case deactivateRotatedKey = "deactivate_rotated_key"
    }

    package init(deactivateRotatedKey: Bool? = nil, object: SobjectRequest) {
        self.deactivateRotatedKey = deactivateRotatedKey
        self.object = object
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        deactivateRotatedKey = try container.decodeIfPresent(Bool.self, forKey: .deactivateRotatedKey)
        object = try SobjectRequest(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(deactivateRotatedKey, forKey: .deactivateRotatedKey)
        try object.encode(to: encoder)
    }
}

/// POST /crypto/v1/keys/replace: both objects are stored ones.
package struct ReplaceKeyRequest: Codable, Sendable {
    package var replaced: SobjectDescriptor
    package var replacedNewName: String
    package var replacement: SobjectDescriptor

    package enum CodingKeys: String, CodingKey {
        case replaced, replacement
        case replacedNewName = "replaced_new_name"
    }

    package init(replaced: SobjectDescriptor, newName: String, replacement: SobjectDescriptor) {
        self.replaced = replaced
        replacedNewName = newName
        self.replacement = replacement
    }
}

/// POST /crypto/v1/keys/digest: the digest of a symmetric key's bytes.
package struct KeyDigestRequest: Codable, Sendable {
    package var key: SobjectDescriptor
    package var alg: HashAlgorithm

    package init(key: SobjectDescriptor, alg: HashAlgorithm) {
        self.key = key
        self.alg = alg
    }
}

package struct KeyDigestResponse: Codable, Sendable {
    package var kid: String?
    package var digest: Data

    package init(kid: String?, digest: Data) {
        self.kid = kid
        self.digest = digest
    }
}

/// POST /crypto/v1/keys/kcv: the key is named in the body itself.
package struct KeyCheckValueResponse: Codable, Sendable {
    package var kid: String?
    /// Six hexadecimal digits.
    package var kcv: String

    package init(kid: String?, kcv: String) {
        self.kid = kid
        self.kcv = kcv
    }
}

/// POST /crypto/v1/keys/kcv/verify: whether a value has this key check value.
package struct CheckValueRequest: Codable, Sendable {
    package var kcv: String
    package var objType: ObjectType
    package var value: Data

    package enum CodingKeys: String, CodingKey {
        case kcv, value
        case objType = "obj_type"
    }

    package init(kcv: String, objType: ObjectType, value: Data) {
        self.kcv = kcv
        self.objType = objType
        self.value = value
    }
}
