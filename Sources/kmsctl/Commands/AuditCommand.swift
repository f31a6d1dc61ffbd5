import ArgumentParser
import KMSModel

struct AuditCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "audit", abstract: "Show the latest entries of the audit log, newest last.")
    }

    @OptionGroup var options: ConnectionOptions
    @Option(help: "How many entries, counted from the newest.")
    var limit: Int = 50
    @Option(help: "Only entries about this object (name or kid).")
    var object: String?

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be 1 or more.") }
    }

    func run() throws {
        let client = try AdminClient.connect(options)
        defer { client.close() }
        let kid = try object.map { try objectID($0, client) }
        let hits = try entries(client, object: kid)
        let names = Names(client)
        let views = hits.map { EntryView($0, names: names) }
        try Output.show(views, asJSON: options.json) {
            var table = Table("TIME", "ACTOR", "MESSAGE", "OBJECT", "CLIENT")
            for view in views {
                table.add(view.time, view.actor ?? view.actor_type, view.message, view.object, view.client_ip)
            }
            return table.text(empty: "The audit log has no such entry.")
        }
    }

    /// The kid; a deleted object has no name any more, but its kid still finds entries.
    private func objectID(_ nameOrKID: String, _ client: AdminClient) throws -> String {
        do {
            return try client.key(nameOrKID).kid ?? nameOrKID
        } catch let failure as CommandFailure where failure.code == .notFound {
            guard nameOrKID.utf8.count == 36, nameOrKID.allSatisfy({ $0.isHexDigit || $0 == "-" }) else {
                throw failure
            }
            return nameOrKID.lowercased()
        }
    }

    /// The API answers newest first, at most 1000 at once.
    private func entries(_ client: AdminClient, object: String?) throws -> [AuditHit] {
        var hits: [AuditHit] = []
        while hits.count < limit {
            let size = min(1000, limit - hits.count)
            var path = "/sys/v1/logs?size=\(size)"
            if let object { path += "&object_id=\(AdminClient.escaped(object))" }
            if let last = hits.last { path += "&previous_id=\(AdminClient.escaped(last.id))" }
            let page = try client.get(path, doing: "reading the audit log", as: AuditResponse.self).hits
            hits += page
            if page.count < size { break }
        }
        return hits.reversed()
    }
}

/// Names of the ids that entries have. What may not be listed keeps its id.
private struct Names {
    private var names: [String: String] = [:]

    init(_ client: AdminClient) {
        for key in (try? client.keys()) ?? [] { if let kid = key.kid { names[kid] = key.name } }
        guard case .user(let email, let id) = client.identity else { return }
        if let id { names[id] = email }
        for user in (try? client.users()) ?? [] { names[user.userID] = user.userEmail }
        for app in (try? client.apps()) ?? [] { names[app.appID] = app.name }
        for group in (try? client.groups()) ?? [] { names[group.groupID] = group.name }
    }

    subscript(id: String?) -> String? { id.map { names[$0] ?? $0 } }
}

private struct EntryView: Encodable {
    var id: String
    var time: String
    var action_type: String
    var severity: String
    var actor_type: String
    var actor_id: String?
    var actor: String?
    var object_id: String?
    var object: String?
    var message: String
    var client_ip: String?

    init(_ hit: AuditHit, names: Names) {
        id = hit.id
        time = hit.source.time
        action_type = hit.source.actionType
        severity = hit.source.severity
        actor_type = hit.source.actorType
        actor_id = hit.source.actorID
        actor = names[hit.source.actorID]
        object_id = hit.source.objectID
        object = names[hit.source.objectID]
        message = hit.source.message
        client_ip = hit.source.clientIP
    }
}
