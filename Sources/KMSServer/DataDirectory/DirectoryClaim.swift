internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// A directory that this process's `kmsd init` fills: no other one does meanwhile, and when the process ends early a
/// marker tells so.
struct DirectoryClaim {
    private let directory: DataDirectory
    /// The locked directory itself; the lock goes with the process, however that ends.
    private let descriptor: Int32
    private let isOurs: Bool

    /// Makes the directory, or takes an empty one that exists, with mode 0700.
    ///
    /// - Throws: `StartError` when there is something in it or another init is at work; nothing is touched then.
    init(_ directory: DataDirectory) throws(StartError) {
        self.directory = directory
        let path = directory.path
        isOurs = mkdir(path, 0o700) == 0
        guard isOurs || errno == EEXIST else { throw failure("make the directory", path) }
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOTDIR else { throw failure("open the directory", path) }
            throw StartError("\(path) is not a directory; nothing was changed. Name a new directory", .cannotCreate)
        }
        do throws(StartError) {
            try take()
        } catch {
            close(descriptor)
            throw error
        }
    }

    private func take() throws(StartError) {
        let path = directory.path
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw failure("lock", path) }
            throw StartError("another kmsd init is at work in \(path); nothing was changed", .unavailable)
        }
        guard let entries = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw StartError("cannot list the directory \(path)", .permission)
        }
        if entries.contains(where: { directory.unfinishedFile == path + "/" + $0 }) { throw directory.unfinished }
        guard entries.isEmpty else {
            throw StartError(
                "\(path) is not empty; nothing was changed. Name a new directory, or remove that one", .cannotCreate)
        }
        guard fchmod(descriptor, 0o700) == 0 else { throw failure("set the mode of", path) }
        let marker = open(directory.unfinishedFile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard marker >= 0 else { throw failure("write", directory.unfinishedFile) }
        close(marker)
    }

    /// All is written.
    func finish() throws(StartError) {
        guard unlink(directory.unfinishedFile) == 0 else { throw failure("remove", directory.unfinishedFile) }
        fsync(descriptor)
        close(descriptor)
    }

    /// Removes what was written, and the directory if it was made here.
    func discard() {
        for file in [
            directory.masterKeyFile, directory.databaseFile, directory.databaseFile + "-wal",
            directory.databaseFile + "-shm", directory.authorityFile, directory.unfinishedFile,
        ] {
            unlink(file)
        }
        if isOurs { rmdir(directory.path) }
        close(descriptor)
    }
}

private func failure(_ what: String, _ path: String) -> StartError {
    StartError(cannot: "\(what) \(path)", errno, otherwise: .cannotCreate)
}
