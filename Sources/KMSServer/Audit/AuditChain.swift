internal import Crypto
package import GRDB
internal import KMSModel
package import KMSSupport

/// The audit log's chain: each entry carries HMAC-SHA256 over the entry before it and its own JSON, and a head says how
/// far the log goes, both under a key that is sealed at rest. Who can write the database but has no master key can
/// neither change, drop nor insert entries without `kmsd verify` noticing, nor cut off the end. Only the whole database
/// can be exchanged for an older copy of itself.
package struct AuditChain: Sendable {
    /// Has taken in the key and nothing else. A copy of it begins a code, which takes a fraction of the time that OpenSSL
    /// needs for a copy.
    private let keyed: HMAC<SHA256>
    /// The head that this process wrote or checked last. What is in the database is compared with it, which costs less
    /// than reading it and checking its code.
    private let trusted = Locked<AuditHead?>(nil)

    package init(key: Secret) {
        keyed = HMAC(key: key.withBytes { SymmetricKey(data: $0) })
    }

    /// Appends the records of a command that works on a data directory without a server.
    package func append(_ events: [AuditEvent], in db: Database) throws {
        let time = Timestamp.now
        let shown = time.rfc3339
        try append(events.map { UnsettledRecord($0, at: time, shown: shown) }, through: nil, in: db)
    }

    /// Appends records inside the caller's transaction.
    ///
    /// - Parameter position: of the last one in the journal; nil: no record of the journal is among them.
    func append(_ records: [UnsettledRecord], through position: Int64?, in db: Database) throws {
        if let head = trusted.withLock({ $0 }), try append(records, position, after: head, in: db) { return }
        // A transaction that was rolled back, or the first one.
        guard let head = try AuditStore.head(in: db), isAuthentic(head),
            try append(records, position, after: head, in: db)
        else { throw KMSError(.serviceUnavailable, "The audit log was changed from outside; run kmsd verify") }
    }

    /// - Parameter old: where the log ends. Continuing from the last row instead would cover up for rows that were cut
    ///   off.
    /// - Returns: false, with nothing done, when it does not end there.
    private func append(
        _ records: [UnsettledRecord], _ position: Int64?, after old: AuditHead, in db: Database
    ) throws -> Bool {
        var head = old
        let entries = records.map { record in
            head.chain = code(head.chain, record.json)
            head.count += 1
            return AuditStore.NewEntry(record: record, chain: head.chain)
        }
        if let position { head.position = position }
        head.mac = code(head)
        guard try AuditStore.append(entries, from: old, to: head, in: db) else { return false }
        trusted.withLock { $0 = head }
        return true
    }

    /// Makes the head of a database that has none yet: a new one, or one that an older kmsd wrote last.
    func makeHead(in db: Database) throws {
        let last = try AuditStore.last(in: db)
        var head = AuditHead(count: last?.sequence ?? 0, chain: last?.chain ?? [], mac: [])
        head.mac = code(head)
        try AuditStore.makeHead(head, in: db)
    }

    package func isAuthentic(_ head: AuditHead) -> Bool { Secret(code(head)).equals(Secret(head.mac)) }

    /// Whether an entry continues the chain after the value `previous`.
    package func continues(_ previous: [UInt8], _ entry: AuditStore.Entry) -> Bool {
        code(previous, Array(entry.record.utf8)) == entry.chain
    }

    /// No link is computed over the same bytes: after 32 bytes of chain, or none, those begin with "{".
    private func code(_ head: AuditHead) -> [UInt8] {
        var message = Array("kmsd audit head".utf8)
        withUnsafeBytes(of: head.count.bigEndian) { message += $0 }
        // Not in the heads of databases that no kmsd with a journal wrote.
        if head.position > 0 { withUnsafeBytes(of: head.position.bigEndian) { message += $0 } }
        return code(message, head.chain)
    }

    private func code(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(first.count + second.count)
        message.append(contentsOf: first)
        message.append(contentsOf: second)
        return code(message)
    }

    /// In one piece, because each `update` takes as long as some hundred bytes.
    func code(_ message: [UInt8]) -> [UInt8] {
        var operation = keyed
        operation.update(data: message)
        return operation.finalize().withUnsafeBytes { Array($0) }
    }
}
