package import GRDB
internal import KMSModel

/// Users, their memberships of accounts and their roles in groups.
package enum UserStore {
    private static var selection: String {
        """
        SELECT user.*, member.acct_id, member.role, member.enabled, member.pending
        FROM user JOIN member USING (user_id)
        """
    }

    /// A new user with its first membership.
    ///
    /// - Throws: `KMSError` 409 when there is a user of that email.
    package static func insert(_ user: UserRecord, in db: Database) throws {
        guard try find(email: user.email, in: db) == nil else { throw KMSError.conflict("user already exists") }
        try db.execute(
            sql: """
                INSERT INTO user (user_id, email, password_hash, first_name, last_name, created_at)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                user.id, user.email, user.passwordHash, user.firstName, user.lastName, user.createdAt.seconds,
            ])
        try insertMember(user, in: db)
    }

    /// A further membership of a user.
    package static func insertMember(_ user: UserRecord, in db: Database) throws {
        guard try find(id: user.id, account: user.acctID, in: db) == nil else {
            throw KMSError.conflict("user already exists in this account")
        }
        try db.execute(
            sql: "INSERT INTO member (user_id, acct_id, role, enabled, pending) VALUES (?, ?, ?, ?, ?)",
            arguments: [user.id, user.acctID, user.role.rawValue, user.isEnabled, user.isPending])
        try setGroups(user, in: db)
    }

    /// Names and membership.
    ///
    /// - Throws: `KMSError` 409 when the account would be without an administrator, or an approval policy without enough
    ///   approvers.
    package static func update(_ user: UserRecord, in db: Database) throws {
        try db.execute(
            sql: "UPDATE user SET first_name = ?, last_name = ? WHERE user_id = ?",
            arguments: [user.firstName, user.lastName, user.id])
        try db.execute(
            sql: "UPDATE member SET role = ?, enabled = ?, pending = ? WHERE user_id = ? AND acct_id = ?",
            arguments: [user.role.rawValue, user.isEnabled, user.isPending, user.id, user.acctID])
        try setGroups(user, in: db)
        try checkAdministrator(of: user.acctID, in: db)
        if !user.isActive { try ApproverStore.checkLoss(of: user.id, account: user.acctID, in: db) }
    }

    package static func setPassword(of id: String, hash: String, in db: Database) throws {
        try db.execute(sql: "UPDATE user SET password_hash = ? WHERE user_id = ?", arguments: [hash, id])
    }

    /// Ends a membership, and with the last one the user.
    ///
    /// - Throws: `KMSError` 409 when the account would be without an administrator, or an approval policy without enough
    ///   approvers.
    package static func removeMember(_ user: UserRecord, in db: Database) throws {
        try db.execute(
            sql: "DELETE FROM member WHERE user_id = ? AND acct_id = ?", arguments: [user.id, user.acctID])
        try checkAdministrator(of: user.acctID, in: db)
        try ApproverStore.checkLoss(of: user.id, account: user.acctID, in: db)
        try db.execute(
            sql: "DELETE FROM user WHERE user_id = ? AND user_id NOT IN (SELECT user_id FROM member)",
            arguments: [user.id])
    }

    /// The membership that counts for a login: one that is active if there is any, else an invitation.
    package static func find(email: String, in db: Database) throws -> UserRecord? {
        try Row.fetchOne(
            db,
            sql: selection + " WHERE email = ? ORDER BY enabled DESC, pending, acct_id LIMIT 1",
            arguments: [email.lowercased()]
        ).map { try record($0, in: db) }
    }

    package static func find(id: String, account: String, in db: Database) throws -> UserRecord? {
        try Row.fetchOne(db, sql: selection + " WHERE user_id = ? AND acct_id = ?", arguments: [id, account])
            .map { try record($0, in: db) }
    }

    package static func forEach(account: String, in db: Database, _ body: (UserRecord) throws -> Void) throws {
        let rows = try Row.fetchCursor(db, sql: selection + " WHERE acct_id = ?", arguments: [account])
        while let row = try rows.next() { try body(record(row, in: db)) }
    }

    /// A user's memberships of all accounts.
    package static func memberships(of id: String, in db: Database) throws -> [UserRecord] {
        try Row.fetchAll(db, sql: selection + " WHERE user_id = ? ORDER BY acct_id", arguments: [id])
            .map { try record($0, in: db) }
    }

    private static func setGroups(_ user: UserRecord, in db: Database) throws {
        try db.execute(
            sql: "DELETE FROM member_group WHERE user_id = ? AND acct_id = ?", arguments: [user.id, user.acctID])
        for (group, roles) in user.groups {
            try db.execute(
                sql: "INSERT INTO member_group (user_id, acct_id, group_id, roles) VALUES (?, ?, ?, ?)",
                arguments: [user.id, user.acctID, group, roles.map(\.rawValue).sorted().joined(separator: " ")])
        }
    }

    private static func checkAdministrator(of account: String, in db: Database) throws {
        let count = try Int.fetchOne(
            db, sql: "SELECT count(*) FROM member WHERE acct_id = ? AND role = ? AND enabled AND NOT pending",
            arguments: [account, AccountRole.administrator.rawValue])
        guard let count, count > 0 else {
            throw KMSError.conflict("The account needs an administrator; make another one first")
        }
    }

    private static func record(_ row: Row, in db: Database) throws -> UserRecord {
        var user = UserRecord(
            id: row["user_id"], acctID: row["acct_id"], email: row["email"], passwordHash: row["password_hash"],
            createdAt: Timestamp(seconds: row["created_at"]))
        user.firstName = row["first_name"]
        user.lastName = row["last_name"]
        // What cannot be read has the fewest rights.
        user.role = AccountRole(wire: row["role"]) ?? .member
        user.isEnabled = row["enabled"]
        user.isPending = row["pending"]
        let grants = try Row.fetchAll(
            db, sql: "SELECT group_id, roles FROM member_group WHERE user_id = ? AND acct_id = ?",
            arguments: [user.id, user.acctID])
        for grant in grants {
            let roles: String = grant["roles"]
            user.groups[grant["group_id"]] = Set(roles.split(separator: " ").compactMap { GroupRole(wire: String($0)) })
        }
        return user
    }
}
