internal import FoundationEssentials
package import GRDB
package import KMSModel

package enum PluginStore {
    /// - Throws: `KMSError` 409 when the account has a plugin of that name.
    package static func insert(_ plugin: Plugin, in db: Database) throws {
        try checkName(plugin, in: db)
        try db.execute(
            sql: "INSERT INTO plugin (plugin_id, acct_id, name, attributes) VALUES (?, ?, ?, ?)",
            arguments: [plugin.pluginID, plugin.acctID, plugin.name, try json(plugin)])
        try insertGroups(of: plugin, in: db)
    }

    package static func update(_ plugin: Plugin, in db: Database) throws {
        try checkName(plugin, in: db)
        try db.execute(
            sql: "UPDATE plugin SET name = ?, attributes = ? WHERE plugin_id = ?",
            arguments: [plugin.name, try json(plugin), plugin.pluginID])
        try db.execute(sql: "DELETE FROM plugin_group WHERE plugin_id = ?", arguments: [plugin.pluginID])
        try insertGroups(of: plugin, in: db)
    }

    package static func setLastRun(_ id: String, _ time: Timestamp, in db: Database) throws {
        try db.execute(
            sql: "UPDATE plugin SET attributes = json_set(attributes, '$.lastrun_at', ?) WHERE plugin_id = ?",
            arguments: [time.description, id])
    }

    package static func delete(_ id: String, in db: Database) throws {
        try db.execute(sql: "DELETE FROM plugin WHERE plugin_id = ?", arguments: [id])
    }

    package static func find(id: String, account: String, in db: Database) throws -> Plugin? {
        try String.fetchOne(
            db, sql: "SELECT attributes FROM plugin WHERE plugin_id = ? AND acct_id = ?", arguments: [id, account]
        ).map(plugin)
    }

    package static func forEach(account: String, in db: Database, _ body: (Plugin) throws -> Void) throws {
        let rows = try String.fetchCursor(
            db, sql: "SELECT attributes FROM plugin WHERE acct_id = ?", arguments: [account])
        while let row = try rows.next() { try body(plugin(row)) }
    }

    package static func count(inGroup group: String, in db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM plugin_group WHERE group_id = ?", arguments: [group]) ?? 0
    }

    private static func insertGroups(of plugin: Plugin, in db: Database) throws {
        for group in plugin.groups {
            try db.execute(
                sql: "INSERT INTO plugin_group (plugin_id, group_id) VALUES (?, ?)",
                arguments: [plugin.pluginID, group])
        }
    }

    private static func checkName(_ plugin: Plugin, in db: Database) throws {
        let owner = try String.fetchOne(
            db, sql: "SELECT plugin_id FROM plugin WHERE name = ? AND acct_id = ?",
            arguments: [plugin.name, plugin.acctID])
        guard owner == nil || owner == plugin.pluginID else { throw KMSError.conflict("plugin already exists") }
    }

    private static func plugin(_ json: String) throws -> Plugin {
        try JSONDecoder().decode(Plugin.self, from: Data(json.utf8))
    }

    private static func json(_ plugin: Plugin) throws -> String {
        String(decoding: try JSONEncoder().encode(plugin), as: UTF8.self)
    }
}
