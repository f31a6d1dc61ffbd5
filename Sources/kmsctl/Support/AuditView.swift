import KMSModel

/// An entry of the audit log as kmsctl shows it; its names are those of the JSON.
struct AuditView: Encodable {
    var id: String
    var time: String
    var action_type: String
    var severity: String
    /// `success` or `refusal`.
    var outcome: String
    var actor_type: String
    var actor_id: String?
    var actor: String?
    var object_id: String?
    var object: String?
    var group_ids: [String]
    var message: String
    var client_ip: String?
    /// How long the request took until it was recorded, in milliseconds.
    var duration_ms: Double?

    init(_ hit: AuditHit, names: AuditNames) {
        id = hit.id
        time = hit.source.time
        action_type = hit.source.actionType
        severity = hit.source.severity
        // A KMS that does not tell warns of what it refused.
        outcome = hit.source.outcome ?? (hit.source.severity == AuditSeverity.info.rawValue ? "success" : "refusal")
        actor_type = hit.source.actorType
        actor_id = hit.source.actorID
        actor = names[hit.source.actorID]
        object_id = hit.source.objectID
        object = names[hit.source.objectID]
        group_ids = hit.source.groupIDs
        message = hit.source.message
        client_ip = hit.source.clientIP
        duration_ms = hit.source.responseTime.map {
            // Microseconds are exact enough, and do not look like more than was measured.
            Double($0.secs * 1000) + Double($0.nanos / 1000) / 1000
        }
    }

    /// For people, in tenths.
    var milliseconds: String? {
        duration_ms.map { duration in
            let tenths = Int((duration * 10).rounded())
            return "\(tenths / 10).\(tenths % 10)"
        }
    }

    /// One line without columns, for entries that come one by one.
    var line: String {
        let fields = [time, outcome, actor ?? actor_type, message, object, client_ip, milliseconds]
        return Output.printable(fields.map { $0 ?? "-" }.joined(separator: "  "))
    }
}

/// Names of the ids that entries have. What may not be listed keeps its id.
final class AuditNames {
    private var names: [String: String] = [:]

    init(_ client: AdminClient) { read(client) }

    private func read(_ client: AdminClient) {
        for key in (try? client.keys()) ?? [] { if let kid = key.kid { names[kid] = key.name } }
        guard case .user(let email, let id) = client.identity else { return }
        if let id { names[id] = email }
        for user in (try? client.users()) ?? [] { names[user.userID] = user.userEmail }
        for app in (try? client.apps()) ?? [] { names[app.appID] = app.name }
        for group in (try? client.groups()) ?? [] { names[group.groupID] = group.name }
    }

    /// Looks the objects of these entries up that were made since; what is not found keeps its id for good.
    func complete(for hits: [AuditHit], _ client: AdminClient) {
        for id in Set(hits.compactMap(\.source.objectID)) where names[id] == nil {
            names[id] = (try? client.key(id))?.name ?? id
        }
    }

    subscript(id: String?) -> String? { id.map { names[$0] ?? $0 } }
}
