internal import GRDB
internal import Hummingbird
internal import KMSModel
internal import KMSSupport

/// /sys/v1/users: the members of an account.
struct UserController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.get, "/sys/v1/users") { request, _, principal in try await list(Query(request), principal) }
        routes.on(.post, "/sys/v1/users") { request, context, principal in
            try Policy.check(principal, may: .changeUsers)
            return try await create(try UserChange(try await request.json(UserRequest.self)), context, principal)
        }
        routes.on(.post, "/sys/v1/users/invite") { request, context, principal in
            try Policy.check(principal, may: .changeUsers)
            return try await invite(try UserChange(try await request.json(UserRequest.self)), context, principal)
        }
        routes.on(.get, "/sys/v1/users/:id") { _, context, principal in
            try .json(try await user(context, principal).wire)
        }
        routes.on(.patch, "/sys/v1/users/:id") { request, context, principal in
            let user = try await user(context, principal)
            let change = try UserChange(try await request.json(UserRequest.self))
            if user.id != principal.id || !change.isPersonal { try Policy.check(principal, may: .changeUsers) }
            return try await update(user, change, context, principal)
        }
        routes.on(.delete, "/sys/v1/users/:id") { _, context, principal in
            let user = try await user(context, principal)
            try Policy.check(principal, may: .changeUsers)
            return try await delete(user, context, principal)
        }
        routes.on(.get, "/sys/v1/users/:id/accounts") { _, context, principal in
            let user = try await user(context, principal)
            // Of others, only what they are here: an account does not tell of another.
            let all = user.id == principal.id ? try await vault.authenticator.memberships(of: user.id) : [user]
            return try .json(all.flagsByAccount)
        }
    }

    private func list(_ query: Query, _ principal: Principal) async throws -> Response {
        try Policy.check(principal, may: .readUsers)
        let listing = try Listing(query, names: ("user_id", "user_email"))
        if let account = query.text("acct_id")?.lowercased(), account != principal.acctID {
            throw KMSError.noSuchAccount
        }
        let group = query.text("group_id")?.lowercased()
        return try await listing.answer(vault.pool) { db, add in
            try UserStore.forEach(account: principal.acctID, in: db) { user in
                guard Policy.isVisible(user, to: principal), group.map({ user.groups[$0] != nil }) ?? true else {
                    return
                }
                add(.init(id: user.id, name: user.email))
            }
        } item: { id, db in
            try UserStore.find(id: id, account: principal.acctID, in: db)?.wire
        }
    }

    private func create(
        _ change: UserChange, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let email = try change.email()
        guard let password = change.newPassword else {
            throw KMSError.badRequest("Field \"user_password\" is missing: the new user logs in with it")
        }
        var user = UserRecord(
            id: newID(), acctID: principal.acctID, email: email,
            passwordHash: try await hash(password, "user_password"),
            createdAt: .now)
        user.role = .member
        let created = try await vault.change(by: principal, context) { [user] db in
            var user = user
            try change.apply(to: &user, in: db)
            try UserStore.insert(user, in: db)
            return (user, event("created as \(user.role.rawValue)", user, context, principal))
        }
        return try .json(created.wire, status: .created)
    }

    /// Only somebody who is a user already can be invited: this server sends no mail.
    private func invite(
        _ change: UserChange, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let email = try change.email()
        let invited = try await vault.change(by: principal, context) { db in
            guard var user = try UserStore.find(email: email, in: db) else {
                throw KMSError.notFound(
                    "user does not exist; POST /sys/v1/users makes one with a password, for no mail is sent")
            }
            user.acctID = principal.acctID
            user.role = .member
            user.isEnabled = true
            user.isPending = true
            user.groups = [:]
            try change.apply(to: &user, in: db)
            try UserStore.insertMember(user, in: db)
            return (user, event("invited as \(user.role.rawValue)", user, context, principal))
        }
        return try .json(invited.wire, status: .created)
    }

    private func update(
        _ user: UserRecord, _ change: UserChange, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        var hash: String?
        if let password = change.newPassword { hash = try await self.hash(password, "user_password") }
        let updated = try await vault.change(by: principal, context) { [vault, hash] db in
            guard var user = try UserStore.find(id: user.id, account: user.acctID, in: db) else {
                throw KMSError.noSuchUser
            }
            if user.id != principal.id || hash != nil { try checkOwner(of: user, change, in: db) }
            try change.apply(to: &user, in: db)
            try UserStore.update(user, in: db)
            if let hash {
                try Policy.checkApproval(principal, credentialOf: user.id, vault.guardedGroups)
                try UserStore.setPassword(of: user.id, hash: hash, in: db)
            }
            let verb = "updated (\(user.flags.joined(separator: " ")))" + (hash == nil ? "" : ", with a new password")
            return (user, event(verb, user, context, principal))
        }
        if hash != nil { vault.sessions.endAll(of: .user(updated.id)) }
        if !updated.isEnabled { vault.sessions.endAll(of: .user(updated.id), in: updated.acctID) }
        return try .json(updated.wire)
    }

    /// What all accounts of a user share is not for the administrators of one of them.
    private func checkOwner(of user: UserRecord, _ change: UserChange, in db: Database) throws {
        guard change.touchesPerson, try UserStore.memberships(of: user.id, in: db).count > 1 else { return }
        throw KMSError.forbidden(
            "Requested operation is not allowed: the user belongs to other accounts, too, and changes the password and "
                + "the names alone")
    }

    private func delete(_ user: UserRecord, _ context: KMSContext, _ principal: Principal) async throws -> Response {
        try await vault.change(by: principal, context) { db in
            try UserStore.removeMember(user, in: db)
            return ((), event("removed from the account", user, context, principal))
        }
        vault.sessions.endAll(of: .user(user.id), in: user.acctID)
        return .noContent
    }

    private func hash(_ password: String, _ field: String) async throws -> String {
        let secret = try UserChange.checkPassword(password, field: field)
        return try await vault.blocking.runIfActive { [context = vault.engine.context] in
            try PasswordHash.make(secret, in: context)
        }
    }

    private func user(_ context: KMSContext, _ principal: Principal) async throws -> UserRecord {
        try Policy.check(principal, may: .readUsers)
        guard let user = try await vault.authenticator.user(context.pathID, principal.acctID),
            Policy.isVisible(user, to: principal)
        else { throw KMSError.noSuchUser }
        return user
    }

    private func event(
        _ verb: String, _ user: UserRecord, _ context: KMSContext, _ principal: Principal
    ) -> AuditEvent {
        AuditEvent(.administrative, "User \(user.email.quoted) \(verb)", by: principal, context)
            .about(user.id, groups: user.groups.keys.sorted())
    }
}

extension KMSError {
    static var noSuchUser: KMSError { notFound("user does not exist") }
}

extension [UserRecord] {
    /// GET /sys/v1/users/accounts.
    var flagsByAccount: [String: [String]] { Dictionary(map { ($0.acctID, $0.flags) }, uniquingKeysWith: { $1 }) }
}

extension KMSContext {
    /// What the path names.
    var pathID: String { parameters.get("id")?.lowercased() ?? "" }
}
