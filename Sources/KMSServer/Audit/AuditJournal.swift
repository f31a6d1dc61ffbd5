internal import FoundationEssentials
internal import GRDB
internal import KMSModel

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Where records of operations wait for the database: two files that are written in turn, so that one can be emptied
/// when all of it is in the database and on the disk, while the other goes on.
///
/// Records that are written at the same time are one line: position of the first, seconds since the epoch, HMAC, JSON of
/// each. Positions go up from record to record, also from one file to the next and over restarts; the head of the log in
/// the database says up to which one they are in it.
///
/// What a killed server wrote is here, as the operating system has it. A power cut may take the end of it.
struct AuditJournal {
    /// A file of the journal. Not `Sendable`: the one `AuditJournal` is behind the audit log's lock.
    private struct File {
        let descriptor: Int32
        var size: off_t = 0
        /// Of its last record.
        var position: Int64 = 0
    }

    static func paths(in directory: String) -> [String] {
        [directory + "/audit.journal-0", directory + "/audit.journal-1"]
    }

    private let chain: AuditChain
    private var files: [File]
    private var current = 0
    /// Of the last record.
    private(set) var position: Int64

    /// Goes on with what is left of the journal.
    ///
    /// - Throws: `StartError` when its files cannot be made or written.
    init(_ left: LeftJournal, in directory: String, chain: AuditChain) throws(StartError) {
        self.chain = chain
        position = left.position
        files = []
        for (path, size) in zip(AuditJournal.paths(in: directory), left.sizes) {
            let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0, ftruncate(descriptor, size) == 0 else {
                throw StartError(cannot: "write \(path)", errno)
            }
            files.append(File(descriptor: descriptor, size: size, position: left.position))
        }
    }

    func close() { for file in files { Glibc.close(file.descriptor) } }

    /// Writes records; when this returns they outlive the process.
    ///
    /// - Throws: `DatabaseError`, as if the database had failed, with nothing written.
    mutating func append(_ records: [UnsettledRecord], at time: Timestamp) throws {
        let line = chain.journalLine(records, position + 1, at: time)
        let file = files[current]
        let written = line.withUnsafeBytes { write(file.descriptor, $0.baseAddress, $0.count) }
        guard written == line.count else {
            let number = written < 0 ? errno : ENOSPC
            ftruncate(file.descriptor, file.size)
            throw DatabaseError(resultCode: AuditJournal.resultCode(number), message: "cannot write the audit journal")
        }
        position += Int64(records.count)
        files[current].size += off_t(written)
        files[current].position = position
    }

    /// Writes to the other file from now on, if that is empty.
    mutating func turn() {
        if files[1 - current].size == 0 { current = 1 - current }
    }

    /// Empties the files in which nothing is newer than what is in the database and on the disk.
    mutating func empty(through position: Int64) {
        for index in files.indices where files[index].size > 0 && files[index].position <= position {
            if ftruncate(files[index].descriptor, 0) == 0 { files[index].size = 0 }
        }
    }

    private static func resultCode(_ number: Int32) -> ResultCode {
        switch number {
        case ENOSPC, EDQUOT: .SQLITE_FULL
        case EROFS, EACCES, EPERM: .SQLITE_READONLY
        default: .SQLITE_IOERR
        }
    }
}

/// What a server that ended left in the files of the journal.
struct LeftJournal {
    /// Records that the database does not have, in their order, and the position of the last one.
    private(set) var records: [UnsettledRecord] = []
    private(set) var position: Int64
    /// Lines that are no records of this log. A power cut may leave some at the end of a file.
    private(set) var damaged = 0
    /// Of each file, in bytes, without what comes after the last end of a line: that was never answered.
    private(set) var sizes: [off_t] = []

    /// - Throws: `StartError` when there are files that cannot be read.
    init(in directory: String, _ chain: AuditChain, after position: Int64) throws(StartError) {
        self.position = position
        var found: [Int64: UnsettledRecord] = [:]
        for path in AuditJournal.paths(in: directory) {
            let bytes = try LeftJournal.bytes(path)
            let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            sizes.append(off_t(end))
            for line in bytes[..<end].split(separator: UInt8(ascii: "\n")) {
                if let (first, records) = chain.journalRecords(line) {
                    for (position, record) in zip(first..., records) { found[position] = record }
                } else {
                    damaged += 1
                }
            }
        }
        for (position, record) in found.sorted(by: { $0.key < $1.key }) where position > self.position {
            self.position = position
            records.append(record)
        }
    }

    /// For `kmsd verify`; nil when all is well.
    var finding: String? {
        guard damaged > 0 else { return nil }
        let lines = damaged == 1 ? "1 line is" : "\(damaged) lines are"
        return "audit journal: \(lines) not kmsd's; a power cut may have damaged the end, or somebody wrote there"
    }

    /// For the log, where lines of the journal are lost.
    var event: AuditEvent? {
        guard damaged > 0 else { return nil }
        var event = AuditEvent(system: "The audit log's journal was damaged: \(damaged) of its lines are lost")
        event.severity = .error
        return event
    }

    /// Everything in the files.
    static func bytes(in directory: String) throws(StartError) -> [UInt8] {
        var all: [UInt8] = []
        for path in AuditJournal.paths(in: directory) { all += try bytes(path) }
        return all
    }

    private static func bytes(_ path: String) throws(StartError) -> [UInt8] {
        guard access(path, F_OK) == 0 else { return [] }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw StartError(cannot: "read \(path)", errno)
        }
        return Array(data)
    }
}
