internal import GRDB
internal import X509

/// The certificates of the server's own TLS: each belongs to its sealed key.
struct TLSKeyCheck {
    let engine: CryptoEngine
    let findings: Findings

    /// - Returns: how many there are.
    func run(in db: Database) throws -> Int {
        var count = 0
        for name in [TLSIdentityStore.Name.authority, .server] {
            guard let row = try TLSIdentityStore.find(name, in: db) else {
                findings.add("TLS key \(name.rawValue): it is missing")
                continue
            }
            count += 1
            do {
                let identity = try ServerIdentity(opening: row, name, by: engine)
                if identity.certificate.publicKey != Certificate.PublicKey(identity.key.publicKey) {
                    findings.add("TLS key \(name.rawValue): it does not belong to its certificate")
                }
            } catch {
                findings.add("TLS key \(name.rawValue): key or certificate was changed (\(error))")
            }
        }
        return count
    }
}
