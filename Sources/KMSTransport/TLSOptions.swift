package import KMSSupport

/// Whom a connection trusts, and as whom it appears. All of it bytes: nothing on disk is needed after fork.
///
/// There is no way to switch verification off. A KMS with a self-signed certificate is trusted by naming that
/// certificate as its own authority.
package struct TLSOptions: Sendable {
    /// The oldest version of TLS that is spoken.
    package enum Version: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    /// PEM certificates to trust; nil: the system's.
    package var authorities: [UInt8]?
    /// Trust the system's beside `authorities`.
    package var addsSystemAuthorities = false
    /// `sha256//` and the base64 of the SHA-256 of the KMS's SubjectPublicKeyInfo. When there are any, the KMS must
    /// have one of these keys, in addition to a certificate that is trusted.
    package var pins: [String] = []
    /// PEM certificate (chain) and private key for mutual TLS.
    package var clientCertificate: [UInt8]?
    package var clientKey: Secret?
    package var minimumVersion = Version.tls12
    /// The name that the KMS's certificate must have and that is sent as SNI and Host, instead of the endpoint's: for
    /// private networks, where the KMS is reached by an address or a name that its certificate does not know.
    package var serverName: String?

    package init() {}

    package init(authorities: [UInt8]?) { self.authorities = authorities }

    package var needsSystemAuthorities: Bool { authorities == nil || addsSystemAuthorities }

    /// A pin in libcurl's form.
    ///
    /// - Parameter text: with or without `sha256//`; nil when it is no base64 of 32 bytes.
    package static func pin(_ text: String) -> String? {
        let digest = text.hasPrefix("sha256//") ? text.dropFirst(8) : text[...]
        let isBase64 = digest.utf8.dropLast().allSatisfy { byte in
            let letter = byte | 0x20
            return (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
                || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")) || byte == UInt8(ascii: "+")
                || byte == UInt8(ascii: "/")
        }
        guard digest.utf8.count == 44, digest.utf8.last == UInt8(ascii: "="), isBase64 else { return nil }
        return "sha256//" + digest
    }
}
