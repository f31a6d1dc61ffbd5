package import GRDB
internal import KMSModel
internal import KMSSupport
package import OpenSSLCrypto

/// The audit log's chain: each entry carries HMAC-SHA256 over the entry before it and its own JSON, under a key derived
/// from the master key. Who can write the database but has no master key can neither change, drop nor insert entries
/// without `verify` noticing, except for cutting off the end.
package struct AuditChain: Sendable {
    private let key: HMACKey

    package init(masterKey: MasterKey, in context: LibraryContext) throws(CryptoError) {
        key = try HMACKey(try masterKey.auditKey(in: context), in: context)
    }

    /// Appends inside the caller's transaction, so that the record and what it tells of are stored together or not at
    /// all.
    package func append(_ events: [AuditEvent], in db: Database) throws {
        var previous = try AuditStore.lastChain(in: db) ?? []
        let time = Timestamp.now
        let shown = time.rfc3339
        for event in events {
            let record = event.record(at: shown)
            let json = record.json
            previous = try link(previous, json)
            try AuditStore.append(
                record, json: String(decoding: json, as: UTF8.self), time: time, chain: previous, in: db)
        }
    }

    /// The sequence number of the first entry that does not continue the chain; nil when all do.
    package func firstBroken(in db: Database) throws -> Int64? {
        var previous: [UInt8] = []
        var expected: Int64 = 1
        var broken: Int64?
        try AuditStore.forEach(in: db) { entry in
            guard broken == nil else { return }
            previous = try link(previous, Array(entry.record.utf8))
            if previous != entry.chain || entry.sequence != expected { broken = entry.sequence }
            expected += 1
        }
        return broken
    }

    private func link(_ previous: [UInt8], _ json: [UInt8]) throws -> [UInt8] {
        try key.code(previous, json)
    }
}
