package import GRDB
package import KMSModel

/// A user as stored.
package struct UserRecord: Sendable {
    package var id: String
    package var acctID: String
    package var email: String
    /// scrypt, see `PasswordHash`.
    package var passwordHash: String
    package var createdAt: Timestamp
    /// Of the request at hand; not stored. See `Principal`.
    package var guardedGroups: Set<String> = []

    package init(id: String, acctID: String, email: String, passwordHash: String, createdAt: Timestamp) {
        self.id = id
        self.acctID = acctID
        self.email = email
        self.passwordHash = passwordHash
        self.createdAt = createdAt
    }
}

package enum UserStore {
    package static func insert(_ user: UserRecord, in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO user (user_id, acct_id, email, password_hash, created_at) VALUES (?, ?, ?, ?, ?)",
            arguments: [user.id, user.acctID, user.email, user.passwordHash, user.createdAt.seconds])
    }

    package static func find(email: String, in db: Database) throws -> UserRecord? {
        try Row.fetchOne(db, sql: "SELECT * FROM user WHERE email = ?", arguments: [email.lowercased()]).map(record)
    }

    package static func find(id: String, in db: Database) throws -> UserRecord? {
        try Row.fetchOne(db, sql: "SELECT * FROM user WHERE user_id = ?", arguments: [id]).map(record)
    }

    package static func all(in db: Database) throws -> [UserRecord] {
        try Row.fetchAll(db, sql: "SELECT * FROM user ORDER BY email").map(record)
    }

    private static func record(_ row: Row) -> UserRecord {
        UserRecord(
            id: row["user_id"], acctID: row["acct_id"], email: row["email"], passwordHash: row["password_hash"],
            createdAt: Timestamp(seconds: row["created_at"]))
    }
}
