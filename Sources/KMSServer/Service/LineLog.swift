package import FoundationEssentials
package import Logging
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The log level of the process, which SIGHUP may change.
package final class LogLevel: Sendable {
    private let index: Atomic<Int>

    package init(_ level: Logger.Level) { index = Atomic(LogLevel.index(level)) }

    package var value: Logger.Level {
        get { Logger.Level.allCases[index.load(ordering: .relaxed)] }
        set { index.store(LogLevel.index(newValue), ordering: .relaxed) }
    }

    private static func index(_ level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }
}

/// One line an event on standard error: `TIME LEVEL kmsd: MESSAGE key=value …`, or a JSON object.
package struct LineLog: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let format: LogFormat
    private let level: LogLevel
    /// Of this logger alone.
    private var ownLevel: Logger.Level?

    package init(label: String, format: LogFormat, level: LogLevel) {
        self.label = label
        self.format = format
        self.level = level
    }

    package var logLevel: Logger.Level {
        get { ownLevel ?? level.value }
        set { ownLevel = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var values = metadata
        if let provided = metadataProvider?.get() { values.merge(provided) { $1 } }
        if let more = event.metadata { values.merge(more) { $1 } }
        if let error = event.error { values["error"] = "\(error)" }
        // The framework's name for the id that the answer carries as x-request-id.
        if let id = values.removeValue(forKey: "hb.request.id") { values["request_id"] = id }
        let fields = values.map { (key: $0.key, value: "\($0.value)") }.sorted { $0.key < $1.key }
        LineLog.write(line(event.level, "\(event.message)", fields, at: .now))
    }

    package func line(
        _ level: Logger.Level, _ message: String, _ fields: [(key: String, value: String)], at time: Date
    ) -> String {
        let time = time.formatted(.iso8601.time(includingFractionalSeconds: true))
        switch format {
        case .text:
            let rest = fields.map { " \($0.key)=\(LineLog.shown($0.value, isWord: true))" }.joined()
            return "\(time) \(level) \(label): \(LineLog.shown(message, isWord: false))\(rest)\n"
        case .json:
            var object = Dictionary(fields.map { ($0.key, $0.value) }) { $1 }
            object.merge(["time": time, "level": "\(level)", "logger": label, "message": message]) { $1 }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return ((try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}") + "\n"
        }
    }

    /// As it is where that cannot be misread: nothing begins a line of its own or moves the cursor of a terminal.
    private static func shown(_ text: String, isWord: Bool) -> String {
        let isClear = text.unicodeScalars.allSatisfy { scalar in
            !FieldRules.isDeceptive(scalar) && !(isWord && (scalar == " " || scalar == "=" || scalar == "\""))
        }
        return isClear && !text.isEmpty ? text : text.quoted
    }

    /// In one piece, so that lines of several threads do not mix.
    private static func write(_ line: String) {
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
