package import CPKCS11
package import KMSBackend

/// A family of mechanisms: rows first, then what performs them. One file each in this folder, one line in the table.
package protocol MechanismFamily {
    static var mechanisms: [Mechanism] { get }
}

/// The mechanisms of one token: those that its backend can do.
package struct MechanismTable: Sendable {
    private static var families: [any MechanismFamily.Type] {
        [RSAPKCS1.self, RSAPSS.self, ECDSA.self]
    }

    package let rows: [Mechanism]

    package init(_ capabilities: Capabilities) {
        rows = MechanismTable.families.flatMap { $0.mechanisms }.filter { capabilities.isSuperset(of: $0.needs) }
    }

    /// - Throws: CKR_MECHANISM_INVALID.
    package func row(_ type: CK_MECHANISM_TYPE) throws(CKError) -> Mechanism {
        guard let row = rows.first(where: { $0.type == type }) else { throw CKError(CKR_MECHANISM_INVALID) }
        return row
    }
}
