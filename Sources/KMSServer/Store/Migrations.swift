package import GRDB

/// The schema's history. Append only: a migration that was released is never changed.
package enum Migrations {
    package static var all: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: accounts, users, groups, apps, objects, audit") { db in
            try db.execute(sql: first)
        }
        migrator.registerMigration("2: metadata that can be looked up") { db in
            try db.execute(sql: second)
        }
        migrator.registerMigration("3: roles of users, credentials and addresses of apps", migrate: Migrations.rights)
        migrator.registerMigration("4: plugins and approval requests", migrate: Migrations.plugins)
        migrator.registerMigration("5: head of the audit log", migrate: Migrations.storage)
        migrator.registerMigration("6: journal of the audit log", migrate: Migrations.journal)
        // The database itself stays as it is: an older kmsd, which cannot read the journal, shall refuse it.
        migrator.registerMigration("7: several records in a line of the journal") { _ in }
        return migrator
    }

    /// `sealed` columns hold AES-256-GCM boxes, `attributes` and `record` the API's JSON without any key material.
    private static var first: String {
        """
        CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE tls_identity (
            name TEXT PRIMARY KEY, certificate BLOB NOT NULL, sealed_key BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE account (acct_id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
        CREATE TABLE user (
            user_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, email TEXT NOT NULL UNIQUE,
            password_hash TEXT NOT NULL, created_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE "group" (
            group_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, name TEXT NOT NULL,
            description TEXT, created_at INTEGER NOT NULL, creator TEXT NOT NULL, UNIQUE (acct_id, name)
        ) STRICT;
        CREATE TABLE app (
            app_id TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, name TEXT NOT NULL, description TEXT,
            app_type TEXT, interface TEXT, enabled INTEGER NOT NULL, default_group TEXT REFERENCES "group",
            created_at INTEGER NOT NULL, secret_hash BLOB NOT NULL, sealed_secret BLOB NOT NULL, UNIQUE (acct_id, name)
        ) STRICT;
        CREATE TABLE app_group (
            app_id TEXT NOT NULL REFERENCES app ON DELETE CASCADE, group_id TEXT NOT NULL REFERENCES "group",
            permissions TEXT, PRIMARY KEY (app_id, group_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE sobject (
            kid TEXT PRIMARY KEY, acct_id TEXT NOT NULL REFERENCES account, group_id TEXT NOT NULL REFERENCES "group",
            name TEXT NOT NULL, obj_type TEXT NOT NULL, attributes TEXT NOT NULL, sealed_value BLOB,
            UNIQUE (acct_id, name)
        ) STRICT;
        CREATE INDEX sobject_by_group ON sobject (group_id);
        CREATE TABLE audit (
            sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, action_type TEXT NOT NULL,
            actor_id TEXT, object_id TEXT, record TEXT NOT NULL, chain BLOB NOT NULL
        ) STRICT;
        CREATE INDEX audit_by_object ON audit (object_id, sequence);
        CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        """
    }

    /// A copy of every object's `custom_metadata`, because programs look for PKCS#11 labels and ids: without it a
    /// listing reads the JSON of all objects. Triggers keep it, so that no statement can forget it.
    private static var second: String {
        """
        CREATE TABLE sobject_metadata (
            kid TEXT NOT NULL REFERENCES sobject ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (kid, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX sobject_metadata_by_value ON sobject_metadata (key, value);
        INSERT INTO sobject_metadata (kid, key, value)
            SELECT sobject.kid, entry.key, entry.value
            FROM sobject, json_each(sobject.attributes, '$.custom_metadata') AS entry;
        CREATE TRIGGER sobject_metadata_insert AFTER INSERT ON sobject BEGIN
            INSERT INTO sobject_metadata (kid, key, value)
                SELECT new.kid, entry.key, entry.value
                FROM json_each(new.attributes, '$.custom_metadata') AS entry;
        END;
        CREATE TRIGGER sobject_metadata_update AFTER UPDATE OF attributes ON sobject
            WHEN json_extract(old.attributes, '$.custom_metadata')
                IS NOT json_extract(new.attributes, '$.custom_metadata')
        BEGIN
            DELETE FROM sobject_metadata WHERE kid = new.kid;
            INSERT INTO sobject_metadata (kid, key, value)
                SELECT new.kid, entry.key, entry.value
                FROM json_each(new.attributes, '$.custom_metadata') AS entry;
        END;
        CREATE INDEX sobject_by_kid ON sobject (acct_id, kid, group_id);
        """
    }
}
