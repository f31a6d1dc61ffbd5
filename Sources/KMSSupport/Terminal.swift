#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The terminal of the person who started the program.
package enum Terminal {
    /// Asks without showing what is typed; nil when there is no terminal, and after Ctrl-C and Ctrl-D.
    package static func askSecret(_ question: String) -> Secret? {
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
