package import FoundationEssentials

/// Body of generate (POST /crypto/v1/keys), import (PUT, with `value`) and update (PATCH).
package struct SobjectRequest: Codable, Sendable {
    package var name: String?
    package var description: String?
    package var objType: ObjectType?
    /// In bits.
    package var keySize: Int?
    package var pubExponent: Int?
    package var ellipticCurve: EllipticCurve?
    package var groupID: String?
    package var keyOps: KeyOperations?
    package var customMetadata: [String: String]?
    package var enabled: Bool?
    package var value: Data?
    package var transient: Bool?
    package var state: ObjectState?
    package var activationDate: Timestamp?
    package var deactivationDate: Timestamp?
    package var rsa: RSAOptions?
    /// What the key check value of an imported or unwrapped AES or DES3 key must be, in hexadecimal digits.
    package var kcv: String?

    package enum CodingKeys: String, CodingKey {
        case name, description
        case objType = "obj_type"
        case keySize = "key_size"
        case pubExponent = "pub_exponent"
        case ellipticCurve = "elliptic_curve"
        case groupID = "group_id"
        case keyOps = "key_ops"
        case customMetadata = "custom_metadata"
        case enabled, value, transient, state
        case activationDate = "activation_date"
        case deactivationDate = "deactivation_date"
        case rsa, kcv
    }

    package init() {}
}

/// List answer with `with_metadata=true`.
package struct SobjectPage: Codable, Sendable {
    package struct Metadata: Codable, Sendable {
        package var totalCount: Int?
        package var filteredCount: Int?

        package enum CodingKeys: String, CodingKey {
            case totalCount = "total_count"
            case filteredCount = "filtered_count"
        }

        package init(totalCount: Int?, filteredCount: Int?) {
            self.totalCount = totalCount
            self.filteredCount = filteredCount
        }
    }

    package var metadata: Metadata
    package var items: [Sobject]

    package init(metadata: Metadata, items: [Sobject]) {
        self.metadata = metadata
        self.items = items
    }
}
