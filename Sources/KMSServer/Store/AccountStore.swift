package import GRDB
package import KMSModel

/// Accounts. `kmsd init` makes the only one.
package enum AccountStore {
    package static func insert(_ account: Account, in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO account (acct_id, name, created_at) VALUES (?, ?, ?)",
            arguments: [account.acctID, account.name, account.createdAt?.seconds ?? 0])
    }

    package static func all(in db: Database) throws -> [Account] {
        try Row.fetchAll(db, sql: "SELECT * FROM account ORDER BY name").map { row in
            Account(acctID: row["acct_id"], name: row["name"], createdAt: Timestamp(seconds: row["created_at"]))
        }
    }
}
