internal import FoundationEssentials
package import GRDB
package import KMSModel

extension Vault {
    /// The object that a request names, if the caller may do `action` with it; parsed keys come from the cache.
    package func key(
        _ descriptor: SobjectDescriptor?, for action: Policy.Action, by principal: Principal
    ) async throws -> LoadedKey {
        let key = try await load(descriptor, principal)
        try Policy.check(principal, may: action, key.object)
        return key
    }

    /// As `key` for what is in memory; nil when more is needed to know.
    func knownKey(
        _ descriptor: SobjectDescriptor?, for action: Policy.Action, by principal: Principal
    ) throws -> LoadedKey? {
        guard case .kid(let kid) = try Name(descriptor), let key = keys.cached(kid) else { return nil }
        try Policy.check(principal, may: action, key.object)
        return key
    }

    private func load(_ descriptor: SobjectDescriptor?, _ principal: Principal) async throws -> LoadedKey {
        let account = principal.acctID
        let kid: String
        switch try Name(descriptor) {
        case .transient(let blob):
            return try await transientKeys.key(blob, owner: principal.id, engine: engine)
        case .name(let name):
            let record = try await pool.read { db in try KeyStore.find(name: name, account: account, in: db) }
            guard let record else { throw KMSError.noSuchObject }
            kid = record.kid
        case .kid(let given):
            kid = given
        }
        let key = try await keys.value(kid) {
            let record = try await pool.read { db in try KeyStore.find(kid: kid, account: account, in: db) }
            return try record.map { try engine.load($0) }
        }
        guard let key else { throw KMSError.noSuchObject }
        return key
    }

    /// The object that a request names with its value, if the caller may do `action` with it.
    package func value(
        _ descriptor: SobjectDescriptor?, for action: Policy.Action, by principal: Principal
    ) async throws -> StoredValue {
        let account = principal.acctID
        let record: KeyRecord?
        switch try Name(descriptor) {
        case .transient(let blob):
            let value = try transientKeys.open(blob, owner: principal.id)
            try Policy.check(principal, may: action, value.object)
            return value
        case .name(let name):
            record = try await pool.read { db in try KeyStore.find(name: name, account: account, in: db) }
        case .kid(let kid):
            record = try await pool.read { db in try KeyStore.find(kid: kid, account: account, in: db) }
        }
        guard let record else { throw KMSError.noSuchObject }
        try Policy.check(principal, may: action, record.object)
        let secret = try record.sealedValue.map {
            try engine.open($0, as: .object(kid: record.kid, type: record.object.objType))
        }
        return StoredValue(object: record.object, secret: secret)
    }

    /// Changes an object's attributes: read, check (which is `body`'s), change and record in one transaction, so that
    /// of two changes at the same time none is lost.
    ///
    /// - Parameter verb: as in `App "web" activated "key"`.
    package func modify(
        _ kid: String, _ verb: String, _ context: KMSContext, _ principal: Principal,
        _ body: @escaping @Sendable (inout Sobject, Database) throws -> Void
    ) async throws -> Sobject {
        let object = try await change(by: principal, context) { db in
            guard var record = try KeyStore.find(kid: kid, account: principal.acctID, in: db) else {
                throw KMSError.noSuchObject
            }
            try Policy.check(principal, may: .read, record.object)
            try body(&record.object, db)
            try KeyStore.update(record, in: db)
            let message = "\(principal.name) \(verb) \(record.object.quotedLabel)"
            return (record.object, AuditEvent(.administrative, message, by: principal, context).about(record.object))
        }
        keys.forget(kid)
        return object
    }
}

/// The one field of a descriptor that is there.
private enum Name {
    case kid(String)
    case name(String)
    case transient(Data)

    init(_ descriptor: SobjectDescriptor?) throws(KMSError) {
        switch (descriptor?.kid, descriptor?.name, descriptor?.transientKey) {
        case (let kid?, nil, nil): self = .kid(kid.lowercased())
        case (nil, let name?, nil): self = .name(name)
        case (nil, nil, let blob?): self = .transient(blob)
        default:
            throw .badRequest(
                "Field \"key\" must name the object by exactly one of \"kid\", \"name\" and \"transient_key\"")
        }
    }
}

extension Sobject {
    /// For messages.
    package var quotedLabel: String { (name ?? kid).map(\.quoted) ?? "a transient key" }
}

extension KMSContext {
    /// The object that the path names.
    var kid: String { parameters.get("kid")?.lowercased() ?? "" }
}
