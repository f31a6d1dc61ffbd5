/// How far the audit log goes: the number of its records and the last chain value, authenticated under the chain's key.
/// Updated with each append, in the same transaction.
package struct AuditHead: Sendable, Equatable {
    package var count: Int64
    /// Empty before the first record.
    package var chain: [UInt8]
    /// In the journal: up to this record of it, they are in the log. 0 in a database that no kmsd with a journal wrote.
    package var position: Int64 = 0
    package var mac: [UInt8]
}
