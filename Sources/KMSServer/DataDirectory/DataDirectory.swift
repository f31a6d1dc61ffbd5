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
    private var lockFile: String { path + "/kmsd.lock" }

    // MARK: Making one

    /// Makes the directory, or takes an empty one that exists, with mode 0700.
    ///
    /// - Throws: `StartError` when there is something in it; nothing is touched then.
    package func create() throws(StartError) {
        if mkdir(path, 0o700) != 0 {
            let reason = errno
            guard reason == EEXIST else { throw StartError("cannot make the directory \(path): \(text(reason))") }
            guard let entries = try? FileManager.default.contentsOfDirectory(atPath: path) else {
                throw StartError("\(path) exists and is not a directory that can be read")
            }
            guard entries.isEmpty else {
                throw StartError("\(path) is not empty; nothing was changed. Name a new directory, or remove that one")
            }
        }
        guard chmod(path, 0o700) == 0 else { throw StartError("cannot set the mode of \(path): \(text(errno))") }
    }

    /// After a failed `create` and whatever followed it: removes our own files.
    package func discard() {
        for file in [
            masterKeyFile, databaseFile, databaseFile + "-wal", databaseFile + "-shm", authorityFile, lockFile,
        ] {
            unlink(file)
        }
        rmdir(path)
    }

    /// Writes a new file, flushed to disk.
    func write(_ content: Secret, to file: String, mode: mode_t) throws(StartError) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw StartError("cannot write \(file): \(text(errno))") }
        defer { close(descriptor) }
        let written = content.withBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == content.count, fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
            throw StartError("cannot write \(file): \(text(errno))")
        }
    }

    // MARK: Opening one

    /// Refuses a directory or master key that others can look into.
    package func checkModes() throws(StartError) {
        try checkMode(path, remedy: "chmod 700 \(path)", missing: "make it with: kmsd init --data \(path)")
        try checkMode(
            masterKeyFile, remedy: "chmod 600 \(masterKeyFile)",
            missing: "put the master key of this data directory back; without it nothing in it can be read")
        try checkMode(
            databaseFile, remedy: "chmod 600 \(databaseFile)", missing: "make one with: kmsd init --data \(path)")
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

    private func checkMode(_ file: String, remedy: String, missing: String) throws(StartError) {
        var status = stat()
        guard stat(file, &status) == 0 else {
            let reason = errno
            guard reason == ENOENT else { throw StartError("cannot look at \(file): \(text(reason))") }
            throw StartError("\(file) does not exist; \(missing)")
        }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw StartError("\(file) is accessible to other users (mode \(mode)); run: \(remedy)")
        }
    }
}

/// Why kmsd does not start: one sentence with cause and remedy.
package struct StartError: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

private func text(_ number: Int32) -> String { String(cString: strerror(number)) }
