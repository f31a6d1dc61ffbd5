internal import CForkSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Where lines go once the configuration is read: standard error, the system's log, a file, or several of them.
///
/// A line that a destination does not take is written to standard error instead; nothing waits, nothing is buffered.
package final class LogSink: Sendable {
    private let writesStandardError: Bool
    private let system: SystemLog?
    private let file: LogFile?

    package init(_ settings: LogSettings) {
        writesStandardError = settings.writesStandardError
        system = settings.usesSystemLog ? SystemLog(path: settings.systemLogSocket) : nil
        file = settings.file.map { LogFile($0) }
    }

    /// The process's, once `install` was called.
    static var current: LogSink? {
        process_log_sink(nil).map { Unmanaged<LogSink>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Makes this the destination of all lines, for the life of the process image. Only the first one stays.
    package func install() {
        let offered = Unmanaged.passRetained(self)
        if process_log_sink(offered.toOpaque()) != offered.toOpaque() { offered.release() }
    }

    /// Why the file cannot be written, as at the first line; nil: it can, or there is none.
    package func problem() -> String? { file?.problem() }

    func write(_ level: Log.Level, _ text: [UInt8]) {
        var isLost = false
        if let system, !system.write(level, text) { isLost = true }
        if let file, !file.write(level, text) { isLost = true }
        if writesStandardError || isLost { Log.writeToStandardError(level, text) }
    }
}

/// The system's log: one datagram per line to its socket.
///
/// Not syslog(3): its connection and name belong to the host, and its lock may be held by one of the host's threads at
/// the moment of a fork. A socket of its own for each line survives restarts of the log and hosts that close all
/// descriptors.
private struct SystemLog: Sendable {
    let path: String

    /// LOG_USER.
    private static var facility: Int { 1 << 3 }

    func write(_ level: Log.Level, _ text: [UInt8]) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(
            AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let line =
            Array("<\(SystemLog.facility | level.severity)>kms-pkcs11[\(getpid())]: \(level.label): ".utf8) + text
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                sendto(
                    descriptor, line, line.count, CInt(MSG_NOSIGNAL), address,
                    socklen_t(MemoryLayout<sockaddr_un>.size)) == line.count
            }
        }
    }
}
