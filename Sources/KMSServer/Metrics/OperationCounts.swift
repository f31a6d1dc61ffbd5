internal import KMSSupport

/// Cryptographic operations by kind and algorithm. Both come from tables of this program, never from a request, so that
/// there are only so many.
package final class OperationCounts: Sendable {
    package struct Name: Hashable, Sendable {
        package var operation: String
        package var algorithm: String
    }

    /// Several, so that threads seldom wait for one another.
    private let shards = (0..<8).map { _ in Locked([Name: UInt64]()) }
    private let turn = Counter()

    package init() {}

    /// - Parameter verb: as in the audit log.
    package func count(_ verb: String, _ algorithm: String) {
        let name = Name(operation: OperationCounts.operation(verb), algorithm: algorithm)
        turn.add()
        shards[Int(turn.value % UInt64(shards.count))].withLock { $0[name, default: 0] &+= 1 }
    }

    package var all: [(name: Name, count: UInt64)] {
        var sums: [Name: UInt64] = [:]
        for shard in shards { sums.merge(shard.withLock { $0 }) { $0 &+ $1 } }
        return sums.map { (name: $0.key, count: $0.value) }
            .sorted { ($0.name.operation, $0.name.algorithm) < ($1.name.operation, $1.name.algorithm) }
    }

    private static func operation(_ verb: String) -> String {
        switch verb {
        case "signed with": "sign"
        case "verified a signature with": "verify"
        case "made a MAC with": "mac"
        case "verified a MAC with": "mac_verify"
        case "encrypted with", "encrypted in parts with": "encrypt"
        case "decrypted with", "decrypted in parts with": "decrypt"
        case "began to encrypt with": "encrypt_init"
        case "began to decrypt with": "decrypt_init"
        default: "other"
        }
    }
}
