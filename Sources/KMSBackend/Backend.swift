package import KMSModel
package import KMSSupport

/// A remote KMS as the token sees it: one implementation per folder, listed in `BackendTable`.
///
/// Calls block the calling thread until `deadline` at the latest and may come from several threads at once. A backend
/// keeps the credential of the last successful `authenticate` and renews its session by itself. Refusing defaults
/// below: a backend implements what its KMS can do.
package protocol Backend: AnyObject, Sendable {
    var capabilities: Capabilities { get }

    /// Verifies `credential` at the KMS and keeps it for the calls that follow.
    func authenticate(_ credential: Secret, deadline: Deadline) throws(BackendError)

    /// Ends the session at the KMS, if it can be reached by `deadline`, and forgets session and credential.
    func signOut(deadline: Deadline)

    /// One page of what the credential may see. `page` is nil for the first and then what the last answer gave.
    func listKeys(
        matching query: KeyQuery, page: PageToken?, deadline: Deadline
    ) throws(BackendError) -> KeyPage

    /// Signs a digest. RSA: as long as the modulus. ECDSA: DER SEQUENCE{r, s}.
    func sign(
        digest: [UInt8], with algorithm: SigningAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8]

    /// Whether the KMS answers at all; needs no credential.
    func health(deadline: Deadline) throws(BackendError)
}

extension Backend {
    package func signOut(deadline: Deadline) {}

    package func sign(
        digest: [UInt8], with algorithm: SigningAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        throw BackendError(.unsupported, "this KMS does not sign")
    }

    package func health(deadline: Deadline) throws(BackendError) {
        throw BackendError(.unsupported, "this KMS has no health check")
    }
}

/// The KMS's own name of a key (Fortanix: `kid`).
package struct KeyID: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) { self.text = text }
    package var description: String { text }
}

/// What the KMS may narrow a listing by. The caller still filters: a backend may ignore any field.
package struct KeyQuery: Hashable, Sendable {
    package var name: String?

    package init(name: String? = nil) { self.name = name }
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

/// What a KMS can do; decides which mechanisms a slot lists.
package struct Capabilities: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let signRSAPKCS1 = Capabilities(rawValue: 1 << 0)
    package static let signRSAPSS = Capabilities(rawValue: 1 << 1)
    package static let signECDSA = Capabilities(rawValue: 1 << 2)
    /// PKCS#1 v1.5 signature over MD5 ‖ SHA-1 without DigestInfo (TLS 1.0 and 1.1).
    package static let signTLS1 = Capabilities(rawValue: 1 << 3)
}
