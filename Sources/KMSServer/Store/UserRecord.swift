package import KMSModel

/// A user as a member of one account. The same user may be in several, with the same password and other rights.
package struct UserRecord: Sendable, Equatable {
    package var id: String
    package var acctID: String
    package var email: String
    /// scrypt, see `PasswordHash`.
    package var passwordHash: String
    package var createdAt: Timestamp
    package var firstName: String?
    package var lastName: String?

    // In this account.
    package var role = AccountRole.administrator
    package var isEnabled = true
    /// Invited, and has not accepted.
    package var isPending = false
    /// Of a member. Administrators and auditors have all groups.
    package var groups: [String: Set<GroupRole>] = [:]
    /// Of the request at hand; not stored. See `Principal`.
    package var guardedGroups: Set<String> = []

    package init(id: String, acctID: String, email: String, passwordHash: String, createdAt: Timestamp) {
        self.id = id
        self.acctID = acctID
        self.email = email
        self.passwordHash = passwordHash
        self.createdAt = createdAt
    }

    /// Whether the user may work in the account at all.
    package var isActive: Bool { isEnabled && !isPending }

    /// - Parameter group: nil: of no group, which is the account's.
    package func administers(_ group: String?) -> Bool {
        switch role {
        case .administrator: true
        case .auditor: false
        case .member: group.flatMap { groups[$0]?.contains(.administrator) } ?? false
        }
    }

    /// `account_role` on the wire.
    package var flags: [String] {
        [role.rawValue, isEnabled ? "STATEENABLED" : "STATEDISABLED"] + (isPending ? ["PENDINGINVITE"] : [])
    }

    package var wire: User {
        var user = User(
            userID: id, userEmail: email, accountRole: flags,
            groups: groups.mapValues { $0.map(\.rawValue).sorted() })
        user.firstName = firstName
        user.lastName = lastName
        user.createdAt = createdAt
        return user
    }
}
