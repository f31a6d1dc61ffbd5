internal import FoundationEssentials
internal import GRDB
internal import KMSSupport
internal import OpenSSLCrypto

/// The credentials of apps: each opens, and its hash, which decides about logins, is that of the secret.
struct AppCheck {
    let engine: CryptoEngine
    let findings: Findings

    /// - Returns: how many there are.
    func run(in db: Database) throws -> Int {
        var count = 0
        let rows = try Row.fetchCursor(
            db, sql: "SELECT app_id, name, secret_hash, sealed_secret FROM app ORDER BY app_id")
        while let row = try rows.next() {
            count += 1
            let id: String = row["app_id"]
            let label = "app \(id) \((row["name"] as String).quoted)"
            guard let secret = try? engine.open(Array(row["sealed_secret"] as Data), as: .appSecret(id: id)) else {
                findings.add("\(label): its secret does not open under the master key")
                continue
            }
            let hash = try secret.withBytes { try Digest.hash(Data($0), .sha256, in: engine.context) }
            if !Secret(hash).equals(Secret(Array(row["secret_hash"] as Data))) {
                findings.add("\(label): the hash for logins is not that of its secret")
            }
        }
        return count
    }
}
