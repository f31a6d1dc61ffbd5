#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The module's own log.
///
/// Until the configuration is read, lines go to standard error, which NGINX sends to its error log; afterwards where
/// `[log]` says (`LogSink`). Not swift-log: its global logger is initialised lazily through `swift_once`, which can hang
/// in a forked child. Nothing secret is ever an argument; callers pass names, handles, codes, counts and the KMS's own
/// messages.
package enum Log {
    package enum Level: Int, Sendable, CaseIterable {
        case off, error, warning, info, debug

        package init?(name: some StringProtocol) {
            switch name.lowercased() {
            case "off", "none": self = .off
            case "error": self = .error
            case "warn", "warning": self = .warning
            case "info": self = .info
            case "debug", "trace": self = .debug
            default: return nil
            }
        }

        /// As lines have it.
        var label: String {
            switch self {
            case .off: ""
            case .error: "error"
            case .warning: "warning"
            case .info: "info"
            case .debug: "debug"
            }
        }

        /// Of syslog: LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG.
        var severity: Int {
            switch self {
            case .off, .error: 3
            case .warning: 4
            case .info: 6
            case .debug: 7
            }
        }
    }

    /// Set once, when the configuration is read; a plain integer, so that a torn read cannot happen.
    @exclusivity(unchecked) nonisolated(unsafe) package static var level: Level = .warning

    package static func error(_ message: @autoclosure () -> String) { write(.error, message) }
    package static func warning(_ message: @autoclosure () -> String) { write(.warning, message) }
    package static func info(_ message: @autoclosure () -> String) { write(.info, message) }
    package static func debug(_ message: @autoclosure () -> String) { write(.debug, message) }

    private static func write(_ level: Level, _ message: () -> String) {
        guard level.rawValue <= Log.level.rawValue else { return }
        // Control characters of a server's message must not forge a log line.
        let text = message().utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
        guard let sink = LogSink.current else { return writeToStandardError(level, text) }
        sink.write(level, text)
    }

    /// One write(2) per line, so that lines of several processes do not mix. A full pipe loses the line, not the
    /// process.
    static func writeToStandardError(_ level: Level, _ text: [UInt8]) {
        let line = Array("kms-pkcs11[\(getpid())] \(level.label): ".utf8) + text + [0x0A]
        line.withUnsafeBytes { _ = systemWrite(STDERR_FILENO, $0) }
    }
}

/// write(2), under a name that methods do not hide.
func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
