internal import FoundationEssentials
internal import GRDB
internal import KMSSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// `kmsd restore`: a data directory from a backup and the master key.
///
/// The directory is made under another name, verified, and gets its own name when all is well.
package struct Restoration: Sendable {
    package var file: String
    package var directory: DataDirectory
    package var masterKey: MasterKeySource

    package init(of file: String, to directory: DataDirectory, masterKey: MasterKeySource) {
        self.file = file
        self.directory = directory
        self.masterKey = masterKey
    }

    package struct Result: Sendable {
        /// When the backup was made, RFC 3339.
        package var time: String
        package var verification: Verification.Result
        /// nil when the key is in a variable.
        package var masterKeyFile: String?
    }

    /// - Parameter tell: gets what the verification finds; then nothing is restored.
    package func run(tell: @escaping (String) -> Void) throws -> Result {
        try checkTarget()
        let manifest = try manifest()
        if masterKey.file == nil, masterKey.variable == nil {
            throw StartError(
                "a backup does not hold the master key; name it with --master-key-file FILE or in KMSD_MASTER_KEY",
                .noInput)
        }
        let temporary = try makeTemporary()
        do {
            var result = try fill(temporary, manifest, tell)
            guard rename(temporary.path, directory.path) == 0 else {
                throw StartError(cannot: "make \(directory.path)", errno, otherwise: .cannotCreate)
            }
            try FileCheck.sync(directory: FileCheck.parent(of: directory.path))
            result.masterKeyFile = result.masterKeyFile.map { _ in directory.masterKeyFile }
            return result
        } catch {
            try? FileManager.default.removeItem(atPath: temporary.path)
            guard let error = error as? DatabaseError else { throw error }
            throw StartError("cannot write the database: \(error.reason)", error.cause)
        }
    }

    /// What is there is never touched; an empty directory is taken.
    private func checkTarget() throws(StartError) {
        try directory.checkName()
        var status = stat()
        guard lstat(directory.path, &status) == 0 else { return }
        let isEmpty = (try? FileManager.default.contentsOfDirectory(atPath: directory.path))?.isEmpty ?? false
        guard status.st_mode & S_IFMT == S_IFDIR, isEmpty else {
            let what = status.st_mode & S_IFMT == S_IFLNK ? "a symbolic link" : "not an empty directory"
            throw StartError("\(directory.path) is \(what); nothing was changed. Name a new directory", .cannotCreate)
        }
    }

    // MARK: The backup

    private func manifest() throws -> Backup.Manifest {
        try checkHeader()
        let source = try KMSDatabase.openForReading(file, remedy: "take another backup")
        do {
            let value = try source.read { db in try SettingStore.value(.backup, in: db) }
            guard let value else {
                throw StartError(
                    "\(file) is a database of kmsd and no backup, so it may lack its latest changes; "
                        + "make one with: kmsd backup --data DIR FILE", .data)
            }
            let manifest = try JSONDecoder().decode(Backup.Manifest.self, from: Data(value))
            guard manifest.version == Backup.Manifest(kmsd: "", time: "").version else {
                throw StartError("a newer kmsd made the backup \(file); restore it with that version")
            }
            return manifest
        } catch is DecodingError {
            throw StartError("the backup \(file) is damaged: it does not say when it was made", .data)
        } catch let error as DatabaseError {
            throw StartError("the backup \(file) is damaged: \(error.reason); take another one", error.cause)
        }
    }

    /// Looks at the first bytes, so that SQLite does not have to with what is none of its files.
    private func checkHeader() throws(StartError) {
        // What is no file, such as a pipe that nobody writes to, must not hold us up.
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw StartError(cannot: "read the backup \(file)", errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StartError("\(file) is not an ordinary file; name a file that kmsd backup made", .data)
        }
        var header = [UInt8](repeating: 0, count: 100)
        let count = read(descriptor, &header, header.count)
        guard count >= 0 else { throw StartError(cannot: "read the backup \(file)", errno) }
        // SQLite's file format: magic at 0, application id at 68.
        let id = withUnsafeBytes(of: KMSDatabase.applicationID.bigEndian) { Array($0) }
        guard count == header.count, header.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw StartError("\(file) is no backup of kmsd; name a file that kmsd backup made", .data)
        }
        guard Array(header[68..<72]) == id else {
            throw StartError(
                "\(file) is an SQLite database of another program; name a file that kmsd backup made", .data)
        }
    }

    // MARK: The directory

    private func makeTemporary() throws(StartError) -> DataDirectory {
        guard let path = TemporaryPath.makeFolder(directory.path + ".unfinished-") else {
            throw StartError(cannot: "make \(directory.path)", errno, otherwise: .cannotCreate)
        }
        return DataDirectory(path)
    }

    private func fill(
        _ temporary: DataDirectory, _ manifest: Backup.Manifest, _ tell: @escaping (String) -> Void
    ) throws -> Result {
        try copyDatabase(to: temporary)
        let found = try DataStore.masterKey(of: temporary, from: masterKey)
        var isFile = false
        if case .file(let path, _) = found.place, let text = try MasterKeyFile.content(path) {
            try temporary.write(text, to: temporary.masterKeyFile, mode: 0o600)
            isFile = true
        }
        // The key itself, so that nobody is asked for its passphrase again.
        let store = try DataStore.open(temporary, masterKey: MasterKeySource(variable: found.key.text))
        let verification = try store.pool.read { db in try Verification.run(db, store.keys.engine, tell: tell) }
        guard verification.findings == 0 else {
            throw StartError("\(verification.summary) in the backup \(file); nothing was restored", .data)
        }
        let authority = try store.pool.write { db in
            try SettingStore.remove(.backup, in: db)
            if let journal = try SettingStore.value(.journal, in: db), !journal.isEmpty {
                try temporary.write(Secret(journal), to: AuditJournal.paths(in: temporary.path)[0], mode: 0o600)
            }
            try SettingStore.remove(.journal, in: db)
            try store.keys.chain.append(
                [AuditEvent(system: "Restored from a backup of \(manifest.time)")], in: db)
            return try TLSIdentityStore.find(.authority, in: db)
        }
        if let authority {
            let identity = try ServerIdentity(opening: authority, .authority, by: store.keys.engine)
            try temporary.write(Secret(try identity.pem()), to: temporary.authorityFile, mode: 0o644)
        }
        try store.pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        try store.pool.close()
        try FileCheck.sync(file: temporary.databaseFile)
        try FileCheck.sync(directory: temporary.path)
        return Result(
            time: manifest.time, verification: verification,
            masterKeyFile: isFile ? temporary.masterKeyFile : nil)
    }

    private func copyDatabase(to temporary: DataDirectory) throws {
        let source = try KMSDatabase.openForReading(file, remedy: "take another backup")
        let copy = try DatabaseQueue(path: temporary.databaseFile)
        try source.backup(to: copy)
        try copy.close()
        try source.close()
    }
}
