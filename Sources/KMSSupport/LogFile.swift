#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// A log file that several processes append to and anybody may rotate.
///
/// Before each line the file is looked at: when its name stands for another file by now, or the host has closed the
/// descriptor and opened something else under its number, it is opened again. A process that may not open the new file,
/// as a worker that has given up root, goes on with the old one.
package final class LogFile: Sendable {
    private struct Identity: Equatable {
        var device: dev_t
        var inode: ino_t
    }

    private struct State {
        var descriptor: CInt = -1
        var identity: Identity?
    }

    private let settings: LogSettings.File
    private let state = Locked(State())

    package init(_ settings: LogSettings.File) { self.settings = settings }

    /// Why it cannot be opened; nil: it is open.
    package func problem() -> String? {
        state.withLock { state in
            prepare(&state)
            return state.descriptor >= 0 ? nil : strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
        }
    }

    package func write(_ level: Log.Level, _ text: [UInt8]) -> Bool {
        let line = Array("\(LogFile.time()) kms-pkcs11[\(getpid())] \(level.label): ".utf8) + text + [0x0A]
        return state.withLock { state in
            prepare(&state)
            guard state.descriptor >= 0 else { return false }
            let isWritten = line.withUnsafeBytes { systemWrite(state.descriptor, $0) == line.count }
            if settings.rotationBytes > 0 { rotate(&state) }
            return isWritten
        }
    }

    // MARK: - Opening

    private func prepare(_ state: inout State) {
        // Closed by the host, and maybe somebody else's by now: then it is not ours to close.
        let isOurs = state.descriptor >= 0 && LogFile.identity(of: state.descriptor) == state.identity
        if !isOurs { state = State() }
        guard !isOurs || LogFile.identity(at: settings.path) != state.identity else { return }
        let new = open(settings.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0o640)
        guard new >= 0 else { return }
        if isOurs { close(state.descriptor) }
        state = State(descriptor: new, identity: LogFile.identity(of: new))
    }

    private static func identity(of descriptor: CInt) -> Identity? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Identity(device: status.st_dev, inode: status.st_ino) : nil
    }

    private static func identity(at path: String) -> Identity? {
        var status = stat()
        return stat(path, &status) == 0 ? Identity(device: status.st_dev, inode: status.st_ino) : nil
    }

    // MARK: - Rotation

    /// One process renames; the others see another file under the name and open that.
    private func rotate(_ state: inout State) {
        var status = stat()
        guard fstat(state.descriptor, &status) == 0, status.st_size >= settings.rotationBytes,
            flock(state.descriptor, LOCK_EX | LOCK_NB) == 0
        else { return }
        defer { flock(state.descriptor, LOCK_UN) }
        guard LogFile.identity(at: settings.path) == state.identity else { return }
        guard settings.keptFiles > 0 else {
            unlink(settings.path)
            return
        }
        for number in stride(from: settings.keptFiles - 1, to: 0, by: -1) {
            rename("\(settings.path).\(number)", "\(settings.path).\(number + 1)")
        }
        rename(settings.path, "\(settings.path).1")
    }

    // MARK: - Time

    /// Now, in UTC, as RFC 3339 has it. gmtime_r(3), unlike localtime_r(3), takes no lock that a fork could leave held.
    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func digits(_ value: Int, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
        let date =
            "\(digits(Int(parts.tm_year) + 1900, 4))-\(digits(Int(parts.tm_mon) + 1, 2))-\(digits(Int(parts.tm_mday), 2))"
        let clock = "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))"
        return "\(date)T\(clock).\(digits(now.tv_nsec / 1_000_000, 3))Z"
    }
}
