internal import FoundationEssentials
internal import Logging

/// The server certificate from the data directory, renewed by the own CA when it ends within 60 days.
struct OwnCertificate {
    let vault: Vault
    let logger: Logger

    func current() async throws -> ServerIdentity {
        let engine = vault.engine
        let (server, authority, hosts) = try await vault.pool.read { db in
            (
                try TLSIdentityStore.find(.server, in: db), try TLSIdentityStore.find(.authority, in: db),
                try SettingStore.value(.hosts, in: db)
            )
        }
        guard let server, let authority, let hosts else {
            throw StartError(
                "the data directory has no certificate for TLS; start with --tls-certificate and --tls-key")
        }
        let identity = try ServerIdentity(opening: server, .server, by: engine)
        guard identity.certificate.notValidAfter < Date.now.addingTimeInterval(60 * 86_400) else { return identity }
        let names = String(decoding: hosts, as: UTF8.self).split(separator: "\n").map(String.init)
        let renewed = try CertificateAuthority(ServerIdentity(opening: authority, .authority, by: engine))
            .issue(for: names)
        let row = try renewed.sealed(.server, by: engine)
        try await vault.pool.write { db in try TLSIdentityStore.set(.server, row, in: db) }
        logger.notice("renewed the server certificate", metadata: ["until": "\(renewed.certificate.notValidAfter)"])
        return renewed
    }
}
