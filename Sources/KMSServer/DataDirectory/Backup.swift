internal import FoundationEssentials
internal import GRDB
internal import KMSModel
internal import KMSSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// `kmsd backup`: one file with everything of a data directory but the master key, whether a server works with it or not.
package struct Backup: Sendable {
    package var directory: DataDirectory
    package var file: String
    /// An existing file is replaced.
    package var overwrites = false

    package init(of directory: DataDirectory, to file: String) {
        self.directory = directory
        self.file = file
    }

    package struct Result: Sendable {
        /// In bytes.
        package var size: Int
        package var objects: Int
        package var auditRecords: Int
    }

    /// What a backup says about itself.
    struct Manifest: Codable, Sendable {
        /// Of this format.
        var version = 1
        var kmsd: String
        /// RFC 3339, UTC.
        var time: String
    }

    /// The file appears under its name when it is whole, has been checked and is on the disk.
    package func run() throws -> Result {
        try directory.checkModes()
        let place = try OutputFile.place(file, outsideOf: directory)
        guard overwrites || access(place, F_OK) != 0 else { throw exists }
        let temporary = try makeTemporary(beside: place)
        defer { for suffix in ["", "-journal", "-wal", "-shm"] { unlink(temporary + suffix) } }
        let result: Result
        do {
            result = try fill(temporary)
        } catch let error as DatabaseError {
            throw StartError("cannot write the backup \(file): \(error.reason)", error.cause)
        }
        try FileCheck.sync(file: temporary)
        try publish(temporary, as: place)
        try FileCheck.sync(directory: FileCheck.parent(of: place))
        return result
    }

    private var exists: StartError {
        StartError("\(file) exists and was not changed; name another file, or add --force", .cannotCreate)
    }

    /// Beside the file, so that it can be renamed; mode 0600.
    private func makeTemporary(beside place: String) throws(StartError) -> String {
        guard let made = TemporaryPath.makeFile(place + ".unfinished-") else { throw failure(errno) }
        close(made.descriptor)
        return made.path
    }

    private func fill(_ temporary: String) throws -> Result {
        let source = try KMSDatabase.openForReading(directory.databaseFile)
        var configuration = Configuration()
        configuration.label = "kmsd backup"
        let copy = try DatabaseQueue(path: temporary, configuration: configuration)
        // Before the database, so that nothing is missing that leaves the one for the other meanwhile.
        let journal = try LeftJournal.bytes(in: directory.path)
        // A snapshot: whoever writes meanwhile is neither in it nor held up by it.
        try source.backup(to: copy)
        try source.close()
        let manifest = Manifest(kmsd: Server.version, time: Timestamp.now.rfc3339)
        let result = try copy.writeWithoutTransaction { db in
            // One file, without a write-ahead log beside it.
            try db.execute(sql: "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL")
            try db.execute(sql: "PRAGMA application_id = \(KMSDatabase.applicationID)")
            try SettingStore.set(.backup, Array(try JSONEncoder().encode(manifest)), in: db)
            try SettingStore.set(.journal, journal, in: db)
            let problems = try String.fetchAll(db, sql: "PRAGMA integrity_check(1)").filter { $0 != "ok" }
            if let problem = problems.first {
                throw StartError("no backup was made, because the database is damaged: \(problem)", .data)
            }
            return Result(
                size: 0, objects: try Int.fetchOne(db, sql: "SELECT count(*) FROM sobject") ?? 0,
                auditRecords: try Int.fetchOne(db, sql: "SELECT count(*) FROM audit") ?? 0)
        }
        try copy.close()
        var status = stat()
        guard stat(temporary, &status) == 0 else { throw StartError(cannot: "look at \(temporary)", errno) }
        return Result(size: Int(status.st_size), objects: result.objects, auditRecords: result.auditRecords)
    }

    /// Gives the file its name; a link, other than a renaming, never replaces what is there.
    private func publish(_ temporary: String, as place: String) throws(StartError) {
        if overwrites {
            guard rename(temporary, place) == 0 else { throw failure(errno) }
            return
        }
        guard link(temporary, place) != 0 else { return }
        switch errno {
        case EEXIST: throw exists
        // File systems of memory sticks and of some networks know no links.
        case EPERM, EOPNOTSUPP, ENOSYS:
            guard access(place, F_OK) != 0 else { throw exists }
            guard rename(temporary, place) == 0 else { throw failure(errno) }
        default: throw failure(errno)
        }
    }

    private func failure(_ number: Int32) -> StartError {
        StartError(cannot: "write \(file)", number, otherwise: .cannotCreate)
    }
}
