import FoundationEssentials
import KMSModel
import KMSSupport
import OpenSSLCrypto

/// Keys that are made for this purpose and short-lived certificates that the X.509 CA plugin issues for them. When they
/// are loaded, the KMS has no copy of the key.
final class EphemeralSource: EntrySource {
    struct Order {
        var hosts: [String]
        /// Name or id.
        var plugin: String
        var issuerKey: String
        var issuerCertificate: String
        /// Between the issuer's certificate and the root.
        var chain: [String]
        /// In seconds.
        var lifetime: Int
        var keyType: EphemeralKey.KeyType
        /// Make a stored key and delete it, also where the KMS has transient ones.
        var storesKey: Bool
    }

    private let order: Order
    private let rules: CertificateRules
    /// A certificate that is good for a while is kept.
    private let isWatching: Bool
    /// Leftovers have been looked for at this look.
    private var isSwept = false

    init(_ order: Order, rules: CertificateRules, isWatching: Bool) {
        self.order = order
        self.rules = rules
        self.isWatching = isWatching
    }

    func hosts() -> [String] {
        isSwept = false
        return order.hosts
    }

    func plan(_ host: String, held: HeldEntry?, _ client: AdminClient) throws -> EntryPlan {
        let issuers = try order.issuers(client, rules.context)
        if isWatching, let certificate = held?.certificate, certificate.untilRenewal > 0,
            try certificate.chain[0].isIssued(by: issuers[0], in: rules.context),
            (try? certificate.check(host: host)) != nil
        {
            return .keep
        }
        let plugin = try order.pluginID(client)
        return .replace { [self] in
            sweep(client)
            let made = try EphemeralKey.withKey(
                order.keyType, host: host, storesKey: order.storesKey, client, rules.context
            ) { subject in
                try order.issue(host, subject, plugin, client)
            }
            guard
                let leaf = try? PEM.contents(of: "CERTIFICATE", Secret(made.answer.utf8), in: rules.context).first
            else {
                throw CommandFailure.unintelligible("issuing a certificate", client.target)
            }
            let certificate = try Certificate(der: leaf, in: rules.context)
            guard try certificate.isIssued(by: issuers[0], in: rules.context) else {
                throw AgentFailure(
                    .data, "the certificate that the plugin issued is not signed by \"\(order.issuerCertificate)\"",
                    remedy: "Name the certificate of the issuer's key.")
            }
            // Clients have the root themselves.
            let others = issuers.prefix { $0.subject != $0.issuer }
            var entry = try TLSEntry(
                host: host, key: made.key, certificate: try ServerCertificate([certificate] + others, rules: rules))
            entry.advice = Self.advice(spare: issuers.count - max(1, others.count))
            return entry
        }
    }

    /// Nothing to remember: an entry is only replaced. Its certificate ends soon by itself, and clients can use it until
    /// then, whatever becomes of the issuer.
    func confirm(_ host: String) {}

    /// Once a look and not for each host, because it lists all keys. What a killed agent left ends by itself; that it cannot
    /// be listed or deleted is no reason to stop.
    private func sweep(_ client: AdminClient) {
        guard !isSwept else { return }
        isSwept = true
        try? EphemeralKey.deleteLeftovers(client)
    }

    /// - Parameter spare: how many certificates of `--chain` are not sent.
    private static func advice(spare: Int) -> String? {
        guard spare > 0 else { return nil }
        return "note: without \(spare) of the certificates that --chain names: the chain is whole without them, because"
            + " clients have the root themselves"
    }

    func due(_ certificate: ServerCertificate) -> Int? { max(1, certificate.untilRenewal) }
}

extension EphemeralSource.Order {
    /// The issuer's certificate and those above it.
    fileprivate func issuers(_ client: AdminClient, _ context: LibraryContext) throws -> [Certificate] {
        let key = try client.usableObject(issuerKey)
        let certificates = try ([issuerCertificate] + chain).flatMap {
            try client.certificates(try client.usableObject($0), $0, context)
        }
        guard !certificates.isEmpty else { throw AgentFailure(.data, "\"\(issuerCertificate)\" holds no certificate") }
        let rules = CertificateRules(context: context, acceptsCommonName: false)
        if let publicKey = key.pubKey,
            try !ServerCertificate(certificates, rules: rules).isOf(publicKey: Array(publicKey))
        {
            throw AgentFailure(
                .data, "\"\(issuerKey)\" is not the key of the certificate \"\(issuerCertificate)\"",
                remedy: "Name the CA's key and the certificate over this very key.")
        }
        return certificates
    }

    /// Apps may run plugins that they may not list.
    fileprivate func pluginID(_ client: AdminClient) throws -> String {
        if UUID(uuidString: plugin) != nil { return plugin.lowercased() }
        return try client.plugin(plugin).pluginID
    }

    /// - Returns: PEM.
    fileprivate func issue(
        _ host: String, _ subject: JSONValue, _ plugin: String, _ client: AdminClient
    ) throws -> String {
        // X.509 has 64 characters for a common name; a longer name is in the alternative name alone.
        let name: [String: JSONValue] = host.utf8.count <= 64 ? ["CN": .text(host)] : [:]
        let input: [String: JSONValue] = [
            "subject_dn": .object(name), "subject_key": subject, "issuer_key": .text(issuerKey),
            "issuer_cert": .text(issuerCertificate), "cert_lifetime": .integer(lifetime),
            "dns_names": .array([.text(host)]), "extended_key_usage": .array([.text("serverAuth")]),
        ]
        return try client.send(
            .post, "/sys/v1/plugins/\(AdminClient.escaped(plugin))", body: input, doing: "issuing a certificate",
            as: String.self)
    }
}
