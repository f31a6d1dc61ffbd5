internal import KMSSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Tells systemd how the service does: sd_notify(3), one datagram a message. Without `NOTIFY_SOCKET` nothing happens.
package struct ServiceManager: Sendable {
    private let socket: String?
    /// Half of what systemd allows between two signs of life; nil: it wants none.
    package let heartbeat: Duration?

    package init(environment: [String: String]) {
        socket = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        let isOurs = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        let interval = environment["WATCHDOG_USEC"].flatMap(Int64.init) ?? 0
        heartbeat = socket != nil && isOurs && interval > 0 ? .microseconds(max(1_000, interval / 2)) : nil
    }

    package func ready(_ status: String) { send("READY=1\nSTATUS=\(status)\nMAINPID=\(getpid())") }
    package func stopping(_ status: String) { send("STOPPING=1\nSTATUS=\(status)") }
    package func status(_ text: String) { send("STATUS=\(text)") }
    package func isAlive() { send("WATCHDOG=1") }

    /// systemd's absence is no reason not to serve: a message that cannot be sent is lost.
    private func send(_ message: String) {
        guard let socket, var address = address(of: socket) else { return }
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // An abstract name is as long as the address says; a path may be, too.
        let length = socklen_t(MemoryLayout<sa_family_t>.size + socket.utf8.count)
        let bytes = Array(message.utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }

    /// nil: not a path or an abstract name (`@…`), or too long.
    private func address(of name: String) -> sockaddr_un? {
        var bytes = Array(name.utf8)
        guard let first = bytes.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@") else { return nil }
        if first == UInt8(ascii: "@") { bytes[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { path in
            guard bytes.count < path.count else { return false }
            path.copyBytes(from: bytes)
            return true
        }
        return fits ? address : nil
    }
}
