internal import FoundationEssentials
package import GRDB
internal import KMSModel
internal import KMSSupport
package import OpenSSLCrypto

/// The audit log's chain: each entry carries HMAC-SHA256 over the entry before it and its own JSON, under a key derived
/// from the master key. Who can write the database but has no master key can neither change, drop nor insert entries
/// without `verify` noticing, except for cutting off the end.
package struct AuditChain: Sendable {
    private let key: Secret
    private let context: LibraryContext

    package init(masterKey: MasterKey, in context: LibraryContext) throws(CryptoError) {
        key = try masterKey.auditKey(in: context)
        self.context = context
    }

    /// Appends inside the caller's transaction, so that the record and what it tells of are stored together or not at
    /// all.
    package func append(_ events: [AuditEvent], in db: Database) throws {
        var previous = try AuditStore.lastChain(in: db) ?? []
        for event in events {
            let time = Timestamp.now
            let record = event.record(at: time)
            let json = try encode(record)
            previous = try link(previous, json)
            try AuditStore.append(record, json: json, time: time, chain: previous, in: db)
        }
    }

    /// The sequence number of the first entry that does not continue the chain; nil when all do.
    package func firstBroken(in db: Database) throws -> Int64? {
        var previous: [UInt8] = []
        var expected: Int64 = 1
        var broken: Int64?
        try AuditStore.forEach(in: db) { entry in
            guard broken == nil else { return }
            previous = try link(previous, entry.record)
            if previous != entry.chain || entry.sequence != expected { broken = entry.sequence }
            expected += 1
        }
        return broken
    }

    private func link(_ previous: [UInt8], _ json: String) throws -> [UInt8] {
        try MessageAuthentication.hmacSHA256(key, previous + Array(json.utf8), in: context)
    }

    private func encode(_ record: AuditRecord) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(record), as: UTF8.self)
    }
}
