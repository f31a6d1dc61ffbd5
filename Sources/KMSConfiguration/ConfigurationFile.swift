internal import KMSSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// A whole file, read at once: configuration, certificate or credential. Nothing on disk is needed afterwards.
package struct ConfigurationFile {
    package struct Failure: Error {
        /// The reason in the system's words, without the path.
        package var reason: String
        /// This user may not read it.
        package var isPermission = false
    }

    package var path: String
    package var bytes: [UInt8]
    /// Users other than owner and group may read it.
    package var isWorldReadable: Bool
    /// Users other than owner and group may change it.
    package var isWorldWritable: Bool

    /// - Parameters:
    ///   - limit: the largest size in bytes that makes sense; a bigger file is the wrong one.
    ///   - allowsPipe: read also what is no regular file, to its end. Not for the module: that may take for ever.
    package init(path: String, limit: Int = 1 << 20, allowsPipe: Bool = false) throws(Failure) {
        // O_NONBLOCK: opening a FIFO without a writer must not hang the host.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (allowsPipe ? 0 : O_NONBLOCK))
        guard descriptor >= 0 else {
            throw Failure(reason: Self.reason(errno), isPermission: errno == EACCES || errno == EPERM)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Failure(reason: Self.reason(errno)) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw Failure(reason: "is a directory") }
        let isRegular = status.st_mode & S_IFMT == S_IFREG
        guard isRegular || allowsPipe else { throw Failure(reason: "is not a regular file") }
        guard status.st_size <= limit else { throw Failure(reason: "is larger than \(limit) bytes") }
        self.path = path
        isWorldReadable = isRegular && status.st_mode & S_IROTH != 0
        isWorldWritable = isRegular && status.st_mode & S_IWOTH != 0
        bytes = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        defer { chunk.withUnsafeMutableBytes { Secret.wipe($0) } }
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure(reason: Self.reason(errno)) }
            guard count > 0 else { return }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= limit else { throw Failure(reason: "is larger than \(limit) bytes") }
        }
    }

    /// Whether something is there, readable or not.
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR)
    }

    /// What is in a folder, but for `.` and `..`; in no order.
    package static func names(inFolder path: String) throws(Failure) -> [String] {
        guard let folder = opendir(path) else {
            throw Failure(reason: Self.reason(errno), isPermission: errno == EACCES || errno == EPERM)
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private static func reason(_ code: CInt) -> String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }
}

extension [UInt8] {
    /// Where `word` first occurs. Bytes, not `String`: the haystack may be a private key, which must not be copied about.
    package func offset(of word: String) -> Int? {
        let needle = Array(word.utf8)
        guard needle.count <= count else { return nil }
        return (0...(count - needle.count)).first { self[$0..<$0 + needle.count].elementsEqual(needle) }
    }
}
