internal import GRDB
internal import Hummingbird
internal import KMSModel
internal import OpenSSLCrypto

/// What happens to security objects between their making and their deletion.
struct LifeCycleController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.post, "/crypto/v1/keys/:kid/activate") { _, context, principal in
            try await activate(context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/:kid/revoke") { request, context, principal in
            try await revoke(try await request.json(RevocationRequest.self), context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/:kid/destroy") { _, context, principal in
            try await destroy(context, principal)
        }
        routes.on(.delete, "/crypto/v1/keys/:kid/private") { _, context, principal in
            try await deletePrivate(context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/persist") { request, context, principal in
            let body = try await request.json(PersistKeyRequest.self, refusing: RefusedField.ofObjects)
            return try await persist(body, context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/copy") { request, context, principal in
            let body = try await request.json(CopyKeyRequest.self, refusing: RefusedField.ofObjects)
            return try await copy(body, context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/rekey") { request, context, principal in
            let body = try await request.json(RekeyRequest.self, refusing: RefusedField.ofObjects)
            return try await rekey(body, context, principal)
        }
    }

    // MARK: States

    private func activate(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        _ = try await vault.modify(context.kid, "activated", context, principal) { object, _ in
            try Policy.check(principal, may: .activate, object)
            guard object.state == .preActive else {
                throw KMSError.badRequest("Only an object in state PreActive can be activated")
            }
            object.state = .active
            object.activationDate = .now
        }
        return .noContent
    }

    private func revoke(
        _ request: RevocationRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        try request.check()
        let verb = "revoked (\(request.code.rawValue))"
        _ = try await vault.modify(context.kid, verb, context, principal) { object, _ in
            try Policy.check(principal, may: .revoke, object)
            guard object.state != .destroyed else { throw KMSError.noMaterial }
            // A compromise is for ever: what is superseded later is still compromised.
            let isCompromised = request.code.isCompromise || object.state == .compromised
            object.state = isCompromised ? .compromised : .deactivated
            object.deactivationDate = min(object.deactivationDate ?? .now, .now)
            if isCompromised { object.compromiseDate = object.compromiseDate ?? .now }
        }
        return .noContent
    }

    private func destroy(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        let kid = context.kid
        _ = try await vault.modify(kid, "destroyed", context, principal) { object, db in
            try Policy.check(principal, may: .destroy, object)
            guard object.state != .destroyed else { throw KMSError.noMaterial }
            object.state = .destroyed
            object.destructionDate = .now
            object.value = nil
            object.pubKey = nil
            try KeyStore.eraseMaterial(kid, in: db)
        }
        return .noContent
    }

    /// The public half stays and can do what a public key can.
    private func deletePrivate(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        let kid = context.kid
        _ = try await vault.modify(kid, "deleted the private key of", context, principal) { object, db in
            try Policy.check(principal, may: .deletePrivate, object)
            guard object.objType.isAsymmetric, !object.publicOnly, object.state != .destroyed else {
                throw KMSError.badRequest("The object has no private key")
            }
            object.publicOnly = true
            let possible = KeyRules.operations(object.objType, object.ellipticCurve, publicOnly: true).values
            object.keyOps = KeyOperations(object.keyOps.values.intersection(possible))
            try KeyStore.eraseMaterial(kid, in: db)
        }
        return .noContent
    }

    // MARK: The same key again

    private func persist(
        _ request: PersistKeyRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let descriptor = SobjectDescriptor(transientKey: request.transientKey)
        let source = try await vault.value(descriptor, for: .read, by: principal)
        guard request.object.transient != true else {
            throw KMSError.badRequest("Field \"transient\": the object to persist is transient already")
        }
        let maker = ObjectMaker(vault: vault)
        let draft = try await maker.draft(request.object, .persisted(source.object), principal)
        let object = try await maker.make(draft, "persisted", context, material: again(source))
        return try .json(object, status: .created)
    }

    private func copy(
        _ request: CopyKeyRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let source = try await vault.value(request.key, for: .copy, by: principal)
        guard [.active, .preActive].contains(source.object.currentState) else {
            throw KMSError.forbidden("Requested operation is not allowed: only an Active or PreActive object is copied")
                .about(source.object)
        }
        let kid = source.object.kid
        if request.object.transient == true, kid != nil {
            // Nobody could revoke or delete such a copy, so it is for those who may take the key out anyway.
            try Policy.check(principal, may: .export, source.object)
        }
        let maker = ObjectMaker(vault: vault)
        let draft = try await maker.draft(request.object, .copied(source.object), principal)
        let detail = " from \(source.object.quotedLabel)"
        let object = try await maker.make(draft, "copied", context, detail: detail) { db, copy in
            guard let kid else { return }
            guard var record = try KeyStore.find(kid: kid, account: principal.acctID, in: db) else {
                throw KMSError.noSuchObject
            }
            var links = record.object.links ?? ObjectLinks()
            links.copiedTo = ((links.copiedTo ?? []) + [copy.kid].compactMap(\.self)).suffix(100)
            record.object.links = links
            try KeyStore.update(record, in: db)
        } material: {
            try again(source)()
        }
        if let kid { vault.keys.forget(kid) }
        return try .json(object, status: .created)
    }

    private func again(_ source: StoredValue) -> @Sendable () throws -> KeyMaterial {
        let crypto = vault.engine.context
        return {
            guard let material = source.material else { throw KMSError.noMaterial }
            var request = SobjectRequest()
            request.objType = source.object.objType
            return try KeyMaterial.read(material, request, in: crypto)
        }
    }

    // MARK: Rotation

    /// The new object takes the old one's name and PKCS#11 id; the old one stays for what it has signed or encrypted.
    private func rekey(_ request: RekeyRequest, _ context: KMSContext, _ principal: Principal) async throws -> Response
    {
        guard let name = request.object.name else { throw KMSError.badRequest("Field \"name\" is missing or blank") }
        let old = try await vault.key(SobjectDescriptor(name: name), for: .rotate, by: principal).object
        let wanted = try request.replacement(of: old)
        let isImport = wanted.value != nil
        let maker = ObjectMaker(vault: vault)
        let draft = try await maker.draft(wanted, .rotated(old, isImport: isImport), principal)
        let kid = old.kid ?? ""
        let crypto = vault.engine.context
        let object = try await maker.make(draft, "rotated", context) { db, new in
            guard var record = try KeyStore.find(kid: kid, account: principal.acctID, in: db),
                record.object.name == name
            else { throw KMSError.noSuchObject }
            var links = record.object.links ?? ObjectLinks()
            links.replacement = new.kid
            record.object.links = links
            for key in [PercentCoding.metadataKey, PercentCoding.labelKey] {
                record.object.customMetadata?[key] = nil
            }
            if request.deactivateRotatedKey == true, [.active, .preActive].contains(record.object.currentState) {
                record.object.state = .deactivated
                record.object.deactivationDate = min(record.object.deactivationDate ?? .now, .now)
            }
            try rename(&record, in: db)
            try KeyStore.update(record, in: db)
        } material: {
            isImport ? try KeyMaterial.read(wanted, in: crypto) : try KeyMaterial.generate(wanted, in: crypto)
        }
        vault.keys.forget(kid)
        return try .json(object)
    }

    private func rename(_ record: inout KeyRecord, in db: Database) throws {
        let time = Timestamp.now
        let account = record.object.acctID ?? ""
        var attempt = 1
        var name = record.object.rotatedName(at: time, attempt: attempt)
        while try KeyStore.find(name: name, account: account, in: db) != nil {
            attempt += 1
            name = record.object.rotatedName(at: time, attempt: attempt)
        }
        record.object.name = try FieldRules.name(name)
    }
}
