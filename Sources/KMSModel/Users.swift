/// What a user is in an account.
package enum AccountRole: String, WireEnum {
    case administrator = "ACCOUNTADMINISTRATOR"
    case member = "ACCOUNTMEMBER"
    case auditor = "ACCOUNTAUDITOR"
}

/// What a member is in a group.
package enum GroupRole: String, WireEnum {
    case administrator = "GROUPADMINISTRATOR"
    case auditor = "GROUPAUDITOR"
}

/// GET /sys/v1/users: a user as one account sees it.
package struct User: Codable, Sendable {
    package var userID: String
    package var userEmail: String
    package var firstName: String?
    package var lastName: String?
    /// An `AccountRole`, STATEENABLED or STATEDISABLED, and PENDINGINVITE until the user has accepted.
    package var accountRole: [String]
    package var groups: [String: [String]]
    package var createdAt: Timestamp?

    package enum CodingKeys: String, CodingKey {
        case userID = "user_id"
        case userEmail = "user_email"
        case firstName = "first_name"
        case lastName = "last_name"
        case accountRole = "account_role"
        case groups
        case createdAt = "created_at"
    }

    package init(userID: String, userEmail: String, accountRole: [String], groups: [String: [String]]) {
        self.userID = userID
        self.userEmail = userEmail
        self.accountRole = accountRole
        self.groups = groups
    }
}

/// POST /sys/v1/users and /users/invite, PATCH /users/{id}.
package struct UserRequest: Codable, Sendable {
    package var userEmail: String?
    package var userPassword: String?
    package var firstName: String?
    package var lastName: String?
    package var accountRole: [String]?
    package var addGroups: [String: [String]]?
    package var modGroups: [String: [String]]?
    /// The roles named here do not matter.
    package var delGroups: AppGroups?
    package var enable: Bool?

    package enum CodingKeys: String, CodingKey {
        case userEmail = "user_email"
        case userPassword = "user_password"
        case firstName = "first_name"
        case lastName = "last_name"
        case accountRole = "account_role"
        case addGroups = "add_groups"
        case modGroups = "mod_groups"
        case delGroups = "del_groups"
        case enable
    }

    package init() {}
}

/// POST /sys/v1/users/process_invite: ids of accounts.
package struct ProcessInviteRequest: Codable, Sendable {
    package var accepts: [String]?
    package var rejects: [String]?

    package init(accepts: [String]? = nil, rejects: [String]? = nil) {
        self.accepts = accepts
        self.rejects = rejects
    }
}

/// POST /sys/v1/users/change_password.
package struct ChangePasswordRequest: Codable, Sendable {
    package var currentPassword: String
    package var newPassword: String

    package enum CodingKeys: String, CodingKey {
        case currentPassword = "current_password"
        case newPassword = "new_password"
    }

    package init(currentPassword: String, newPassword: String) {
        self.currentPassword = currentPassword
        self.newPassword = newPassword
    }
}
