internal import FoundationEssentials
package import GRDB
package import KMSModel
package import KMSSupport

/// An app as stored, with everything that a decision about it needs.
package struct AppRecord: Sendable {
    package var id: String
    package var acctID: String
    package var name: String
    package var description: String?
    package var appType: String?
    package var interface: String?
    package var enabled = true
    package var defaultGroup: String?
    package var createdAt: Timestamp
    /// Permissions by group; nil: all of them.
    package var groups: [String: Set<AppPermission>?]
    /// SHA-256 of the secret, which has 64 random bytes and so needs no slow hash.
    package var secretHash: Secret
    package var sealedSecret: [UInt8]
    /// Of the request at hand; not stored. See `Principal`.
    package var guardedGroups: Set<String> = []

    package init(
        id: String, acctID: String, name: String, createdAt: Timestamp, groups: [String: Set<AppPermission>?],
        secretHash: Secret, sealedSecret: [UInt8]
    ) {
        self.id = id
        self.acctID = acctID
        self.name = name
        self.createdAt = createdAt
        self.groups = groups
        self.secretHash = secretHash
        self.sealedSecret = sealedSecret
    }

    /// Whether the app has one of the permissions in the group.
    package func may(_ permissions: [AppPermission], in group: String) -> Bool {
        guard let granted = groups[group] else { return false }
        guard let granted else { return true }
        return permissions.contains(where: granted.contains)
    }

    /// - Parameter withPermissions: answer the map form of the groups.
    package func wire(withPermissions: Bool) -> App {
        var groups = AppGroups.list(self.groups.keys.sorted())
        if withPermissions {
            groups = .permissions(
                self.groups.mapValues { granted in
                    AppPermission.allCases.filter { granted?.contains($0) ?? true }.map(\.rawValue)
                })
        }
        var app = App(appID: id, name: name, acctID: acctID, groups: groups)
        app.description = description
        app.appType = appType
        app.interface = interface
        app.enabled = enabled
        app.defaultGroup = defaultGroup
        app.createdAt = createdAt
        return app
    }
}

package enum AppStore {
    /// - Throws: `KMSError` 409 when the account has an app of that name.
    package static func insert(_ app: AppRecord, in db: Database) throws {
        let taken = try String.fetchOne(
            db, sql: "SELECT app_id FROM app WHERE acct_id = ? AND name = ?", arguments: [app.acctID, app.name])
        guard taken == nil else { throw KMSError.conflict("app already exists") }
        try db.execute(
            sql: """
                INSERT INTO app (app_id, acct_id, name, description, app_type, interface, enabled, default_group,
                    created_at, secret_hash, sealed_secret)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                app.id, app.acctID, app.name, app.description, app.appType, app.interface, app.enabled,
                app.defaultGroup, app.createdAt.seconds, app.secretHash.withBytes { Data($0) }, Data(app.sealedSecret),
            ])
        for (group, permissions) in app.groups {
            try db.execute(
                sql: "INSERT INTO app_group (app_id, group_id, permissions) VALUES (?, ?, ?)",
                arguments: [app.id, group, permissions?.map(\.rawValue).sorted().joined(separator: " ")])
        }
    }

    package static func setSecret(of id: String, hash: Secret, sealed: [UInt8], in db: Database) throws {
        try db.execute(
            sql: "UPDATE app SET secret_hash = ?, sealed_secret = ? WHERE app_id = ?",
            arguments: [hash.withBytes { Data($0) }, Data(sealed), id])
    }

    package static func delete(_ id: String, in db: Database) throws {
        try db.execute(sql: "DELETE FROM app WHERE app_id = ?", arguments: [id])
    }

    package static func find(id: String, in db: Database) throws -> AppRecord? {
        try Row.fetchOne(db, sql: "SELECT * FROM app WHERE app_id = ?", arguments: [id]).map { try record($0, in: db) }
    }

    package static func all(account: String, in db: Database) throws -> [AppRecord] {
        try Row.fetchAll(db, sql: "SELECT * FROM app WHERE acct_id = ? ORDER BY name", arguments: [account])
            .map { try record($0, in: db) }
    }

    private static func record(_ row: Row, in db: Database) throws -> AppRecord {
        let id: String = row["app_id"]
        var groups: [String: Set<AppPermission>?] = [:]
        for grant in try Row.fetchAll(db, sql: "SELECT * FROM app_group WHERE app_id = ?", arguments: [id]) {
            let names: String? = grant["permissions"]
            let permissions = names.map { Set($0.split(separator: " ").compactMap { AppPermission(wire: String($0)) }) }
            groups.updateValue(permissions, forKey: grant["group_id"])
        }
        var app = AppRecord(
            id: id, acctID: row["acct_id"], name: row["name"], createdAt: Timestamp(seconds: row["created_at"]),
            groups: groups, secretHash: Secret(Array(row["secret_hash"] as Data)),
            sealedSecret: Array(row["sealed_secret"] as Data))
        app.description = row["description"]
        app.appType = row["app_type"]
        app.interface = row["interface"]
        app.enabled = row["enabled"]
        app.defaultGroup = row["default_group"]
        return app
    }
}
