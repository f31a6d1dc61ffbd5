import Glibc
import KMSSupport

/// A secret goes to a file for its owner only (0600), complete or not there at all: written beside its place and
/// renamed. Into what is there and no regular file, a device or a pipe, it is written as it is.
enum PrivateFile {
    /// What a path leads to.
    enum Place: Equatable {
        /// A regular file, or nothing yet; the path without symbolic links at its end.
        case file(String)
        case stream
        /// Standard output or standard error, by the name that /dev or /proc has for it: even a file behind it is the
        /// caller's to place.
        case standard(CInt)
    }

    /// - Throws: `.input` for a folder, and for what is no place for a secret.
    static func place(of path: String) throws -> Place {
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT else { throw failure(path) }
            return .file(try afterLinks(path))
        }
        if isDevicePath(path), let descriptor = standardStream(status) { return .standard(descriptor) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file(try afterLinks(path))
        case S_IFCHR, S_IFIFO: return .stream
        case S_IFDIR: throw CommandFailure(.input, "cannot write \(path): it is a folder", remedy: "Name a file in it.")
        default:
            throw CommandFailure(
                .input, "cannot write \(path): it is neither a file nor a pipe nor a terminal", remedy: "Name a file.")
        }
    }

    /// Before something is done that cannot be taken back: whether `write` has a chance.
    static func checkPlace(_ path: String) throws {
        guard case .file(let file) = try place(of: path) else { return }
        guard access(folder(of: file), W_OK | X_OK) == 0 else { throw failure(path) }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        switch try place(of: path) {
        case .file(let file):
            try replace(file, with: bytes)
        case .standard(let descriptor):
            guard writeAll(bytes, to: descriptor) else { throw failure(path) }
        case .stream:
            let descriptor = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC)
            guard descriptor >= 0 else { throw failure(path) }
            defer { close(descriptor) }
            guard writeAll(bytes, to: descriptor) else { throw failure(path) }
        }
    }

    /// Removes a file of ours; what is no regular file stays.
    ///
    /// - Returns: whether there was one.
    static func remove(_ path: String) throws -> Bool {
        guard exists(path), case .file(let file) = try place(of: path) else { return false }
        guard unlink(file) == 0 else {
            throw CommandFailure(.input, "cannot remove \(path): \(String(cString: strerror(errno)))")
        }
        return true
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 || errno != ENOENT
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

    private static func replace(_ path: String, with bytes: [UInt8]) throws {
        guard let (temporary, descriptor) = TemporaryPath.makeFile("\(path).") else { throw failure(path) }
        do {
            defer { close(descriptor) }
            guard fchmod(descriptor, 0o600) == 0, writeAll(bytes, to: descriptor), fsync(descriptor) == 0,
                rename(temporary, path) == 0
            else { throw failure(path) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// false: see errno.
    static func writeAll(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
        bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    }

    static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        return true
    }

    // MARK: - Paths

    /// The path with the symbolic links at its end followed, also when the last one leads to nothing yet. At most 40 of
    /// them, as for the kernel.
    private static func afterLinks(_ path: String) throws -> String {
        var path = path
        for _ in 0..<40 {
            guard let target = link(path) else { return path }
            path = target.hasPrefix("/") ? target : folder(of: path) + "/" + target
        }
        errno = ELOOP
        throw failure(path)
    }

    /// What a symbolic link says; nil: it is none.
    static func link(_ path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map { readlink(path, $0, buffer.count) } ?? -1
        }
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func isDevicePath(_ path: String) -> Bool { path.hasPrefix("/dev/") || path.hasPrefix("/proc/") }

    private static func standardStream(_ status: stat) -> CInt? {
        [STDOUT_FILENO, STDERR_FILENO].first { descriptor in
            var own = stat()
            return fstat(descriptor, &own) == 0 && own.st_dev == status.st_dev && own.st_ino == status.st_ino
        }
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure(
            .input, "cannot write \(path): \(String(cString: strerror(errno)))",
            remedy: errno == ENOENT ? "Make the folder that it shall be in first." : nil)
    }
}
