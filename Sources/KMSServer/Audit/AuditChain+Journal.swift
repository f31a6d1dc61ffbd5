internal import KMSModel
internal import KMSSupport

/// The lines of the journal, which carry a code under the chain's key: nobody else can add to the log through it.
extension AuditChain {
    func journalLine(_ record: UnsettledRecord, _ position: Int64) -> [UInt8] {
        let code = Hex.text(journalCode(position, record.time.seconds, record.json))
        var line: [UInt8] = []
        line.reserveCapacity(record.json.count + 128)
        line.append(contentsOf: "\(position) \(record.time.seconds) \(code) ".utf8)
        line.append(contentsOf: record.json)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// nil for what is no line of this log's journal.
    func journalRecord(_ line: ArraySlice<UInt8>) -> (position: Int64, UnsettledRecord)? {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let position = Int64(String(decoding: parts[0], as: UTF8.self)),
            let seconds = Int64(String(decoding: parts[1], as: UTF8.self)),
            Secret(Hex.encode(journalCode(position, seconds, Array(parts[3])))).equals(Secret(Array(parts[2])))
        else { return nil }
        return UnsettledRecord(json: Array(parts[3]), at: Timestamp(seconds: seconds)).map { (position, $0) }
    }

    /// Neither a link of the chain nor the head's code is computed over the same bytes.
    private func journalCode(_ position: Int64, _ seconds: Int64, _ json: [UInt8]) -> [UInt8] {
        var message = Array("kmsd audit journal".utf8)
        withUnsafeBytes(of: position.bigEndian) { message += $0 }
        withUnsafeBytes(of: seconds.bigEndian) { message += $0 }
        return code(message, json)
    }
}
