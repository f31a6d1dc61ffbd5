internal import FoundationEssentials
internal import GRDB
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
            return try await .list(from: filter, in: ListFrame(begin: "{\"hits\":[", end: "]}")) { filter in
                try await vault.pool.read { db in try part(filter, in: db) }
            }
        }
    }

    private func part(_ filter: AuditStore.Filter, in db: Database) throws -> ListPart<AuditStore.Filter> {
        var part = ListPart<AuditStore.Filter>()
        try AuditStore.forEach(filter, in: db) { entry in
            let source = try JSONDecoder().decode(AuditRecord.self, from: Data(entry.record.utf8))
            try part.add(AuditHit(id: String(entry.sequence), source: source))
            if part.isFull { part.next = filter.after(entry, count: part.count) }
            return !part.isFull
        }
        return part
    }

    private func filter(_ query: Query) throws(KMSError) -> AuditStore.Filter {
        var filter = AuditStore.Filter()
        filter.size = min(try query.number("size") ?? Query.longestPage, Query.longestPage)
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
