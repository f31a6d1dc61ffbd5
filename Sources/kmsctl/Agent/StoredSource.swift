import KMSModel
import OpenSSLCrypto

/// Keys and certificates that the KMS keeps: security objects by name.
final class StoredSource: EntrySource {
    private let list: () throws -> [HostObjects]
    private let rules: CertificateRules
    private var objects: [String: HostObjects] = [:]
    private var withdrawals = Withdrawals()

    /// - Parameter list: asked before each pass.
    init(rules: CertificateRules, list: @escaping () throws -> [HostObjects]) {
        self.rules = rules
        self.list = list
    }

    func hosts() throws -> [String] {
        let list = try list()
        objects = Dictionary(list.map { ($0.host, $0) }) { first, _ in first }
        return list.map(\.host)
    }

    func plan(_ host: String, held: HeldEntry?, _ client: AdminClient) throws -> EntryPlan {
        guard let names = objects[host] else { throw AgentFailure(.configuration, "\(host) is not in the list") }
        do {
            let plan = try plan(names, held, client)
            withdrawals.interrupt(host)
            return plan
        } catch let failure as AgentFailure where failure.absence != nil {
            throw withdrawals.judge(failure, host, client)
        } catch {
            withdrawals.interrupt(host)
            throw error
        }
    }

    func confirm(_ host: String) { withdrawals.confirm(host) }

    private func plan(_ names: HostObjects, _ held: HeldEntry?, _ client: AdminClient) throws -> EntryPlan {
        let host = names.host
        let key = try client.usableObject(names.key)
        let others = try ([names.certificate] + names.chain).map { ($0, try client.usableObject($0)) }
        withdrawals.plan(host, Dictionary([(names.key, key)] + others) { first, _ in first })
        guard key.objType == .rsa || key.objType == .ec, let publicKey = key.pubKey, !key.publicOnly else {
            throw AgentFailure(.data, "\"\(names.key)\" is no private key", remedy: "Name the host's RSA or EC key.")
        }
        let chain = try others.flatMap { try client.certificates($1, $0, rules.context) }
        let certificate = try ServerCertificate(chain, rules: rules)
        guard certificate.isOf(publicKey: Array(publicKey)) else { throw TLSEntry.mismatch }
        try certificate.check(host: host)
        if let held, held.certificate.isSame(as: certificate) { return .keep }
        guard key.keyOps.contains(.export) else {
            throw AgentFailure(
                .refused, "\"\(names.key)\" is not exportable: its key_ops lack EXPORT",
                remedy: "Import or generate it with --exportable. Or leave it in the KMS: with the PKCS#11 module NGINX"
                    + " uses it there.")
        }
        return .replace { [rules] in
            let key = try client.exportKey(key.descriptor(names.key), rules.context)
            var entry = try TLSEntry(host: host, key: key, certificate: certificate)
            entry.advice = Self.advice(certificate, client, rules.context)
            return entry
        }
    }

    /// Clients refuse a server that does not send the intermediates. Only a root among the KMS's certificates shows that
    /// there are none.
    private static func advice(
        _ certificate: ServerCertificate, _ client: AdminClient, _ context: LibraryContext
    ) -> String? {
        let leaf = certificate.chain[0]
        guard certificate.chain.count == 1, leaf.subject != leaf.issuer else { return nil }
        let objects = (try? client.keys().filter { $0.objType == .certificate }) ?? []
        let hasRoot = objects.contains { object in
            guard let value = object.value, let root = try? Certificate(der: Array(value), in: context) else {
                return false
            }
            return root.subject == root.issuer && root.subject == leaf.issuer
        }
        guard !hasRoot else { return nil }
        return "warning: it is loaded without a chain; if an intermediate CA issued it, clients refuse it: import the"
            + " intermediate's certificate and name it with --chain (chain in the hosts file)"
    }

    /// Close to the end, more often: a renewed certificate must not come too late.
    func due(_ certificate: ServerCertificate) -> Int? {
        certificate.isNearEnd ? max(1, certificate.remaining / 4) : nil
    }
}
