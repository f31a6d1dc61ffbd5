import FoundationEssentials
import Glibc
import KMSSupport

/// Results on standard output, everything else on standard error. Keys of the JSON are snake case and stable.
enum Output {
    static func json(_ value: some Encodable) throws {
        print(try encode(value))
    }

    /// One of many values, on a line of its own (JSON lines).
    static func line(_ value: some Encodable) throws {
        print(try compact(value))
    }

    /// JSON without line breaks.
    static func compact(_ value: some Encodable) throws -> String {
        try encode(value, formatting: [.sortedKeys, .withoutEscapingSlashes])
    }

    /// errno of the first line that could not be written; 0: all are out. Nothing is buffered.
    private static let lost = Locked<CInt>(0)

    /// The one place that writes to standard output. What is lost shows in `check`.
    static func print(_ line: String) {
        guard !writeAll(line + "\n", to: STDOUT_FILENO) else { return }
        let code = errno
        lost.withLock { if $0 == 0 { $0 = code } }
    }

    /// - Throws: `.input` when something that was to be printed is lost, as on a full disk.
    static func check() throws(CommandFailure) {
        let code = lost.withLock { $0 }
        guard code != 0 else { return }
        let reason = code == EAGAIN ? "nobody reads it" : String(cString: strerror(code))
        throw CommandFailure(.input, "cannot write the output: \(reason)")
    }

    /// For a command that has a way of its own with lost output.
    ///
    /// - Returns: what `check` would throw; from now on it does not.
    static func takeLoss() -> CommandFailure? {
        defer { lost.withLock { $0 = 0 } }
        do throws(CommandFailure) {
            try check()
            return nil
        } catch {
            return error
        }
    }

    /// Takes the places of standard streams that the caller has closed, so that no connection gets their numbers and
    /// our output. Writing to the substitute fails, as it should.
    static func occupyStandardStreams() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDOUT_FILENO ? O_RDONLY : O_RDWR)
        }
    }

    /// A result in the form that the user wants.
    static func show(_ value: some Encodable, asJSON: Bool, text: () -> String) throws {
        if asJSON {
            try json(value)
        } else {
            print(text())
        }
    }

    static func note(_ message: String) { write("kmsctl: \(printable(message))\n") }

    /// For what a program that goes on would say again and again.
    static func noteOnce(_ message: String) {
        guard noted.withLock({ $0.insert(message).inserted }) else { return }
        note(message)
    }

    private static let noted = Locked<Set<String>>([])

    static func report(_ failure: CommandFailure, asJSON: Bool) {
        if asJSON {
            return report(
                failure: failure.message, name: failure.code.name, code: failure.code.rawValue, remedy: failure.remedy)
        }
        note(failure.message)
        if let remedy = failure.remedy { write("        \(printable(remedy))\n") }
    }

    /// Wrong usage under --json; the text is ArgumentParser's.
    static func report(usage message: String) { report(failure: message, name: "usage", code: 64) }

    /// An error under --json.
    static func report(failure message: String, name: String, code: Int32, remedy: String? = nil) {
        struct Report: Encodable {
            struct Body: Encodable {
                var code: String
                var exit_code: Int32
                var message: String
                var remedy: String?
            }
            var error: Body
        }
        let body = Report.Body(code: name, exit_code: code, message: message, remedy: remedy)
        write(((try? encode(Report(error: body))) ?? message) + "\n")
    }

    /// What a server says must not move the cursor or change the colour of a terminal.
    static func printable(_ text: String) -> String {
        let isControl = { (scalar: Unicode.Scalar) in
            scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || (0x202A...0x202E).contains(scalar.value)
                || (0x2066...0x2069).contains(scalar.value)
        }
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
    }

    /// To standard error.
    static func write(_ text: String) {
        _ = writeAll(text, to: STDERR_FILENO)
    }

    // MARK: - Readers that do not read

    private struct Patience {
        /// Milliseconds to wait for a reader; -1: for ever.
        var limit: CInt = -1
        /// Lines that were not written.
        var dropped = 0
    }

    private static let patience = Locked(Patience())

    /// From now on a line that nobody makes room for within a second is dropped, and after it all others for which there
    /// is no room at once. For a program whose work is more than what it says.
    static func dropWhatNobodyReads() { patience.withLock { $0.limit = 1_000 } }

    /// - Returns: how many lines were dropped since the last time; 0 as long as there is no room on standard output.
    static func takeDropped() -> Int {
        patience.withLock { patience in
            guard patience.dropped > 0, hasRoom(STDOUT_FILENO, within: 0) else { return 0 }
            defer { patience.dropped = 0 }
            return patience.dropped
        }
    }

    /// false: see errno.
    private static func writeAll(_ text: String, to descriptor: CInt) -> Bool {
        patience.withLock { patience in
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                // A pipe that is ready has room for so much (POSIX), so that a write does not wait.
                let part = rest.prefix(Int(PIPE_BUF))
                guard patience.limit < 0 || hasRoom(descriptor, within: patience.dropped > 0 ? 0 : patience.limit)
                else {
                    patience.dropped += 1
                    errno = EAGAIN
                    return false
                }
                guard PrivateFile.writeAll(Array(part), to: descriptor) else { return false }
                rest = rest.dropFirst(part.count)
            }
            return true
        }
    }

    /// Also when a write would fail at once.
    private static func hasRoom(_ descriptor: CInt, within milliseconds: CInt) -> Bool {
        let deadline = Deadline(milliseconds: Int(milliseconds))
        while true {
            var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let count = poll(&state, 1, CInt(clamping: deadline.remaining))
            if count >= 0 || errno != EINTR { return count != 0 }
        }
    }

    private static func encode(
        _ value: some Encodable,
        formatting: JSONEncoder.OutputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    ) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
