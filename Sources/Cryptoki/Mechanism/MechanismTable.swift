package import CPKCS11
package import KMSBackend

/// A family of mechanisms: rows first, then what performs them. One file each in this folder, one line in the table.
package protocol MechanismFamily {
    static var mechanisms: [Mechanism] { get }
}

/// The mechanisms of one token: those that its backend can do, and those that need none.
package struct MechanismTable: Sendable {
    private static var families: [any MechanismFamily.Type] {
        [
            RSAPKCS1.self, RSAPSS.self, RSAOAEP.self, RSARaw.self, ECDSA.self, EdDSA.self, HMAC.self, CMAC.self,
            AES.self, DES3.self, Digests.self, KeyGeneration.self, ECDH.self, HKDF.self, EncryptionDerivation.self,
        ]
    }

    /// A mechanism in one place: copying one takes longer than looking it up.
    package final class Row: Sendable {
        package let mechanism: Mechanism

        init(_ mechanism: Mechanism) { self.mechanism = mechanism }
    }

    package let rows: [Mechanism]
    private let table: [CK_MECHANISM_TYPE: Row]

    package init(_ capabilities: Capabilities) {
        rows = MechanismTable.families.flatMap { $0.mechanisms }.compactMap { $0.restricted(to: capabilities) }
        table = Dictionary(rows.map { ($0.type, Row($0)) }) { first, _ in first }
    }

    /// - Throws: CKR_MECHANISM_INVALID.
    package func row(_ type: CK_MECHANISM_TYPE) throws(CKError) -> Row {
        guard let row = table[type] else { throw CKError(CKR_MECHANISM_INVALID) }
        return row
    }
}
