internal import GRDB
internal import Hummingbird
internal import KMSModel

/// POST /crypto/v1/keys/replace: rotation to an object that is there already.
struct ReplacementController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.post, "/crypto/v1/keys/replace") { request, context, principal in
            try await replace(try await request.json(ReplaceKeyRequest.self), context, principal)
        }
    }

    /// The replacement takes the name, by which programs find it; the replaced object stays under its new one.
    private func replace(
        _ request: ReplaceKeyRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let newName = try FieldRules.name(request.replacedNewName)
        let old = try await stored(request.replaced, "replaced", principal)
        let new = try await stored(request.replacement, "replacement", principal)
        guard old != new else { throw KMSError.badRequest("Field \"replacement\": an object does not replace itself") }
        try await vault.change(by: principal, context) { db in
            var replaced = try record(old, principal, in: db)
            var replacement = try record(new, principal, in: db)
            guard replaced.object.objType == replacement.object.objType else {
                throw KMSError.badRequest("Field \"replacement\" must be of the same type as the replaced object")
            }
            let name = replaced.object.quotedLabel
            let temporary = replacement.object.quotedLabel
            replacement.object.name = replaced.object.name
            replaced.object.name = newName
            replaced.object.links = linked(replaced.object) { $0.replacement = new }
            replacement.object.links = linked(replacement.object) { $0.replaced = old }
            // In this order: the name must be free before it is taken.
            try KeyStore.update(replaced, in: db)
            try KeyStore.update(replacement, in: db)
            let message = "\(principal.name) replaced \(name), now \(newName.quoted), by \(temporary)"
            return ((), AuditEvent(.administrative, message, by: principal, context).about(replacement.object))
        }
        vault.keys.forget(old)
        vault.keys.forget(new)
        return .noContent
    }

    /// The id of an object that the caller may rotate.
    private func stored(
        _ descriptor: SobjectDescriptor, _ field: String, _ principal: Principal
    ) async throws -> String {
        guard let kid = try await vault.key(descriptor, for: .rotate, by: principal).object.kid else {
            throw KMSError.badRequest("Field \"\(field)\" must name a stored object; persist the transient one first")
        }
        return kid
    }

    private func record(_ kid: String, _ principal: Principal, in db: Database) throws -> KeyRecord {
        guard let record = try KeyStore.find(kid: kid, account: principal.acctID, in: db) else {
            throw KMSError.noSuchObject
        }
        try Policy.check(principal, may: .rotate, record.object)
        return record
    }

    private func linked(_ object: Sobject, _ change: (inout ObjectLinks) -> Void) -> ObjectLinks {
        var links = object.links ?? ObjectLinks()
        change(&links)
        return links
    }
}
