import Glibc

/// A file for its owner only (0600), complete or not there at all: written beside its place and renamed.
enum PrivateFile {
    static func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = "\(path).\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        do {
            defer { close(descriptor) }
            // The mode that open got was reduced by the umask, which may be odd.
            guard fchmod(descriptor, 0o600) == 0 else { throw failure(path) }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure(path) }
                rest = rest.dropFirst(count)
            }
            guard fsync(descriptor) == 0, rename(temporary, path) == 0 else { throw failure(path) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Makes the missing folders on the way, each for its owner only.
    static func makeFolder(of path: String) throws {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true).dropLast()
        var folder = path.hasPrefix("/") ? "" : "."
        for part in parts {
            folder += "/" + part
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw failure(folder) }
        }
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure(.input, "cannot write \(path): \(String(cString: strerror(errno)))")
    }
}
