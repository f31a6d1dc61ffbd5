internal import FoundationEssentials
internal import Hummingbird
internal import KMSModel

/// GET /sys/v1/logs: the audit log, newest first.
struct LogController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/logs") { request, _, principal in
            var filter = try filter(Query(request))
            filter.groups = try Policy.auditGroups(principal)
            filter.account = principal.acctID
            try await vault.audit.settle()
            let entries = try await vault.pool.read { [filter] db in try AuditStore.list(filter, in: db) }
            let hits = try entries.map { entry in
                AuditHit(
                    id: String(entry.sequence),
                    source: try JSONDecoder().decode(AuditRecord.self, from: Data(entry.record.utf8)))
            }
            return try .json(AuditResponse(hits: hits))
        }
    }

    private func filter(_ query: Query) throws(KMSError) -> AuditStore.Filter {
        var filter = AuditStore.Filter()
        filter.size = min(try query.number("size") ?? 1000, 1000)
        filter.from = try query.number("from") ?? 0
        filter.rangeFrom = try query.number("range_from")
        filter.rangeTo = try query.number("range_to")
        filter.actionType = query.text("action_type")?.uppercased()
        filter.actorType = query.text("actor_type")
        filter.actorID = query.text("actor_id")?.lowercased()
        filter.objectID = query.text("object_id")?.lowercased()
        filter.severity = query.text("severity")?.uppercased()
        if let previous = query.text("previous_id") {
            guard let sequence = Int64(previous) else {
                throw .badRequest("Query parameter \"previous_id\" must be an _id of an earlier answer")
            }
            filter.previous = sequence
        }
        return filter
    }
}
