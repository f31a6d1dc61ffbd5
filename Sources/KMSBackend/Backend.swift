package import KMSModel
package import KMSSupport

/// A KMS as the token sees it: one implementation per folder, listed in `BackendTable`.
///
/// Calls block the calling thread until `deadline` at the latest and may come from several threads at once. A backend
/// keeps the credential of the last successful `authenticate` and renews its session by itself. Refusing defaults in
/// `Backend+Refusals.swift`: a backend implements what its KMS can do, and says so in `capabilities`.
package protocol Backend: AnyObject, Sendable {
    var capabilities: Capabilities { get }

    // MARK: Connection

    /// Verifies `credential` at the KMS and keeps it for the calls that follow. An empty one: the certificate that the
    /// transport shows is the credential.
    func authenticate(_ credential: Secret, deadline: Deadline) throws(BackendError)

    /// Ends the session at the KMS, if it can be reached by `deadline`, and forgets session and credential.
    func signOut(deadline: Deadline)

    /// Whether the KMS answers at all; needs no credential.
    func health(deadline: Deadline) throws(BackendError)

    // MARK: Keys

    /// One page of what the credential may see. `page` is nil for the first and then what the last answer gave.
    func listKeys(
        matching query: KeyQuery, page: PageToken?, deadline: Deadline
    ) throws(BackendError) -> KeyPage

    /// The key as it is now.
    func describe(_ key: KeyID, deadline: Deadline) throws(BackendError) -> KeyDescription

    func generate(_ specification: KeySpecification, deadline: Deadline) throws(BackendError) -> KeyDescription

    /// - Parameter value: raw bytes; PKCS #1, SEC 1 or PKCS #8 of a private key; SubjectPublicKeyInfo of a public one;
    ///   DER of a certificate.
    func importKey(
        _ specification: KeySpecification, value: Secret, deadline: Deadline
    ) throws(BackendError) -> KeyDescription

    func update(_ key: KeyID, _ changes: KeyChanges, deadline: Deadline) throws(BackendError) -> KeyDescription

    /// Another key with the same material.
    func copy(
        _ key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription

    func delete(_ key: KeyID, deadline: Deadline) throws(BackendError)

    /// Deletes the private half of a key pair; the public one stays.
    func deletePrivateHalf(_ key: KeyID, deadline: Deadline) throws(BackendError)

    /// The material of an exportable key, in the forms of `importKey`; of opaque objects their bytes.
    func export(_ key: KeyID, deadline: Deadline) throws(BackendError) -> Secret

    // MARK: Operations

    /// Signs a digest, or the message itself where the algorithm has no hash. RSA: as long as the modulus. ECDSA: DER
    /// SEQUENCE{r, s}. EdDSA: as RFC 8032 has it.
    func sign(
        _ input: [UInt8], with algorithm: SigningAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8]

    func encrypt(
        _ plaintext: Secret, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext

    /// - Throws: `invalid` for a ciphertext that does not decrypt.
    func decrypt(
        _ ciphertext: Ciphertext, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Secret

    /// An encryption or decryption in parts, for the modes that the KMS knows it for.
    func stream(
        _ direction: CipherDirection, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> any CipherStream

    func mac(
        _ message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8]

    func verifyMAC(
        _ mac: [UInt8], of message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Bool

    /// Encrypts the material of `subject`: raw bytes of a secret key, PKCS #8 of a private one.
    func wrap(
        _ subject: KeyID, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext

    func unwrap(
        _ wrapped: Ciphertext, with cipher: Cipher, key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription

    /// ECDH: the shared secret becomes a key.
    func agree(
        _ key: KeyID, with peer: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription

    func derive(
        _ key: KeyID, by derivation: Derivation, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription
}

/// What the KMS may narrow a listing by. The caller still filters: a backend may ignore any field.
package struct KeyQuery: Hashable, Sendable {
    /// CKA_LABEL: the name of the key, or the label that is stored beside it.
    package var label: String?
    /// CKA_ID, where the KMS stores one; what follows from a public key, it does not know.
    package var storedID: [UInt8]?

    package init(label: String? = nil, storedID: [UInt8]? = nil) {
        self.label = label
        self.storedID = storedID
    }
}

/// Where the next page begins, in the backend's own terms.
package struct PageToken: Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }
}

package struct KeyPage: Sendable {
    package var keys: [KeyDescription]
    /// nil: this was the last page.
    package var next: PageToken?

    package init(keys: [KeyDescription], next: PageToken?) {
        self.keys = keys
        self.next = next
    }
}
