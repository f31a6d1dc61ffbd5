package import CPKCS11
package import KMSBackend
package import KMSModel
package import OpenSSLCrypto

/// One of the PKCS#11 faces of a KMS's security object, or an object of a session. Never changes; a change makes a new
/// one with the same handle.
///
/// A class, because each signature hands its key through all layers, and all threads' signatures the same one.
package final class Object: Sendable {
    package let handle: CK_OBJECT_HANDLE
    package let keyID: KeyID
    package let objectClass: CK_OBJECT_CLASS
    package let attributes: AttributeSet
    /// What kind of key it is; nil for what is no key.
    package let key: KeyFacts?
    /// The session with which the object ends; nil for a token object.
    package let session: CK_SESSION_HANDLE?
    /// Whether CKA_ID is what the KMS stores, and so what it can look for.
    let hasStoredID: Bool
    /// Of what the KMS said of it: as long as that is the same, so is the object.
    let fingerprint: Int
    package let isPrivate: Bool
    /// CKA_ALWAYS_AUTHENTICATE.
    let alwaysAuthenticates: Bool
    /// CKA_ALLOWED_MECHANISMS; empty: all are.
    let allowedMechanisms: [CK_MECHANISM_TYPE]

    init(
        handle: CK_OBJECT_HANDLE, keyID: KeyID, objectClass: CK_OBJECT_CLASS, attributes: AttributeSet, key: KeyFacts?,
        session: CK_SESSION_HANDLE?, hasStoredID: Bool, fingerprint: Int
    ) {
        self.handle = handle
        self.keyID = keyID
        self.objectClass = objectClass
        self.attributes = attributes
        self.key = key
        self.session = session
        self.hasStoredID = hasStoredID
        self.fingerprint = fingerprint
        isPrivate = attributes.flag(CKA_PRIVATE)
        alwaysAuthenticates = attributes.flag(CKA_ALWAYS_AUTHENTICATE)
        allowedMechanisms = attributes.value(CKA_ALLOWED_MECHANISMS)?.numbers ?? []
    }

    package struct KeyFacts: Sendable {
        package let keyType: CK_KEY_TYPE
        package let type: ObjectType
        /// Modulus, order of the curve, or length of a secret key.
        package let bits: Int
        package let curve: EllipticCurve?
        package let isUsable: Bool
    }

    package var isToken: Bool { session == nil }

    package var label: String { attributes.value(CKA_LABEL).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    /// The same object under a session's roof: an alias of a key that stays where it is.
    func with(handle: CK_OBJECT_HANDLE, session: CK_SESSION_HANDLE?, attributes: AttributeSet) -> Object {
        Object(
            handle: handle, keyID: keyID, objectClass: objectClass, attributes: attributes, key: key, session: session,
            hasStoredID: hasStoredID, fingerprint: fingerprint)
    }

    func hasID(_ id: [UInt8]) -> Bool { attributes.matches(CKA_ID, id) }

    /// The same, without memory that is not needed: an object that has been made is kept for long.
    func settled(_ layouts: inout AttributeLayouts) -> Object {
        var attributes = attributes
        attributes.settle(&layouts)
        return with(handle: handle, session: session, attributes: attributes)
    }
}

/// What every function below builds an object from.
package struct ObjectSource {
    package let slotID: CK_SLOT_ID
    package let description: KeyDescription
    package let context: LibraryContext
    /// nil: a token object.
    package let session: CK_SESSION_HANDLE?
    let fingerprint: Int

    package init(
        slotID: CK_SLOT_ID, description: KeyDescription, context: LibraryContext, session: CK_SESSION_HANDLE? = nil
    ) {
        self.slotID = slotID
        self.description = description
        self.context = context
        self.session = session
        fingerprint = description.hashValue
    }

    /// Handles are the same in every process that talks to this KMS through this slot: a forked child, or a host that
    /// initialises again, may go on with the ones it has. 62 bits of SHA-256 over slot, class and the KMS's own id.
    func handle(_ objectClass: CK_OBJECT_CLASS) throws(CryptoError) -> CK_OBJECT_HANDLE {
        try ObjectSource.handle("\(slotID)/\(objectClass)/\(description.id.text)", context)
    }

    static func handle(_ text: String, _ context: LibraryContext) throws(CryptoError) -> CK_OBJECT_HANDLE {
        let hash = try Digest.hash(text.utf8, .sha256, in: context)
        let handle = hash.prefix(8).reduce(CK_OBJECT_HANDLE(0)) { $0 << 8 | CK_OBJECT_HANDLE($1) } >> 2
        return max(1, handle)
    }

    /// CKA_ID where the KMS stores it; else it is the public key's hash, so that a key pair and its certificate have the
    /// same.
    var storedID: [UInt8]? { description.attributes["id"] }

    /// Makes the object, with the stored attributes over those that follow from the key.
    ///
    /// - Parameter prefix: in front of the stored names that are meant for this face alone: a key pair is one security
    ///   object, and its public key may have a label or id of its own.
    func object(
        _ objectClass: CK_OBJECT_CLASS, _ attributes: AttributeSet, key: Object.KeyFacts?, prefix: String = ""
    ) throws(CryptoError) -> Object {
        var attributes = attributes
        // Most objects have none or two, so that nothing here walks the whole table for each of ten thousand keys.
        let isShared = prefix.isEmpty ? { _ in true } : { ObjectSource.sharedNames.contains($0) }
        for (name, value) in description.attributes where isShared(name) { attributes.override(name, value) }
        if !prefix.isEmpty {
            for (name, value) in description.attributes where name.hasPrefix(prefix) {
                attributes.override(String(name.dropFirst(prefix.count)), value)
            }
        }
        return Object(
            handle: try handle(objectClass), keyID: description.id, objectClass: objectClass, attributes: attributes,
            key: key, session: session, hasStoredID: description.attributes[prefix + "id"] != nil,
            fingerprint: fingerprint)
    }

    /// What both faces of a key pair have in common unless the public one has its own.
    static var sharedNames: [String] { ["label", "id", "subject", "start-date", "end-date"] }
    static var publicPrefix: String { "public-" }
}

extension AttributeSet {
    /// Replaces an attribute that the object has by what is stored for it.
    fileprivate mutating func override(_ name: String, _ stored: [UInt8]) {
        guard let row = AttributeTable.row(stored: name), self[row.type] != nil, let value = row.loaded(stored) else {
            return
        }
        set(row.type, value)
    }
}
