package import KMSSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Files of the operator's that hold a secret and nothing else.
package enum SecretFile {
    /// In bytes. A longer file is another one.
    private static var limit: Int { 65_536 }

    /// The file without its line end.
    ///
    /// - Parameter what: "passphrase", for messages.
    /// - Throws: `StartError` when it cannot be read, others can read it, or it is empty or too long.
    package static func line(_ file: String, what: String) throws(StartError) -> Secret {
        let content = try content(file, what: what)
        let count = content.withBytes { bytes in
            bytes.lastIndex { $0 != 0x0A && $0 != 0x0D }.map { $0 - bytes.startIndex + 1 } ?? 0
        }
        guard count > 0 else {
            throw StartError("the \(what) file \(file) is empty; write the \(what) into it, as one line", .data)
        }
        return content.withBytes { Secret(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// The file as it is. A pipe, such as `<(…)` of a shell, is read to its end.
    static func content(_ file: String, what: String) throws(StartError) -> Secret {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StartError(cannot: "read the \(what) file \(file)", errno) }
        defer { close(descriptor) }
        try check(descriptor, file, what)
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw StartError(cannot: "read the \(what) file \(file)", errno) }
            guard got > 0 else { return Secret(bytes[..<count]) }
            count += got
        }
        throw StartError(
            "the \(what) file \(file) has more than \(limit) bytes; name the file that holds the \(what) alone", .data)
    }

    private static func check(_ descriptor: Int32, _ file: String, _ what: String) throws(StartError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StartError(cannot: "look at \(file)", errno) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw StartError("\(file) is a directory; name the file that holds the \(what)", .data)
        }
        // The group root reads everything anyway, and systemd's credentials are open to it.
        let others: mode_t = status.st_gid == 0 ? 0o037 : 0o077
        guard status.st_mode & S_IFMT != S_IFREG || status.st_mode & others == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw StartError(
                "the \(what) file \(file) is accessible to other users (mode \(mode)); run: chmod 600 \(file)",
                .permission)
        }
    }
}
