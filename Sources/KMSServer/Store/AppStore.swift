internal import FoundationEssentials
package import GRDB
internal import KMSModel
internal import KMSSupport

package enum AppStore {
    /// - Throws: `KMSError` 409 when the account has an app of that name.
    package static func insert(_ app: AppRecord, in db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO app (app_id, acct_id, name, enabled, created_at, secret_hash, sealed_secret)
                VALUES (?, ?, ?, 0, ?, x'', x'')
                """,
            arguments: [app.id, app.acctID, try freeName(app, in: db), app.createdAt.seconds])
        try update(app, in: db)
    }

    /// - Throws: `KMSError` 409 when another app of the account has the name, or it would be disabled while an approval
    ///   policy cannot be met without it.
    package static func update(_ app: AppRecord, in db: Database) throws {
        let addresses = app.addressPolicy == .allowAll ? nil : try json(app.addressPolicy)
        try db.execute(
            sql: """
                UPDATE app SET name = ?, description = ?, app_type = ?, interface = ?, enabled = ?, role = ?,
                    default_group = ?, ip_addresses = ?, credential = ?, certificate_hash = ?,
                    secret_hash = ?, sealed_secret = ?, previous_hash = ?, previous_until = ?
                WHERE app_id = ?
                """,
            arguments: [
                try freeName(app, in: db), app.description, app.appType, app.interface, app.enabled,
                app.role, app.defaultGroup, addresses,
                try app.credential.map(json), app.certificateHash.map { Data($0) },
                app.secretHash.withBytes { Data($0) }, Data(app.sealedSecret),
                app.previous?.hash.withBytes { Data($0) }, app.previous?.until.seconds, app.id,
            ])
        try db.execute(sql: "DELETE FROM app_group WHERE app_id = ?", arguments: [app.id])
        for (group, permissions) in app.groups {
            try db.execute(
                sql: "INSERT INTO app_group (app_id, group_id, permissions) VALUES (?, ?, ?)",
                arguments: [app.id, group, permissions?.map(\.rawValue).sorted().joined(separator: " ")])
        }
        if !app.enabled { try ApproverStore.checkLoss(of: app.id, account: app.acctID, in: db) }
    }

    /// - Throws: `KMSError` 409 while an approval policy cannot be met without it.
    package static func delete(_ app: AppRecord, in db: Database) throws {
        try db.execute(sql: "DELETE FROM app WHERE app_id = ?", arguments: [app.id])
        try ApproverStore.checkLoss(of: app.id, account: app.acctID, in: db)
    }

    package static func find(id: String, in db: Database) throws -> AppRecord? {
        // The same statements for an app that there is not: a failed login must not tell by its duration.
        let grants = try grants(of: id, in: db)
        return try Row.fetchOne(db, sql: "SELECT * FROM app WHERE app_id = ?", arguments: [id])
            .map { try record($0, grants) }
    }

    /// The apps that log in with this certificate itself.
    package static func all(certificateHash: [UInt8], in db: Database) throws -> [AppRecord] {
        try Row.fetchAll(db, sql: "SELECT * FROM app WHERE certificate_hash = ?", arguments: [Data(certificateHash)])
            .map { try record($0, grants(of: $0["app_id"], in: db)) }
    }

    /// The apps that log in with certificates of an authority.
    package static func allWithAuthority(in db: Database) throws -> [AppRecord] {
        try Row.fetchAll(
            db,
            sql: "SELECT * FROM app WHERE credential IS NOT NULL AND certificate_hash IS NULL ORDER BY app_id"
        ).map { try record($0, grants(of: $0["app_id"], in: db)) }
    }

    package static func forEach(account: String, in db: Database, _ body: (AppRecord) throws -> Void) throws {
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM app WHERE acct_id = ?", arguments: [account])
        while let row = try rows.next() { try body(record(row, grants(of: row["app_id"], in: db))) }
    }

    private static func freeName(_ app: AppRecord, in db: Database) throws -> String {
        let owner = try String.fetchOne(
            db, sql: "SELECT app_id FROM app WHERE acct_id = ? AND name = ?", arguments: [app.acctID, app.name])
        guard owner == nil || owner == app.id else { throw KMSError.conflict("app already exists") }
        return app.name
    }

    private static func grants(of id: String, in db: Database) throws -> [String: Set<AppPermission>?] {
        var groups: [String: Set<AppPermission>?] = [:]
        for grant in try Row.fetchAll(db, sql: "SELECT * FROM app_group WHERE app_id = ?", arguments: [id]) {
            let names: String? = grant["permissions"]
            let permissions = names.map { Set($0.split(separator: " ").compactMap { AppPermission(wire: String($0)) }) }
            groups.updateValue(permissions, forKey: grant["group_id"])
        }
        return groups
    }

    private static func record(_ row: Row, _ groups: [String: Set<AppPermission>?]) throws -> AppRecord {
        var app = AppRecord(
            id: row["app_id"], acctID: row["acct_id"], name: row["name"],
            createdAt: Timestamp(seconds: row["created_at"]),
            groups: groups, secretHash: Secret(Array(row["secret_hash"] as Data)),
            sealedSecret: Array(row["sealed_secret"] as Data))
        app.description = row["description"]
        app.appType = row["app_type"]
        app.interface = row["interface"]
        app.enabled = row["enabled"]
        app.isAdministrative = (row["role"] as String) == "admin"
        app.defaultGroup = row["default_group"]
        if let text: String = row["ip_addresses"] {
            app.addressPolicy = try JSONDecoder().decode(AddressPolicy.self, from: Data(text.utf8))
        }
        if let text: String = row["credential"] {
            app.credential = try JSONDecoder().decode(AppCredential.self, from: Data(text.utf8))
        }
        app.certificateHash = (row["certificate_hash"] as Data?).map(Array.init)
        if let hash: Data = row["previous_hash"], let until: Int64 = row["previous_until"] {
            app.previous = .init(hash: Secret(Array(hash)), until: Timestamp(seconds: until))
        }
        return app
    }

    private static func json(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }
}
