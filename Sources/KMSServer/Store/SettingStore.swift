internal import FoundationEssentials
package import GRDB

/// Small facts about the data directory itself.
package enum SettingStore {
    package enum Name: String {
        /// A sealed constant: opens only under the right master key.
        case masterKeyCheck = "master-key-check"
        /// Host names and addresses of the server certificate, one a line.
        case hosts = "hosts"
        /// Written to see whether writing works.
        case writeProbe = "write-probe"
    }

    package static func value(_ name: Name, in db: Database) throws -> [UInt8]? {
        try Data.fetchOne(db, sql: "SELECT value FROM setting WHERE name = ?", arguments: [name.rawValue]).map(
            Array.init)
    }

    package static func set(_ name: Name, _ value: [UInt8], in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            arguments: [name.rawValue, Data(value)])
    }
}
