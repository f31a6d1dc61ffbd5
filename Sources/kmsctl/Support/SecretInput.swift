import Glibc
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
        Output.note("\(path) can be read by every user of this machine; chmod 600 it")
    }

    /// Asks on the terminal without showing what is typed; nil when there is no terminal.
    static func prompt(_ question: String) -> Secret? {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        var saved = termios()
        guard tcgetattr(terminal, &saved) == 0 else { return nil }
        // Keys arrive one by one and none is a signal, so that Ctrl-C does not leave a terminal without echo.
        var silent = saved
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        tcsetattr(terminal, TCSAFLUSH, &silent)
        defer { tcsetattr(terminal, TCSAFLUSH, &saved) }
        _ = question.withCString { write(terminal, $0, strlen($0)) }
        var bytes: [UInt8] = []
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        var byte: UInt8 = 0
        typing: while read(terminal, &byte, 1) == 1 {
            switch byte {
            case 0x0A, 0x0D: break typing
            // Ctrl-C, Ctrl-D.
            case 0x03, 0x04: return nil
            // Backspace takes a whole character, Ctrl-U all of them.
            case 0x08, 0x7F:
                while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
            case 0x15: bytes.removeAll(keepingCapacity: true)
            default: bytes.append(byte)
            }
        }
        _ = write(terminal, "\n", 1)
        return Secret(bytes)
    }
}
