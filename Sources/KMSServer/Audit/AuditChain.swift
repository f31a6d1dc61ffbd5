package import GRDB
internal import KMSModel
package import KMSSupport
package import OpenSSLCrypto

/// The audit log's chain: each entry carries HMAC-SHA256 over the entry before it and its own JSON, and a head says how
/// far the log goes, both under a key that is sealed at rest. Who can write the database but has no master key can
/// neither change, drop nor insert entries without `kmsd verify` noticing, nor cut off the end. Only the whole database
/// can be exchanged for an older copy of itself.
package struct AuditChain: Sendable {
    private let key: HMACKey
    /// The head that this process wrote or checked last. What is in the database is compared with it, which costs less
    /// than checking the code.
    private let trusted = Locked<AuditHead?>(nil)

    package init(key: Secret, in context: LibraryContext) throws(CryptoError) {
        self.key = try HMACKey(key, in: context)
    }

    /// Appends inside the caller's transaction, so that the record and what it tells of are stored together or not at
    /// all.
    package func append(_ events: [AuditEvent], in db: Database) throws {
        var head = try checkedHead(in: db)
        let time = Timestamp.now
        let shown = time.rfc3339
        for event in events {
            let record = event.record(at: shown)
            let json = record.json
            head.chain = try key.code(head.chain, json)
            head.count += 1
            try AuditStore.append(
                record, sequence: head.count, json: String(decoding: json, as: UTF8.self), time: time,
                chain: head.chain, in: db)
        }
        head.mac = try code(head)
        try AuditStore.setHead(head, in: db)
        trusted.withLock { $0 = head }
    }

    /// Where the next record goes. Continuing from the last row instead would cover up for rows that were cut off.
    ///
    /// - Throws: `KMSError` 503 when somebody else than kmsd wrote the head.
    private func checkedHead(in db: Database) throws -> AuditHead {
        let head = try AuditStore.head(in: db)
        guard let head, try head == trusted.withLock({ $0 }) || isAuthentic(head) else {
            throw KMSError(.serviceUnavailable, "The audit log was changed from outside; run kmsd verify")
        }
        return head
    }

    /// Makes the head of a database that has none yet: a new one, or one that an older kmsd wrote last.
    func makeHead(in db: Database) throws {
        let last = try AuditStore.last(in: db)
        var head = AuditHead(count: last?.sequence ?? 0, chain: last?.chain ?? [], mac: [])
        head.mac = try code(head)
        try AuditStore.setHead(head, in: db)
    }

    package func isAuthentic(_ head: AuditHead) throws -> Bool { try Secret(code(head)).equals(Secret(head.mac)) }

    /// Whether an entry continues the chain after the value `previous`.
    package func continues(_ previous: [UInt8], _ entry: AuditStore.Entry) throws -> Bool {
        try key.code(previous, Array(entry.record.utf8)) == entry.chain
    }

    /// No link is computed over the same bytes: after 32 bytes of chain, or none, those begin with "{".
    private func code(_ head: AuditHead) throws -> [UInt8] {
        var message = Array("kmsd audit head".utf8)
        withUnsafeBytes(of: head.count.bigEndian) { message += $0 }
        return try key.code(message, head.chain)
    }
}
