internal import Hummingbird
internal import KMSModel
internal import KMSSupport

/// What users do for themselves, before or without selecting an account.
struct OwnUserController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        // What a user needs before an account is selected: the ids to choose from, with the user's role in each.
        routes.open(.get, "/sys/v1/users/accounts") { request, _ in
            let (_, id) = try vault.authenticator.userSession(of: request)
            return try .json(try await vault.authenticator.memberships(of: id).filter(\.isEnabled).flagsByAccount)
        }
        routes.open(.post, "/sys/v1/users/process_invite") { request, context in
            try await answerInvitations(request, context)
        }
        routes.open(.post, "/sys/v1/users/change_password") { request, context in
            try await changePassword(request, context)
        }
    }

    private func answerInvitations(_ request: Request, _ context: KMSContext) async throws -> Response {
        let answer = try await request.json(ProcessInviteRequest.self)
        // After the body, which may have been long in coming: the session may have ended meanwhile.
        let (_, id) = try vault.authenticator.userSession(of: request)
        for account in answer.accepts ?? [] { try await settle(id, account.lowercased(), accept: true, context) }
        for account in answer.rejects ?? [] { try await settle(id, account.lowercased(), accept: false, context) }
        return .noContent
    }

    private func settle(_ id: String, _ account: String, accept: Bool, _ context: KMSContext) async throws {
        try await vault.change { db in
            guard var user = try UserStore.find(id: id, account: account, in: db), user.isPending, user.isEnabled else {
                throw KMSError.notFound("There is no invitation to account \(account.prefix(64).quoted)")
            }
            let invited = user
            user.isPending = false
            if accept { try UserStore.update(user, in: db) } else { try UserStore.removeMember(user, in: db) }
            let message = "User \(user.email.quoted) \(accept ? "accepted" : "rejected") the invitation"
            return ((), AuditEvent(.administrative, message, by: .user(Shared(invited)), context).about(user.id))
        }
    }

    /// The other sessions of the user end.
    private func changePassword(_ request: Request, _ context: KMSContext) async throws -> Response {
        let body = try await request.json(ChangePasswordRequest.self)
        let (token, id) = try vault.authenticator.userSession(of: request)
        let new = try UserChange.checkPassword(body.newPassword, field: "new_password")
        guard let email = try await vault.authenticator.memberships(of: id).first?.email else {
            throw KMSError.noSession
        }
        let user = try await vault.authenticator.login(user: email, .init(body.currentPassword), context)
        let hash = try await vault.blocking.runIfActive { [context = vault.engine.context] in
            try PasswordHash.make(new, in: context)
        }
        try await vault.change { db in
            // Somebody may have changed it in the time that the two hashes took.
            guard try UserStore.memberships(of: id, in: db).first?.passwordHash == user.passwordHash else {
                throw KMSError.wrongCredential
            }
            try UserStore.setPassword(of: id, hash: hash, in: db)
            let message = "User \(user.email.quoted) changed the password"
            return ((), AuditEvent(.administrative, message, by: .user(Shared(user)), context).about(id))
        }
        vault.sessions.endAll(of: .user(id), but: token)
        return .noContent
    }
}
