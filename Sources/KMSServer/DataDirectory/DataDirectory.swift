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

    func checkName() throws(StartError) {
        guard !path.isEmpty else { throw StartError("--data is empty; name a directory", .usage) }
    }

    // MARK: Making one

    /// Writes a new file, flushed to disk.
    func write(_ content: Secret, to file: String, mode: mode_t) throws(StartError) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw StartError(cannot: "write \(file)", errno, otherwise: .cannotCreate) }
        defer { close(descriptor) }
        let written = content.withBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written < 0 || written == content.count else { throw StartError(cannot: "write \(file)", ENOSPC) }
        guard written >= 0, fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
            throw StartError(cannot: "write \(file)", errno)
        }
    }

    // MARK: Opening one

    /// Refuses what is not a whole data directory, and one that others can look into. The master key is another matter,
    /// as it may be elsewhere.
    ///
    /// - Parameter canBeNew: the operator may have forgotten `kmsd init`.
    package func checkModes(canBeNew: Bool = false) throws(StartError) {
        try checkName()
        let name = "--data names a directory that kmsd init made"
        let make = canBeNew ? "make it with: kmsd init --data \(path)" : name
        // A directory of something else needs no other mode.
        let isForeign = [unfinishedFile, masterKeyFile, databaseFile].allSatisfy { (file: String) in
            access(file, F_OK) != 0 && errno == ENOENT
        }
        guard !isForeign || access(path, F_OK) != 0 else {
            // init takes an empty directory, and no other.
            let isEmpty = (try? FileManager.default.contentsOfDirectory(atPath: path))?.isEmpty ?? false
            throw StartError(
                "there is no data of kmsd in the directory \(path); \(isEmpty ? make : name)", .data)
        }
        try FileCheck.check(path, .directory, remedy: "chmod 700 \(path)", missing: make)
        guard access(unfinishedFile, F_OK) != 0 else { throw unfinished }
        let size = try FileCheck.check(
            databaseFile, .file, remedy: "chmod 600 \(databaseFile)", missing: "restore it from a backup")
        guard size > 0 else {
            throw StartError("the database \(databaseFile) is empty; restore it from a backup", .data)
        }
    }

    var unfinished: StartError {
        StartError("init did not finish in \(path); remove that directory and run kmsd init again", .data)
    }

    /// Takes the directory for this process; the lock goes with the process, however that ends.
    package func lock() throws(StartError) {
        let descriptor = open(lockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StartError(cannot: "open \(lockFile)", errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            close(descriptor)
            guard reason == EWOULDBLOCK else { throw StartError(cannot: "lock \(lockFile)", reason) }
            throw StartError("another kmsd is already running on \(path); stop it first", .unavailable)
        }
    }
}
