internal import GRDB

extension Migrations {
    /// Users become members of accounts with roles, apps get further ways to log in and a place where they may be.
    ///
    /// So far every user was the administrator of the one account that there was.
    static func rights(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE member (
                    user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
                    acct_id TEXT NOT NULL REFERENCES account, role TEXT NOT NULL, enabled INTEGER NOT NULL,
                    pending INTEGER NOT NULL, PRIMARY KEY (user_id, acct_id)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX member_by_account ON member (acct_id);
                CREATE TABLE member_group (
                    user_id TEXT NOT NULL, acct_id TEXT NOT NULL,
                    group_id TEXT NOT NULL REFERENCES "group" ON DELETE CASCADE, roles TEXT NOT NULL,
                    PRIMARY KEY (user_id, acct_id, group_id),
                    FOREIGN KEY (user_id, acct_id) REFERENCES member ON DELETE CASCADE
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX member_group_by_group ON member_group (group_id);

                CREATE TABLE new_user (
                    user_id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL,
                    first_name TEXT, last_name TEXT, created_at INTEGER NOT NULL
                ) STRICT;
                INSERT INTO new_user (user_id, email, password_hash, created_at)
                    SELECT user_id, email, password_hash, created_at FROM user;
                INSERT INTO member (user_id, acct_id, role, enabled, pending)
                    SELECT user_id, acct_id, 'ACCOUNTADMINISTRATOR', 1, 0 FROM user;
                DROP TABLE user;
                ALTER TABLE new_user RENAME TO user;

                ALTER TABLE account ADD COLUMN description TEXT;
                ALTER TABLE account ADD COLUMN custom_metadata TEXT;
                ALTER TABLE account ADD COLUMN client_configurations TEXT;
                ALTER TABLE "group" ADD COLUMN client_configurations TEXT;

                ALTER TABLE app ADD COLUMN role TEXT NOT NULL DEFAULT 'crypto';
                ALTER TABLE app ADD COLUMN ip_addresses TEXT;
                ALTER TABLE app ADD COLUMN client_configurations TEXT;
                ALTER TABLE app ADD COLUMN credential TEXT;
                ALTER TABLE app ADD COLUMN certificate_hash BLOB;
                ALTER TABLE app ADD COLUMN previous_hash BLOB;
                ALTER TABLE app ADD COLUMN previous_until INTEGER;
                CREATE INDEX app_by_certificate ON app (certificate_hash) WHERE certificate_hash IS NOT NULL;
                CREATE INDEX app_by_authority ON app (app_id)
                    WHERE credential IS NOT NULL AND certificate_hash IS NULL;
                """)
    }
}
