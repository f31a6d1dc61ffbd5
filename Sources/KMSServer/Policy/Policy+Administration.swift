internal import KMSModel

/// Accounts, users, groups, apps, audit log.
extension Policy {
    package enum Administration: Sendable, CaseIterable {
        case readAccount, changeAccount, createAccount, deleteAccount
        case readUsers, changeUsers
        case readGroup, createGroup, changeGroup, deleteGroup
        case readApp, createApp, changeApp, deleteApp, readCredential, grantAdministration
        case changePlugins
    }

    /// Who may do something, beside the account's administrators, who may do all of it.
    enum Reach {
        /// Nobody else.
        case administrators
        /// Also an app whose role is admin.
        case administrativeApps
        /// Also those and the administrators of every group that is concerned; there must be one.
        case groupAdministrators
        /// Every user, and those apps. What they see of it is decided below.
        case users
        /// Whoever is logged in.
        case everybody
    }

    /// - Parameter groups: that are concerned.
    /// - Throws: 403 with what it needs.
    package static func check(
        _ principal: Principal, may action: Administration, in groups: some Collection<String> = []
    ) throws(KMSError) {
        let reach = action.reach
        let isAllowed: Bool =
            switch principal {
            case .user(let user): Policy.isAllowed(user.value, reach, groups)
            case .app(let app): Policy.isAllowed(app.value, reach, groups)
            }
        guard isAllowed else { throw .forbidden("Requested operation is not allowed: it needs \(reach.sentence)") }
    }

    private static func isAllowed(_ user: UserRecord, _ reach: Reach, _ groups: some Collection<String>) -> Bool {
        switch (reach, user.role) {
        case (_, .administrator), (.users, _), (.everybody, _): true
        case (.groupAdministrators, .member): !groups.isEmpty && groups.allSatisfy { user.administers($0) }
        default: false
        }
    }

    private static func isAllowed(_ app: AppRecord, _ reach: Reach, _ groups: some Collection<String>) -> Bool {
        switch reach {
        case .everybody: true
        case .administrativeApps, .groupAdministrators, .users: app.isAdministrative
        case .administrators: false
        }
    }

    /// The groups whose audit records are visible; nil: all of the account.
    package static func auditGroups(_ principal: Principal) throws(KMSError) -> [String]? {
        let groups: [String]
        switch principal {
        case .user(let user):
            guard user.role == .member else { return nil }
            groups = user.groups.keys.sorted()
        case .app(let app):
            groups = app.groups.keys.filter { app.may(.audit, or: nil, in: $0) }.sorted()
        }
        guard !groups.isEmpty else {
            throw .forbidden(
                "Requested operation is not allowed: it needs the AUDIT permission, or a role, in some group")
        }
        return groups
    }

    /// An app sees itself, a member itself, everybody else all of the account.
    package static func isVisible(_ user: UserRecord, to principal: Principal) -> Bool {
        guard user.acctID == principal.acctID else { return false }
        return switch principal {
        case .user(let caller): caller.role != .member || caller.id == user.id
        case .app(let app): app.isAdministrative
        }
    }

    /// An app sees itself, a member the apps of its groups.
    package static func isVisible(_ app: AppRecord, to principal: Principal) -> Bool {
        guard app.acctID == principal.acctID else { return false }
        return switch principal {
        case .app(let caller): caller.id == app.id || caller.isAdministrative
        case .user: principal.seesAllGroups || app.groups.keys.contains { principal.sees(group: $0) }
        }
    }
}

extension Policy.Administration {
    /// The table.
    var reach: Policy.Reach {
        switch self {
        case .readAccount, .readGroup, .readApp: .everybody
        case .readUsers: .users
        case .changeAccount, .createAccount, .deleteAccount, .changeUsers, .grantAdministration: .administrators
        case .createGroup, .deleteGroup, .changePlugins: .administrativeApps
        case .changeGroup: .groupAdministrators
        case .createApp, .changeApp, .deleteApp, .readCredential: .groupAdministrators
        }
    }
}

extension Policy.Reach {
    fileprivate var sentence: String {
        switch self {
        case .administrators: "the session of an administrator of the account"
        case .administrativeApps: "an administrator of the account"
        case .groupAdministrators: "an administrator of the account or of every group concerned"
        case .users: "the session of a user"
        case .everybody: "a login"
        }
    }
}
