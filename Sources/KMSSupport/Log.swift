#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The module's own log: lines on standard error, which NGINX sends to its error log.
///
/// Not swift-log: its global logger is initialised lazily through `swift_once`, which can hang in a forked child.
/// Nothing secret is ever an argument; callers pass names, handles, codes, counts and the KMS's own messages.
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

        fileprivate var label: String {
            switch self {
            case .off: ""
            case .error: "error"
            case .warning: "warning"
            case .info: "info"
            case .debug: "debug"
            }
        }
    }

    /// Set once, when the configuration is read; a plain integer, so that a torn read cannot happen.
    nonisolated(unsafe) package static var level: Level = .warning

    package static func error(_ message: @autoclosure () -> String) { write(.error, message) }
    package static func warning(_ message: @autoclosure () -> String) { write(.warning, message) }
    package static func info(_ message: @autoclosure () -> String) { write(.info, message) }
    package static func debug(_ message: @autoclosure () -> String) { write(.debug, message) }

    private static func write(_ level: Level, _ message: () -> String) {
        guard level.rawValue <= Log.level.rawValue else { return }
        var line = Array("kms-pkcs11[\(getpid())] \(level.label): ".utf8)
        // Control characters of a server's message must not forge a log line.
        line.append(contentsOf: message().utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 })
        line.append(0x0A)
        line.withUnsafeBytes { unistdWrite($0) }
    }
}

/// One write(2) per line, so that lines of several processes do not mix. A full pipe loses the line, not the process.
private func unistdWrite(_ line: UnsafeRawBufferPointer) {
    _ = write(STDERR_FILENO, line.baseAddress, line.count)
}
