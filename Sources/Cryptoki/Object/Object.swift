package import CPKCS11
package import KMSBackend
package import KMSModel
package import OpenSSLCrypto

/// A token object: one of the PKCS#11 faces of a KMS's security object. Never changes; a change at the KMS makes a new
/// one with the same handle.
package struct Object: Sendable {
    package let handle: CK_OBJECT_HANDLE
    package let keyID: KeyID
    package let objectClass: CK_OBJECT_CLASS
    package let isPrivate: Bool
    package let attributes: AttributeSet
    /// What a private key can do; nil for the other classes.
    package let key: PrivateKey?

    package struct PrivateKey: Sendable {
        package let type: CK_KEY_TYPE
        /// Modulus or order of the curve.
        package let bits: Int
        package let operations: KeyOperations
        package let isUsable: Bool
    }

    package var name: String {
        guard case .bytes(let bytes) = attributes[CKA_LABEL] else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What every function below builds an object from.
package struct ObjectSource {
    package let slotID: CK_SLOT_ID
    package let description: KeyDescription
    package let context: LibraryContext

    package init(slotID: CK_SLOT_ID, description: KeyDescription, context: LibraryContext) {
        self.slotID = slotID
        self.description = description
        self.context = context
    }

    /// Handles are the same in every process that talks to this KMS through this slot: a forked child, or a host that
    /// initialises again, may go on with the ones it has. 62 bits of SHA-256 over slot, class and the KMS's own id.
    func handle(_ objectClass: CK_OBJECT_CLASS) throws(CryptoError) -> CK_OBJECT_HANDLE {
        let text = "\(slotID)/\(objectClass)/\(description.id)"
        let hash = try Digest.hash(text.utf8, .sha256, in: context)
        let handle = hash.prefix(8).reduce(CK_OBJECT_HANDLE(0)) { $0 << 8 | CK_OBJECT_HANDLE($1) } >> 2
        return max(1, handle)
    }

    /// CKA_ID: what the KMS stores, else the public key's hash, so that a key pair and its certificate have the same.
    func identifier(subjectPublicKeyInfo: [UInt8]) throws(CryptoError) -> [UInt8] {
        if let stored = description.pkcs11ID { return stored }
        return try PublicKey.identifier(subjectPublicKeyInfo: subjectPublicKeyInfo, in: context)
    }
}
