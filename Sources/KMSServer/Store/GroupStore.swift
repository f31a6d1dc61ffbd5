internal import FoundationEssentials
package import GRDB
package import KMSModel

package enum GroupStore {
    /// - Throws: `KMSError` 409 when the account has a group of that name.
    package static func insert(_ group: Group, in db: Database) throws {
        guard try find(name: group.name, account: group.acctID, in: db) == nil else {
            throw KMSError.conflict("group already exists")
        }
        try db.execute(
            sql: """
                INSERT INTO "group" (group_id, acct_id, name, description, created_at, creator, approval_policy)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                group.groupID, group.acctID, group.name, group.description, group.createdAt?.seconds ?? 0,
                group.creator?.user ?? "", try policyJSON(group),
            ])
    }

    package static func update(_ group: Group, in db: Database) throws {
        if let other = try find(name: group.name, account: group.acctID, in: db), other.groupID != group.groupID {
            throw KMSError.conflict("group already exists")
        }
        try db.execute(
            sql: "UPDATE \"group\" SET name = ?, description = ?, approval_policy = ? WHERE group_id = ?",
            arguments: [group.name, group.description, try policyJSON(group), group.groupID])
    }

    /// - Throws: `KMSError` 409 while the group holds objects, apps or plugins.
    package static func delete(_ id: String, in db: Database) throws {
        let objects = try Int.fetchOne(db, sql: "SELECT count(*) FROM sobject WHERE group_id = ?", arguments: [id]) ?? 0
        let apps = try Int.fetchOne(db, sql: "SELECT count(*) FROM app_group WHERE group_id = ?", arguments: [id]) ?? 0
        let plugins = try PluginStore.count(inGroup: id, in: db)
        guard objects == 0, apps == 0, plugins == 0 else {
            throw KMSError.conflict(
                "The group is in use by \(objects) security object(s), \(apps) app(s) and \(plugins) plugin(s); "
                    + "delete them first")
        }
        try db.execute(sql: "DELETE FROM \"group\" WHERE group_id = ?", arguments: [id])
    }

    package static func find(id: String, account: String, in db: Database) throws -> Group? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM \"group\" WHERE group_id = ? AND acct_id = ?", arguments: [id, account]
        ).map { try group($0) }
    }

    package static func find(name: String, account: String, in db: Database) throws -> Group? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM \"group\" WHERE name = ? AND acct_id = ?", arguments: [name, account]
        ).map { try group($0) }
    }

    /// Of the groups whose objects need approvals, in all accounts, by the group's id.
    static func policies(in db: Database) throws -> [String: ApprovalPolicy] {
        let groups = try Row.fetchAll(db, sql: "SELECT * FROM \"group\" WHERE approval_policy IS NOT NULL").map(group)
        return groups.reduce(into: [:]) { $0[$1.groupID] = $1.approvalPolicy }
    }

    package static func forEach(account: String, in db: Database, _ body: (Group) throws -> Void) throws {
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM \"group\" WHERE acct_id = ?", arguments: [account])
        while let row = try rows.next() { try body(group(row)) }
    }

    package static func ids(account: String, in db: Database) throws -> [String] {
        try String.fetchAll(db, sql: "SELECT group_id FROM \"group\" WHERE acct_id = ?", arguments: [account])
    }

    private static func policyJSON(_ group: Group) throws -> String? {
        try group.approvalPolicy.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
    }

    private static func group(_ row: Row) throws -> Group {
        var group = Group(
            groupID: row["group_id"], name: row["name"], description: row["description"], acctID: row["acct_id"],
            createdAt: Timestamp(seconds: row["created_at"]))
        group.creator = Creator(user: row["creator"])
        // One that cannot be read is an error: without it the group would be unprotected.
        group.approvalPolicy = try (row["approval_policy"] as String?).map {
            try JSONDecoder().decode(ApprovalPolicy.self, from: Data($0.utf8))
        }
        return group
    }
}
