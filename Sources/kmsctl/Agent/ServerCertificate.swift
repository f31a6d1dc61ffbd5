import FoundationEssentials
import KMSModel
import KMSSupport
import OpenSSLCrypto

/// A TLS server's certificate and those between it and the root, in the order in which clients want them.
struct ServerCertificate {
    /// Never empty; the server's own is the first.
    let chain: [Certificate]
    /// Of the server's own, in seconds since 1970.
    let validity: ClosedRange<Int64>
    /// SHA-256 of the server's own, in hexadecimal digits.
    let fingerprint: String
    private let publicKey: [UInt8]
    private let rules: CertificateRules

    /// - Throws: `AgentFailure` when `chain` is empty or cannot be read.
    init(_ chain: [Certificate], rules: CertificateRules) throws {
        guard let first = chain.first else { throw AgentFailure(.data, "there is no certificate") }
        self.chain = chain
        self.rules = rules
        validity = try first.validity(in: rules.context)
        fingerprint = String(
            decoding: Hex.encode(try Digest.hash(first.der, .sha256, in: rules.context)), as: UTF8.self)
        publicKey = try Self.normal(first.subjectPublicKeyInfo, rules.context)
    }

    /// However the point of a curve is written.
    private static func normal(_ info: [UInt8], _ context: LibraryContext) throws -> [UInt8] {
        try PublicKey(subjectPublicKeyInfo: info, in: context).subjectPublicKeyInfo()
    }

    /// - Parameter info: DER SubjectPublicKeyInfo.
    func isOf(publicKey info: [UInt8]) -> Bool {
        (try? Self.normal(info, rules.context)).map { $0 == publicKey } ?? false
    }

    func isSame(as other: ServerCertificate) -> Bool { chain.map(\.der) == other.chain.map(\.der) }

    /// Whether clients would accept it for `host` now.
    ///
    /// - Throws: `AgentFailure` that says why not.
    func check(host: String) throws {
        for (index, certificate) in chain.enumerated() {
            let name = index == 0 ? "the certificate" : "certificate \(index + 1) of the chain"
            let validity = try certificate.validity(in: rules.context)
            if rules.now > validity.upperBound {
                throw AgentFailure(
                    .data, "\(name) has expired, on \(Timestamp(seconds: validity.upperBound).rfc3339)",
                    remedy: "Bring a renewed certificate into the KMS.")
            }
            if rules.now < validity.lowerBound {
                throw AgentFailure(
                    .data, "\(name) is not valid before \(Timestamp(seconds: validity.lowerBound).rfc3339)",
                    remedy: "Check the clock of this machine.")
            }
        }
        guard try chain[0].covers(host: host, acceptsCommonName: rules.acceptsCommonName, in: rules.context) else {
            throw AgentFailure(
                .data, "the certificate is not for this host: it has no such subject alternative name",
                remedy: "Name the host's own certificate, or have one issued with this name.")
        }
        try checkKey()
        guard try chain[0].isForServers(in: rules.context) else {
            throw AgentFailure(
                .data, "the certificate is not for TLS servers: its (extended) key usage forbids it",
                remedy: "Have one issued for server authentication.")
        }
        for (index, pair) in zip(chain, chain.dropFirst()).enumerated() {
            guard try pair.0.isIssued(by: pair.1, in: rules.context) else {
                throw AgentFailure(
                    .data, "the chain is not in order: certificate \(index + 2) did not issue certificate \(index + 1)",
                    remedy: "Name the server's certificate first, then the one that issued it, and so on.")
            }
        }
    }

    /// The curves for which TLS has signatures that servers offer.
    private func checkKey() throws {
        let kind = try PublicKey(subjectPublicKeyInfo: publicKey, in: rules.context).kind()
        guard case .ec(let curve) = kind else { return }
        switch curve {
        case .nistP256, .nistP384, .nistP521, .ed25519, .ed448: break
        case .nistP224, .secP256K1, .x25519, .x448:
            throw AgentFailure(
                .data, "TLS servers cannot use a key on the curve \(curve.rawValue)",
                remedy: "Use RSA, P-256, P-384, P-521 or Ed25519.")
        }
    }

    /// When it ends so soon that somebody should care: within its last third, and 14 days at most.
    var isNearEnd: Bool {
        let length = validity.upperBound - validity.lowerBound
        return validity.upperBound - rules.now < min(14 * 86_400, length / 3)
    }

    /// Seconds until it ends; not less than 0.
    var remaining: Int { Int(clamping: max(0, validity.upperBound - rules.now)) }

    /// Seconds until it is to be renewed: at two thirds of its lifetime, less up to a tenth, which differs from
    /// certificate to certificate, so that a hundred servers do not come at once. It is in the certificate's own hash, so
    /// that an agent that starts again comes to the same time.
    var untilRenewal: Int {
        let length = validity.upperBound - validity.lowerBound
        let jitter = length * Int64(chain[0].checkValue.first ?? 0) / 2_560
        return Int(clamping: max(0, validity.lowerBound + length * 2 / 3 - jitter - rules.now))
    }

    func pem() throws -> [UInt8] { try chain.flatMap { try $0.pem() } }
}

/// By what certificates are judged.
struct CertificateRules {
    let context: LibraryContext
    /// Also a common name where there is no alternative name.
    var acceptsCommonName: Bool

    /// Seconds since 1970.
    var now: Int64 { Timestamp.now.seconds }
}
