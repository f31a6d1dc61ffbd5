internal import FoundationEssentials
package import GRDB

/// Small facts about the data directory itself.
package enum SettingStore {
    package enum Name: String {
        /// A sealed constant: opens only under the right master key.
        case masterKeyCheck = "master-key-check"
        /// Which master key the boxes are sealed under (`MasterKey.id`).
        case masterKeyID = "master-key-id"
        /// The sealed key of the audit log's chain.
        case auditKey = "audit-key"
        /// The sealed key of transient keys.
        case transientKey = "transient-key"
        /// In backups only: when and by which kmsd it was made.
        case backup = "backup"
        /// In backups only: the audit log's journal (`AuditJournal`).
        case journal = "audit-journal"
        /// Host names and addresses of the server certificate, one a line.
        case hosts = "hosts"
        /// Cryptographic operations by account (`OperationTally`).
        case operationTally = "operation-tally"
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

    package static func remove(_ name: Name, in db: Database) throws {
        try db.execute(sql: "DELETE FROM setting WHERE name = ?", arguments: [name.rawValue])
    }
}
