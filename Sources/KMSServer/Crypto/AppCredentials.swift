internal import FoundationEssentials
internal import KMSModel
internal import KMSSupport
internal import X509

/// Gives apps their credentials: secrets, which are stored hashed and sealed, certificates and authorities.
struct AppCredentials: Sendable {
    /// Of a chosen secret, in characters: what 32 random bytes have in base64url.
    static var shortestSecret: Int { 43 }
    static var longestSecret: Int { 512 }
    /// Of a secret that the server makes, in bytes.
    static var secretSizes: ClosedRange<Int> { 32...256 }
    /// Seconds; thirty days.
    static var longestMigration: Int { 2_592_000 }

    let engine: CryptoEngine

    /// - Parameters:
    ///   - size: random bytes of a secret that is made here; 64 unless asked otherwise.
    ///   - migration: seconds for which the secret before works on.
    /// - Throws: 400 for a credential that cannot be one.
    func set(_ credential: AppCredential?, size: Int?, migration: Int?, of app: inout AppRecord) throws {
        switch credential {
        case nil, .secret(nil)?:
            try set(secret: try newSecret(size ?? 64), migration, of: &app)
        case .secret(let chosen?)?:
            try set(secret: try AppCredentials.check(chosen), migration, of: &app)
        case .certificate(let der)?:
            guard (try? Certificate(derEncoded: Array(der))) != nil else {
                throw KMSError.badRequest("Field \"credential.certificate\" is not one X.509 certificate in DER")
            }
            try setKeyless(credential, hash: try engine.digest(der, .sha256), of: &app)
        case .trustedAuthority(let authority)?:
            try AppCredentials.check(authority)
            try setKeyless(credential, hash: nil, of: &app)
        }
    }

    private func set(secret: Secret, _ migration: Int?, of app: inout AppRecord) throws {
        let period = migration ?? 0
        guard (0...AppCredentials.longestMigration).contains(period) else {
            throw KMSError.badRequest(
                "Field \"credential_migration_period\" must be between 0 and \(AppCredentials.longestMigration) seconds"
            )
        }
        let isMigrating = period > 0 && app.credential == nil && !app.secretHash.isEmpty
        app.previous =
            isMigrating
            ? .init(hash: app.secretHash, until: Timestamp(seconds: Timestamp.now.seconds + Int64(period))) : nil
        app.secretHash = Secret(try secret.withBytes { try engine.digest(.init($0), .sha256) })
        app.sealedSecret = try engine.seal(secret, as: .appSecret(id: app.id))
        app.credential = nil
        app.certificateHash = nil
    }

    /// Every stored app has a secret. That of an app with a certificate is told to nobody and serves for nothing.
    private func setKeyless(_ credential: AppCredential?, hash: [UInt8]?, of app: inout AppRecord) throws {
        try set(secret: try newSecret(64), nil, of: &app)
        app.credential = credential
        app.certificateHash = hash
    }

    private func newSecret(_ size: Int) throws -> Secret {
        guard AppCredentials.secretSizes.contains(size) else {
            throw KMSError.badRequest("Field \"secret_size\" must be between 32 and 256 bytes")
        }
        return Secret(Base64.urlEncode(try engine.randomBytes(size)))
    }

    /// A chosen secret is stored under a fast hash, so it must be as good as a random one; and clients split an API key
    /// at its colon.
    private static func check(_ secret: String) throws(KMSError) -> Secret {
        guard (shortestSecret...longestSecret).contains(secret.utf8.count),
            secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }),
            Set(secret.utf8).count >= 16
        else {
            throw .badRequest(
                "Field \"credential.secret\" must have between \(shortestSecret) and \(longestSecret) random printable "
                    + "ASCII characters without a colon; leave the field out, and the server makes one")
        }
        return Secret(secret)
    }

    private static func check(_ authority: TrustedAuthority) throws(KMSError) {
        guard authority.checkRevocation != true else {
            throw .badRequest(
                "Field \"check_revocation\" is not supported: nobody asks the authority; disable the app instead")
        }
        guard let certificate = try? Certificate(derEncoded: Array(authority.caCertificate)),
            case .isCertificateAuthority? = try? certificate.extensions.basicConstraints
        else {
            throw .badRequest(
                "Field \"credential.trustedca.ca_certificate\" is not the certificate of an authority in DER")
        }
        switch authority.subject {
        case .name(let pairs):
            guard CertificateSubject.normalized(pairs) != nil else {
                throw .badRequest(
                    "Field \"credential.trustedca.subject\" must be a list of pairs such as [\"CN\", \"web\"]")
            }
        case .dnsName(let name):
            guard !name.isEmpty else { throw .badRequest("Field \"credential.trustedca.subject\" is an empty name") }
        case .address(let text):
            guard ServerIdentity.address(text) != nil else {
                throw .badRequest("Field \"credential.trustedca.subject\" is not an IPv4 or IPv6 address")
            }
        }
    }
}
