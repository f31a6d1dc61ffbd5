internal import Hummingbird
internal import KMSModel

/// /sys/v1/apps/{id}/credential and /reset_secret.
struct AppCredentialController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/apps/:id/credential") { _, context, principal in
            try await credential(context, principal)
        }
        routes.on(.post, "/sys/v1/apps/:id/reset_secret") { request, context, principal in
            try await reset(request, context, principal)
        }
    }

    private struct ResetRequest: Decodable {
        var secretSize: Int?
        var credentialMigrationPeriod: Int?

        enum CodingKeys: String, CodingKey {
            case secretSize = "secret_size"
            case credentialMigrationPeriod = "credential_migration_period"
        }
    }

    private func credential(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        let app = try await changeable(context, principal)
        let credential =
            try app.credential.map { AppCredentialResponse.Credential($0) }
            ?? .init(secret: try vault.engine.open(app.sealedSecret, as: .appSecret(id: app.id)).text)
        var answer = AppCredentialResponse(appID: app.id, credential: credential)
        if let until = app.previous?.until, until > .now { answer.previousCredential = .init(validUntil: until) }
        let message = "\(app.credential == nil ? "API key" : "Credential") of app \(app.name.quoted) read"
        let event = AuditEvent(.administrative, message, by: principal, context)
        try await vault.audit.record(event.about(app.id, groups: app.groups.keys.sorted()))
        return try .json(answer)
    }

    private func reset(_ request: Request, _ context: KMSContext, _ principal: Principal) async throws -> Response {
        let id = try await changeable(context, principal).id
        let body = try await request.jsonIfAny(ResetRequest.self)
        let credentials = AppCredentials(engine: vault.engine)
        let app = try await vault.change(by: principal, context) { [vault] db in
            guard var app = try AppStore.find(id: id, in: db) else { throw KMSError.noSuchApp }
            guard app.credential == nil else {
                throw KMSError.badRequest(
                    "The app logs in with a certificate; PATCH it with {\"credential\":{\"secret\":null}} for an API key"
                )
            }
            try Policy.check(principal, may: .readCredential, app)
            try Policy.checkApproval(principal, credentialOf: id, vault.guardedGroups)
            try credentials.set(nil, size: body.secretSize, migration: body.credentialMigrationPeriod, of: &app)
            try AppStore.update(app, in: db)
            let message = "API key of app \(app.name.quoted) replaced"
            let event = AuditEvent(.administrative, message, by: principal, context)
            return (app, event.about(app.id, groups: app.groups.keys.sorted()))
        }
        vault.apps.forget(app.id)
        vault.endSessions(of: app)
        return try .json(app.wire(withPermissions: false))
    }

    /// The app that the path names, if the caller may have its credential: whoever has that has the app's rights.
    private func changeable(_ context: KMSContext, _ principal: Principal) async throws -> AppRecord {
        let app = try await vault.app(context, principal)
        try Policy.check(principal, may: .readCredential, app)
        try Policy.checkApproval(principal, credentialOf: app.id, vault.guardedGroups)
        return app
    }
}
