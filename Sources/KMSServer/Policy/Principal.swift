package import KMSModel

/// Who makes a request.
package enum Principal: Sendable, Equatable {
    case app(Shared<AppRecord>)
    case user(Shared<UserRecord>)

    package var id: String {
        switch self {
        case .app(let app): app.id
        case .user(let user): user.id
        }
    }

    /// As the audit log names it.
    package var name: String {
        switch self {
        case .app(let app): "App \(app.name.quoted)"
        case .user(let user): "User \(user.email.quoted)"
        }
    }

    package var actorType: String {
        switch self {
        case .app: "App"
        case .user: "User"
        }
    }

    package var creator: Creator {
        switch self {
        case .app(let app): Creator(app: app.id)
        case .user(let user): Creator(user: user.id)
        }
    }

    /// The groups whose objects are visible; nil: all of the account.
    package var groups: [String]? {
        guard !seesAllGroups else { return nil }
        return switch self {
        case .app(let app): app.groups.keys.sorted()
        case .user(let user): user.groups.keys.sorted()
        }
    }

    package var seesAllGroups: Bool {
        switch self {
        case .app(let app): app.isAdministrative
        case .user(let user): user.role != .member
        }
    }

    package func sees(group: String) -> Bool {
        switch self {
        case .app(let app): app.groups[group] != nil || app.isAdministrative
        case .user(let user): user.role != .member || user.groups[group] != nil
        }
    }

    /// Groups that this request may neither change nor use for want of approvals.
    package var guardedGroups: Set<String> {
        get {
            switch self {
            case .app(let app): app.guardedGroups
            case .user(let user): user.guardedGroups
            }
        }
        set {
            switch self {
            case .app(let app):
                var record = app.value
                record.guardedGroups = newValue
                self = .app(Shared(record))
            case .user(let user):
                var record = user.value
                record.guardedGroups = newValue
                self = .user(Shared(record))
            }
        }
    }

    package var acctID: String {
        switch self {
        case .app(let app): app.acctID
        case .user(let user): user.acctID
        }
    }
}
