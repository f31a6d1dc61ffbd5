internal import FoundationEssentials
internal import KMSSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The directory that holds everything of a kmsd: database, master key, the CA certificate for clients.
package struct DataDirectory: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path }

    package var masterKeyFile: String { path + "/master.key" }
    package var databaseFile: String { path + "/kmsd.sqlite" }
    package var authorityFile: String { path + "/ca.pem" }
    /// There while `kmsd init` fills the directory; stays when that is killed.
    var unfinishedFile: String { path + "/init.unfinished" }
    var lockFile: String { path + "/kmsd.lock" }

    // MARK: Making one

    /// Writes a new file, flushed to disk.
    func write(_ content: Secret, to file: String, mode: mode_t) throws(StartError) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw StartError("cannot write \(file): \(text(errno))") }
        defer { close(descriptor) }
        let written = content.withBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written < 0 || written == content.count else {
            throw StartError("cannot write \(file): \(text(ENOSPC))")
        }
        guard written >= 0, fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
            throw StartError("cannot write \(file): \(text(errno))")
        }
    }

    // MARK: Opening one

    /// Refuses what is not a whole data directory, and one that others can look into.
    package func checkModes() throws(StartError) {
        let make = "make it with: kmsd init --data \(path)"
        try check(path, .directory, remedy: "chmod 700 \(path)", missing: make)
        guard access(unfinishedFile, F_OK) != 0 else { throw unfinished }
        guard access(masterKeyFile, F_OK) == 0 || access(databaseFile, F_OK) == 0 else {
            throw StartError("there is no data in the directory \(path); \(make)")
        }
        try check(
            masterKeyFile, .file, remedy: "chmod 600 \(masterKeyFile)",
            missing: "put the master key of this data directory back; without it nothing in it can be read")
        let size = try check(
            databaseFile, .file, remedy: "chmod 600 \(databaseFile)", missing: "restore it from a backup")
        guard size > 0 else { throw StartError("the database \(databaseFile) is empty; restore it from a backup") }
    }

    var unfinished: StartError {
        StartError("init did not finish in \(path); remove that directory and run kmsd init again")
    }

    /// Takes the directory for this process; the lock goes with the process, however that ends.
    package func lock() throws(StartError) {
        let descriptor = open(lockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StartError("cannot open \(lockFile): \(text(errno))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            close(descriptor)
            guard reason == EWOULDBLOCK else { throw StartError("cannot lock \(lockFile): \(text(reason))") }
            throw StartError("another kmsd is already running on \(path); stop it first")
        }
    }

    package func masterKey() throws(StartError) -> MasterKey {
        guard var bytes = (try? Data(contentsOf: URL(filePath: masterKeyFile))).map({ Array($0) }) else {
            throw StartError("cannot read the master key \(masterKeyFile)")
        }
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        guard let key = MasterKey(text: bytes) else {
            throw StartError("the master key \(masterKeyFile) is damaged: expected 64 hexadecimal digits")
        }
        return key
    }

    private enum Kind {
        case directory, file
    }

    /// - Returns: size in bytes.
    @discardableResult
    private func check(_ file: String, _ kind: Kind, remedy: String, missing: String) throws(StartError) -> Int {
        var status = stat()
        guard stat(file, &status) == 0 else {
            let reason = errno
            guard reason == ENOENT else { throw StartError("cannot look at \(file): \(text(reason))") }
            throw StartError("\(file) does not exist; \(missing)")
        }
        switch (kind, status.st_mode & S_IFMT) {
        case (.directory, S_IFDIR), (.file, S_IFREG): break
        case (.directory, _): throw StartError("\(file) is not a directory; --data names the one made by kmsd init")
        case (.file, _): throw StartError("\(file) is not an ordinary file; \(missing)")
        }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw StartError("\(file) is accessible to other users (mode \(mode)); run: \(remedy)")
        }
        return Int(status.st_size)
    }
}

/// Why kmsd does not start: one sentence with cause and remedy.
package struct StartError: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

private func text(_ number: Int32) -> String { String(cString: strerror(number)) }
