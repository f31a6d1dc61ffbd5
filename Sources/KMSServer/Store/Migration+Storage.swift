internal import GRDB

extension Migrations {
    /// How far the audit log goes, so that a cut-off end is noticed. The row itself needs the master key and is made when
    /// the data directory is opened (`StoreKeys`).
    static func storage(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE audit_head (
                    id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL, chain BLOB NOT NULL,
                    mac BLOB NOT NULL
                ) STRICT;
                PRAGMA application_id = \(KMSDatabase.applicationID);
                """)
    }
}
