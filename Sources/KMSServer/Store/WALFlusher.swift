package import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Flushes SQLite's write-ahead log to the disk from beside SQLite, so that no writer waits for it.
///
/// The commits in the log are whole without it; the flush only decides whether they survive a power cut. Opening the
/// file next to SQLite does no harm: SQLite's locks are on the other files.
package struct WALFlusher: Sendable {
    private let path: String
    private let blocking: NIOThreadPool
    private let storage: StorageHealth

    package init(database: String, blocking: NIOThreadPool, storage: StorageHealth) {
        path = database + "-wal"
        self.blocking = blocking
        self.storage = storage
    }

    /// - Returns: whether everything that was committed before is on the disk.
    package func flush() async -> Bool {
        // 0: it worked.
        let result = try? await blocking.runIfActive { [path] () -> Int32 in
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return errno == ENOENT ? 0 : errno }
            defer { close(descriptor) }
            return fdatasync(descriptor) == 0 ? 0 : errno
        }
        guard let number = result else { return false }
        guard number != 0 else { return true }
        storage.failed(.storageUnreachable, "cannot flush the audit log: \(String(cString: strerror(number)))")
        return false
    }
}
