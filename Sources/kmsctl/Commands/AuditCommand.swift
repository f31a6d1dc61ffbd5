import ArgumentParser
import KMSModel

struct AuditCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "audit", abstract: "Show entries of the audit log, newest last.",
            discussion: """
                Shows the newest 50 of the entries that the options select. With --json all of them are printed, one
                object on each line (JSON lines), unless --limit says less.

                --follow goes on with what is recorded from then on, until it is interrupted. It waits when the KMS is
                away, and an app logs in again by itself; a user whose session has ended runs `kmsctl login` elsewhere.
                """)
    }

    @OptionGroup var options: ConnectionOptions
    @Option(help: "How many entries, counted from the newest. Default: 50, with --json all.")
    var limit: Int?
    @Option(help: "Only entries about this object (name or kid).")
    var object: String?
    @Option(help: "Only what this app did (name or id).")
    var app: String?
    @Option(help: "Only entries of this severity: \(AuditSeverity.list).")
    var severity: AuditSeverity?
    @Option(help: "Only actions of this kind: \(AuditAction.list).")
    var action: AuditAction?
    @Option(
        help: ArgumentHelp(
            "Only entries from this time on: 2026-01-31, 2026-01-31T10:00:00Z, or how long ago: 90s, 15m, 2h, 7d.",
            valueName: "time"))
    var since: TimeOption?
    @Option(help: ArgumentHelp("Only entries until this time, inclusive.", valueName: "time"))
    var until: TimeOption?
    @Flag(help: "Go on with new entries until interrupted.")
    var follow = false

    func validate() throws {
        guard limit ?? 1 > 0 else { throw ValidationError("--limit must be 1 or more.") }
        guard !follow || until == nil else { throw ValidationError("--follow has no end, so --until makes no sense.") }
    }

    func run() throws {
        if follow { AuditFollower.endQuietlyWhenInterrupted() }
        let client = try AdminClient.connect(options)
        defer { client.close() }
        let filter = try filter(client)
        let names = AuditNames(client)
        if follow {
            return try AuditFollower(options: options, filter: filter, limit: count).run(client, names)
        }
        let pages = AuditPages(client: client, filter: filter)
        if options.json {
            return try pages.forEach(newest: count) { try Output.line(AuditView($0, names: names)) }
        }
        var table = Table("TIME", "OUTCOME", "ACTOR", "MESSAGE", "OBJECT", "CLIENT", "MS")
        try pages.forEach(newest: count) { hit in
            let view = AuditView(hit, names: names)
            table.add(
                view.time, view.outcome, view.actor ?? view.actor_type, view.message, view.object, view.client_ip,
                view.milliseconds)
        }
        Output.print(table.text(empty: "The audit log has no such entry."))
    }

    /// nil: all.
    private var count: Int? { limit ?? (options.json ? nil : 50) }

    private func filter(_ client: AdminClient) throws -> AuditFilter {
        var filter = AuditFilter()
        filter.add("object_id", try object.map { try objectID($0, client) })
        filter.add("actor_id", try app.map { try appID($0, client) })
        filter.add("severity", severity?.rawValue)
        filter.add("action_type", action?.rawValue)
        filter.add("range_from", since.map { String($0.seconds) })
        filter.add("range_to", until.map { String($0.seconds) })
        return filter
    }

    /// The kid; a deleted object has no name any more, but its kid still finds entries.
    private func objectID(_ nameOrKID: String, _ client: AdminClient) throws -> String {
        try id(nameOrKID) { try client.key(nameOrKID).kid ?? nameOrKID }
    }

    private func appID(_ nameOrID: String, _ client: AdminClient) throws -> String {
        try id(nameOrID) { try client.app(nameOrID).appID }
    }

    /// What `find` finds, else the argument itself if it is an id.
    private func id(_ nameOrID: String, _ find: () throws -> String) throws -> String {
        do {
            return try find()
        } catch let failure as CommandFailure where failure.code == .notFound {
            guard nameOrID.utf8.count == 36, nameOrID.allSatisfy({ $0.isHexDigit || $0 == "-" }) else {
                throw failure
            }
            return nameOrID.lowercased()
        }
    }
}

/// Values of `severity` in the API.
enum AuditSeverity: String, CaseIterable, AuditWord {
    case info = "INFO"
    case warning = "WARNING"
    case error = "ERROR"
    case critical = "CRITICAL"
}

/// Values of `action_type` in the API.
enum AuditAction: String, CaseIterable, AuditWord {
    case administrative = "ADMINISTRATIVE"
    case authentication = "AUTH"
    case cryptoOperation = "CRYPTOOPERATION"
    case plugin = "RUNPLUGIN"
    case custom = "CUSTOM"
    case other = "OTHER"
}

/// A word of the API, in any case of letters.
protocol AuditWord: ExpressibleByArgument, CaseIterable, RawRepresentable<String> {}

extension AuditWord {
    init?(argument: String) { self.init(rawValue: argument.uppercased()) }

    static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
