internal import GRDB

extension Migrations {
    /// Up to which record of the journal the audit log goes (`AuditHead.position`).
    static func journal(_ db: Database) throws {
        try db.execute(sql: "ALTER TABLE audit_head ADD COLUMN position INTEGER NOT NULL DEFAULT 0")
    }
}
