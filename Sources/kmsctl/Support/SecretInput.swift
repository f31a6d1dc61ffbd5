import KMSSupport

/// Secrets come from a file, a variable or the terminal, never from the command line, where `ps` shows them.
enum SecretInput {
    /// The file's content without its last line end. `-` is standard input.
    static func file(_ path: String, what: String) throws -> Secret {
        let file = try InputFile.read(path, what: what, limit: 1 << 16)
        if file.isWorldReadable { warnAboutMode(path) }
        var bytes = file.bytes
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        if bytes.last == 0x0A { bytes.removeLast() }
        if bytes.last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { throw CommandFailure(.input, "\(what) in \(path) is empty") }
        return Secret(bytes)
    }

    static func warnAboutMode(_ path: String) {
        Output.noteOnce("\(path) can be read by every user of this machine; chmod 600 it")
    }
}
