package import KMSModel

/// A security object in terms that every KMS shares; the token makes PKCS#11 objects of it.
package struct KeyDescription: Sendable, Hashable {
    package var id: KeyID
    /// Empty for a transient key.
    package var name: String
    package var type: ObjectType
    /// In bits.
    package var bits: Int?
    package var curve: EllipticCurve?
    package var operations: KeyOperations
    /// Usable now: enabled and in the active state.
    package var isUsable: Bool
    /// Only the public half, or a certificate, is stored.
    package var isPublicOnly: Bool
    package var isNeverExportable: Bool
    /// Made inside the KMS.
    package var isLocal: Bool
    /// DER SubjectPublicKeyInfo.
    package var publicKey: [UInt8]?
    /// The DER certificate.
    package var value: [UInt8]?
    /// CKA_CHECK_VALUE of a secret key: 3 bytes.
    package var checkValue: [UInt8]?
    /// What PKCS#11 knows of an object and the KMS has no field for, by the names of `StoredAttribute`: "id", "label",
    /// "subject" … Fortanix keeps them in `custom_metadata`, each with "pkcs11-" before its name.
    package var attributes: [String: [UInt8]]
    /// Activation and deactivation, when set, in seconds since the epoch.
    package var startSeconds: Int64?
    package var endSeconds: Int64?

    package init(id: KeyID, name: String, type: ObjectType, operations: KeyOperations) {
        self.id = id
        self.name = name
        self.type = type
        self.operations = operations
        isUsable = true
        isPublicOnly = false
        isNeverExportable = true
        isLocal = false
        attributes = [:]
    }

    /// CKA_LABEL.
    package var label: [UInt8] { attributes["label"] ?? Array(name.utf8) }
}
