import GRDB
import KMSModel
import KMSServer
import Testing

@Suite("Users of the version before")
struct RightsMigrationTests {
    @Test("every user becomes an administrator of the account, with the same password")
    func migration() throws {
        let queue = try DatabaseQueue()
        try Migrations.all.migrate(queue, upTo: "2: metadata that can be looked up")
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO account (acct_id, name, created_at) VALUES ('a', 'default', 1);
                    INSERT INTO user (user_id, acct_id, email, password_hash, created_at)
                        VALUES ('u', 'a', 'admin@x', 'hash', 2);
                    INSERT INTO app (app_id, acct_id, name, enabled, created_at, secret_hash, sealed_secret)
                        VALUES ('p', 'a', 'web', 1, 3, x'01', x'02');
                    """)
        }
        try Migrations.all.migrate(queue)
        try queue.write { db in
            let user = try #require(try UserStore.find(email: "ADMIN@x", in: db))
            #expect(user.id == "u" && user.acctID == "a" && user.passwordHash == "hash" && user.isActive)
            #expect(user.role == .administrator && user.createdAt == Timestamp(seconds: 2) && user.groups.isEmpty)
            let app = try #require(try AppStore.find(id: "p", in: db))
            #expect(app.enabled && !app.isAdministrative && app.addresses == nil && app.credential == nil)
            #expect(app.sealedSecret == [2] && app.previous == nil)
            #expect(try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").isEmpty)
            // The last membership takes the user with it; the last administrator stays.
            #expect(throws: KMSError.self) { try UserStore.removeMember(user, in: db) }
        }
    }
}
