internal import GRDB

extension Migrations {
    /// Plugins, the quorum policies of groups and the approval requests that these lead to.
    static func plugins(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE plugin (
                    plugin_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, name TEXT NOT NULL,
                    attributes TEXT NOT NULL, UNIQUE (acct_id, name)
                ) STRICT;
                CREATE TABLE plugin_group (
                    plugin_id TEXT NOT NULL REFERENCES plugin ON DELETE CASCADE,
                    group_id TEXT NOT NULL REFERENCES "group", PRIMARY KEY (plugin_id, group_id)
                ) STRICT, WITHOUT ROWID;
                ALTER TABLE "group" ADD COLUMN approval_policy TEXT;
                CREATE TABLE approval_request (
                    request_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account,
                    requester TEXT NOT NULL, created_at INTEGER NOT NULL, expiry INTEGER NOT NULL,
                    status TEXT NOT NULL, attributes TEXT NOT NULL, sealed_body BLOB,
                    started_at INTEGER, sealed_result BLOB
                ) STRICT;
                CREATE INDEX approval_request_by_expiry ON approval_request (expiry);
                """)
    }
}
