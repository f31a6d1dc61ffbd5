internal import Configuration

/// What can be set of `kmsd serve`, one row each. Flags, variables, file, `--check` and the sample file follow this table.
package struct Setting: Sendable {
    package enum Kind: Sendable, Equatable {
        case text
        case flag
        /// An integer within these bounds.
        case number(ClosedRange<Int>)
        case choice([String])
        /// HOST:PORT, one or several.
        case addresses
        /// HOST:PORT on the loopback interface.
        case loopback

        package var name: String {
            switch self {
            case .text: "a string that is not empty"
            case .flag: "true or false"
            case .number(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
            case .choice(let words): "one of " + words.joined(separator: ", ")
            case .addresses: "HOST:PORT, or an array of these"
            case .loopback: "127.0.0.1:PORT or [::1]:PORT"
            }
        }
    }

    /// Dotted: what stands before the last dot is the table in the file.
    package let name: String
    package let kind: Kind
    /// nil: there is none.
    let fallback: ConfigContent?

    /// The variable of the environment.
    package var variable: String {
        "KMSD_" + name.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
    }

    private init(_ name: String, _ kind: Kind, _ fallback: ConfigContent? = nil) {
        self.name = name
        self.kind = kind
        self.fallback = fallback
    }

    package static var logLevels: [String] { ["trace", "debug", "info", "notice", "warning", "error", "critical"] }

    package static var all: [Setting] {
        let limits = Limits()
        return [
            Setting("data", .text),
            Setting("listen", .addresses, .stringArray(["127.0.0.1:8443"])),
            Setting("tls.certificate", .text),
            Setting("tls.key", .text),
            Setting("log.level", .choice(logLevels), .string("info")),
            Setting("log.format", .choice(["text", "json"]), .string("text")),
            Setting("audit.flush", .flag, .bool(false)),
            Setting("limits.body_bytes", .number(1_024...67_108_864), .int(limits.bodyBytes)),
            Setting("limits.header_field_bytes", .number(1_024...1_048_576), .int(limits.headerFieldBytes)),
            Setting("limits.header_bytes", .number(1_024...1_048_576), .int(limits.headerBytes)),
            Setting("limits.header_count", .number(10...10_000), .int(limits.headerCount)),
            Setting("limits.requests", .number(1...1_000_000), .int(limits.requests)),
            Setting("limits.connections", .number(1...1_000_000), .int(limits.connections)),
            Setting("limits.connections_per_address", .number(1...1_000_000), .int(limits.connectionsPerAddress)),
            Setting("limits.handshake_seconds", .number(1...3_600), .int(limits.handshakeSeconds)),
            Setting("limits.head_seconds", .number(1...3_600), .int(limits.headSeconds)),
            Setting("limits.body_seconds", .number(1...3_600), .int(limits.bodySeconds)),
            Setting("limits.answer_seconds", .number(1...3_600), .int(limits.answerSeconds)),
            Setting("limits.idle_seconds", .number(1...86_400), .int(limits.idleSeconds)),
            Setting("limits.stop_seconds", .number(1...3_600), .int(limits.stopSeconds)),
            Setting("limits.login_failures", .number(1...1_000), .int(limits.login.failures)),
            Setting("limits.login_wait_seconds", .number(1...3_600), .int(limits.login.longestWait)),
            Setting("limits.login_entries", .number(100...1_000_000), .int(limits.login.entries)),
            Setting("metrics.public", .flag, .bool(false)),
            Setting("metrics.listen", .loopback),
        ]
    }
}

/// The settings cannot be used: `FILE:LINE: what is wrong; remedy`, or the flag or variable in the place of the file.
package struct SettingError: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
