internal import GRDB
internal import KMSModel
internal import KMSSupport

/// POST and PATCH of /sys/v1/users: the request's fields, checked, and what they do to a user.
struct UserChange: Sendable {
    static var shortestPassword: Int { 8 }
    static var longestPassword: Int { 1024 }

    private let request: UserRequest
    private let role: AccountRole?
    private let isEnabled: Bool?
    private let grants: [String: Set<GroupRole>]
    private let withdrawn: [String]

    /// - Throws: 400 with the field that does not fit.
    init(_ request: UserRequest) throws(KMSError) {
        self.request = request
        var role: AccountRole?
        var isEnabled = request.enable
        for flag in request.accountRole ?? [] {
            switch flag.uppercased() {
            case "STATEENABLED": isEnabled = isEnabled ?? true
            case "STATEDISABLED": isEnabled = isEnabled ?? false
            case "PENDINGINVITE": break
            default:
                guard let known = AccountRole(wire: flag), role == nil || role == known else {
                    throw .badRequest(
                        "Field \"account_role\" must hold exactly one of "
                            + AccountRole.allCases.map(\.rawValue).joined(separator: ", "))
                }
                role = known
            }
        }
        self.role = role
        self.isEnabled = isEnabled
        var grants: [String: Set<GroupRole>] = [:]
        for (field, map) in [("add_groups", request.addGroups), ("mod_groups", request.modGroups)] {
            for (group, names) in map ?? [:] { grants[group.lowercased()] = try UserChange.roles(names, field) }
        }
        self.grants = grants
        withdrawn = (request.delGroups?.ids ?? []).map { $0.lowercased() }
        for name in [request.firstName, request.lastName].compactMap(\.self) { _ = try FieldRules.name(name) }
    }

    private static func roles(_ names: [String], _ field: String) throws(KMSError) -> Set<GroupRole> {
        var roles: Set<GroupRole> = []
        for name in names {
            guard let role = GroupRole(wire: name) else {
                throw .badRequest("Field \"\(field)\": there is no role \(name.prefix(64).quoted) in a group")
            }
            roles.insert(role)
        }
        guard !roles.isEmpty else {
            throw .badRequest(
                "Field \"\(field)\": a group needs " + GroupRole.allCases.map(\.rawValue).joined(separator: " or "))
        }
        return roles
    }

    /// Whether only what belongs to the person is touched, which is everybody's own.
    var isPersonal: Bool {
        role == nil && isEnabled == nil && grants.isEmpty && withdrawn.isEmpty && request.userPassword == nil
            && request.userEmail == nil
    }

    /// Whether it changes what the user is in all accounts.
    var touchesPerson: Bool { newPassword != nil || request.firstName != nil || request.lastName != nil }

    var newPassword: String? { request.userPassword }

    /// The email of a new user: what comes before the colon of Basic, and no id of an app.
    func email() throws(KMSError) -> String {
        guard let email = request.userEmail?.lowercased(), email.contains("@"), email.utf8.count <= 254,
            !email.contains(where: { $0.isWhitespace || $0 == ":" }),
            !email.unicodeScalars.contains(where: FieldRules.isDeceptive)
        else { throw .badRequest("Field \"user_email\" must be an email address") }
        return email
    }

    static func checkPassword(_ password: String, field: String) throws(KMSError) -> Secret {
        guard (shortestPassword...longestPassword).contains(password.utf8.count) else {
            throw .badRequest(
                "Field \"\(field)\" must have between \(shortestPassword) and \(longestPassword) bytes")
        }
        return Secret(password)
    }

    /// - Throws: 400 for a group that the account does not have.
    func apply(to user: inout UserRecord, in db: Database) throws {
        for group in grants.keys {
            guard try GroupStore.find(id: group, account: user.acctID, in: db) != nil else {
                throw KMSError.badRequest("Field \"add_groups\": there is no group \(group.prefix(64).quoted)")
            }
        }
        if let role { user.role = role }
        if let isEnabled { user.isEnabled = isEnabled }
        user.groups.merge(grants) { $1 }
        for group in withdrawn { user.groups[group] = nil }
        user.firstName = request.firstName ?? user.firstName
        user.lastName = request.lastName ?? user.lastName
    }
}
