internal import FoundationEssentials
package import GRDB
package import KMSModel

/// Accounts: `kmsd init` makes the first, its administrators make others.
package enum AccountStore {
    package static func insert(_ account: Account, in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO account (acct_id, name, created_at, description, custom_metadata) VALUES (?, ?, ?, ?, ?)",
            arguments: [
                account.acctID, account.name, account.createdAt?.seconds ?? 0, account.description,
                try metadata(account),
            ])
    }

    package static func update(_ account: Account, in db: Database) throws {
        try db.execute(
            sql: "UPDATE account SET name = ?, description = ?, custom_metadata = ? WHERE acct_id = ?",
            arguments: [account.name, account.description, try metadata(account), account.acctID])
    }

    /// - Throws: `KMSError` 409 while the account holds anything but the one who deletes it.
    package static func delete(_ id: String, in db: Database) throws {
        let usage = try usage(of: id, operations: 0, in: db)
        guard usage.numGroup == 0, usage.numApp == 0, usage.numSobj == 0, usage.numPlugin == 0, usage.numUser <= 1
        else {
            throw KMSError.conflict(
                "The account has \(usage.numGroup) group(s), \(usage.numApp) app(s), \(usage.numSobj) security "
                    + "object(s), \(usage.numPlugin) plugin(s) and \(usage.numUser) user(s); delete them first, but for "
                    + "yourself")
        }
        try db.execute(sql: "DELETE FROM approval_request WHERE acct_id = ?", arguments: [id])
        try db.execute(sql: "DELETE FROM member WHERE acct_id = ?", arguments: [id])
        try db.execute(sql: "DELETE FROM account WHERE acct_id = ?", arguments: [id])
    }

    /// - Parameter operations: of `OperationTally`.
    package static func usage(of id: String, operations: Int, in db: Database) throws -> AccountUsage {
        func count(_ table: String) throws -> Int {
            try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table) WHERE acct_id = ?", arguments: [id]) ?? 0
        }
        return AccountUsage(
            numOperations: operations, numApp: try count("app"), numGroup: try count("\"group\""),
            numSobj: try count("sobject"), numPlugin: try count("plugin"), numUser: try count("member"))
    }

    package static func find(id: String, in db: Database) throws -> Account? {
        try Row.fetchOne(db, sql: "SELECT * FROM account WHERE acct_id = ?", arguments: [id]).map(account)
    }

    /// By name.
    package static func ids(in db: Database) throws -> [String] {
        try String.fetchAll(db, sql: "SELECT acct_id FROM account ORDER BY name")
    }

    private static func account(_ row: Row) throws -> Account {
        var account = Account(
            acctID: row["acct_id"], name: row["name"], createdAt: Timestamp(seconds: row["created_at"]))
        account.description = row["description"]
        let metadata: String? = row["custom_metadata"]
        account.customMetadata = try metadata.map {
            try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
        }
        return account
    }

    private static func metadata(_ account: Account) throws -> String? {
        try account.customMetadata.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
    }
}
