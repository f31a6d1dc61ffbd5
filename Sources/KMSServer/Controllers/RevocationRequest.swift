internal import KMSModel

/// Body of POST /crypto/v1/keys/{kid}/revoke.
struct RevocationRequest: Decodable {
    enum Code: String, WireEnum {
        case unspecified = "Unspecified"
        case keyCompromise = "KeyCompromise"
        case caCompromise = "CACompromise"
        case affiliationChanged = "AffiliationChanged"
        case superseded = "Superseded"
        case cessationOfOperation = "CessationOfOperation"
        case privilegeWithdrawn = "PrivilegeWithdrawn"

        /// Signatures of a compromised key prove nothing; those of a superseded one still do.
        var isCompromise: Bool { self == .keyCompromise || self == .caCompromise }
    }

    var code: Code
    var message: String?

    func check() throws(KMSError) {
        guard message?.count ?? 0 <= FieldRules.longestDescription else {
            throw .badRequest("Field \"message\" is longer than \(FieldRules.longestDescription) characters")
        }
    }
}
