internal import KMSModel
internal import KMSSupport

/// The lines of the journal, which carry a code under the chain's key: nobody else can add to the log through it.
///
/// A line holds one record or several that were written at the same time, with tabs between them: in JSON a tab is
/// escaped.
extension AuditChain {
    private static var tab: UInt8 { UInt8(ascii: "\t") }

    /// - Parameter position: of the first record.
    func journalLine(_ records: [UnsettledRecord], _ position: Int64, at time: Timestamp) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(records.reduce(0) { $0 + $1.json.count + 1 })
        for record in records {
            if !content.isEmpty { content.append(AuditChain.tab) }
            content.append(contentsOf: record.json)
        }
        var line = Array("\(position) \(time.seconds) ".utf8)
        line.reserveCapacity(content.count + 128)
        line.append(contentsOf: Hex.encode(journalCode(position, time.seconds, content)))
        line.append(UInt8(ascii: " "))
        line.append(contentsOf: content)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// The records of a line and the position of the first one; nil for what is no line of this log's journal.
    func journalRecords(_ line: ArraySlice<UInt8>) -> (position: Int64, records: [UnsettledRecord])? {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let position = Int64(String(decoding: parts[0], as: UTF8.self)),
            let seconds = Int64(String(decoding: parts[1], as: UTF8.self)),
            Secret(Hex.encode(journalCode(position, seconds, Array(parts[3])))).equals(Secret(Array(parts[2])))
        else { return nil }
        let texts = parts[3].split(separator: AuditChain.tab, omittingEmptySubsequences: false)
        let records = texts.compactMap { UnsettledRecord(json: Array($0), at: Timestamp(seconds: seconds)) }
        return records.count == texts.count ? (position, records) : nil
    }

    /// Neither a link of the chain nor the head's code is computed over the same bytes.
    private func journalCode(_ position: Int64, _ seconds: Int64, _ content: [UInt8]) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(content.count + 64)
        message.append(contentsOf: "kmsd audit journal".utf8)
        withUnsafeBytes(of: position.bigEndian) { message.append(contentsOf: $0) }
        withUnsafeBytes(of: seconds.bigEndian) { message.append(contentsOf: $0) }
        message.append(contentsOf: content)
        return code(message)
    }
}
