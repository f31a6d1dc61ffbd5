package import KMSModel

/// A key that is to be: for generation, import, unwrapping, derivation and copying.
package struct KeySpecification: Sendable {
    /// Unique at the KMS; nil for a transient key.
    package var name: String?
    package var type: ObjectType
    /// In bits.
    package var bits: Int?
    package var curve: EllipticCurve?
    /// RSA; nil: 65537.
    package var publicExponent: Int?
    package var operations: KeyOperations
    package var isTransient: Bool
    /// As `KeyDescription.attributes`.
    package var attributes: [String: [UInt8]]

    package init(name: String?, type: ObjectType, operations: KeyOperations, isTransient: Bool = false) {
        self.name = name
        self.type = type
        self.operations = operations
        self.isTransient = isTransient
        attributes = [:]
    }
}

/// What is to change; nil: stays as it is.
package struct KeyChanges: Sendable {
    package var name: String?
    package var operations: KeyOperations?
    /// All of them, not only those that change.
    package var attributes: [String: [UInt8]]?

    package init() {}
}
