import ArgumentParser
import KMSModel

/// `--role`: what a user is in the account.
enum UserRole: String, CaseIterable, ExpressibleByArgument {
    case administrator, member, auditor

    var wire: AccountRole {
        switch self {
        case .administrator: .administrator
        case .member: .member
        case .auditor: .auditor
        }
    }

    init?(_ flags: [String]) {
        guard let role = flags.lazy.compactMap(AccountRole.init(wire:)).first else { return nil }
        switch role {
        case .administrator: self = .administrator
        case .member: self = .member
        case .auditor: self = .auditor
        }
    }
}

/// `NAME=administrator`: a group and what a member is there.
struct GroupGrant: ExpressibleByArgument {
    var group: String
    var role: GroupRole

    /// The last `=` counts, because names may have some.
    init?(argument: String) {
        guard let sign = argument.lastIndex(of: "=") else { return nil }
        group = String(argument[..<sign])
        switch argument[argument.index(after: sign)...] {
        case "administrator": role = .administrator
        case "auditor": role = .auditor
        default: return nil
        }
    }
}

/// `NAME` or `NAME=SIGN,VERIFY`: a group and what an app may do there.
struct PermissionGrant: ExpressibleByArgument {
    var group: String
    /// nil: everything.
    var permissions: [String]?

    init?(argument: String) {
        guard let sign = argument.lastIndex(of: "=") else {
            group = argument
            return
        }
        group = String(argument[..<sign])
        permissions = argument[argument.index(after: sign)...].split(separator: ",").map { $0.uppercased() }
        if group.isEmpty || permissions?.isEmpty ?? false { return nil }
    }
}

extension AdminClient {
    /// What `mod_groups` takes, by the ids of the groups.
    func roles(_ grants: [GroupGrant]) throws -> [String: [String]]? {
        guard !grants.isEmpty else { return nil }
        return try Dictionary(
            grants.map { (try groupID($0.group), [$0.role.rawValue]) }, uniquingKeysWith: { $0 + $1 })
    }

    func user(_ emailOrID: String) throws -> User {
        let users = try users()
        let email = emailOrID.lowercased()
        if let user = users.first(where: { $0.userEmail.lowercased() == email || $0.userID == email }) { return user }
        throw CommandFailure(.notFound, "there is no user \"\(emailOrID)\"", remedy: "See `kmsctl user list`.")
    }
}
