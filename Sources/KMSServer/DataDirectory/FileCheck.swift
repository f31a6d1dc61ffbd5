#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Looks at files and directories that nobody else may look into.
enum FileCheck {
    enum Kind {
        case directory, file
    }

    /// - Parameters:
    ///   - remedy: a command that makes the mode right.
    ///   - missing: what to do when it is not there.
    /// - Returns: size in bytes.
    @discardableResult
    static func check(_ file: String, _ kind: Kind, remedy: String, missing: String) throws(StartError) -> Int {
        var status = stat()
        guard stat(file, &status) == 0 else {
            let reason = errno
            guard reason == ENOENT else { throw StartError(cannot: "look at \(file)", reason) }
            throw StartError("\(file) does not exist; \(missing)", .noInput)
        }
        switch (kind, status.st_mode & S_IFMT) {
        case (.directory, S_IFDIR), (.file, S_IFREG): break
        case (.directory, _):
            throw StartError("\(file) is not a directory; --data names the one made by kmsd init", .data)
        case (.file, _): throw StartError("\(file) is not an ordinary file; \(missing)", .data)
        }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw StartError("\(file) is accessible to other users (mode \(mode)); run: \(remedy)", .permission)
        }
        return Int(status.st_size)
    }

    /// Flushes a directory, so that a name that was made or changed in it survives a power cut.
    static func sync(directory: String) throws(StartError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StartError(cannot: "open \(directory)", errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StartError(cannot: "flush \(directory)", errno) }
    }

    /// Flushes what was written to a file.
    static func sync(file: String) throws(StartError) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StartError(cannot: "open \(file)", errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StartError(cannot: "flush \(file)", errno) }
    }

    /// The directory that a path is in.
    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
