internal import FoundationEssentials
package import GRDB

/// The one SQLite file. WAL with synchronous=FULL: what was answered survives `kill -9` and a power cut.
package enum KMSDatabase {
    /// In bytes. The write-ahead log is checkpointed when it has 4 MB.
    private static var logLimit: Int { 16_777_216 }

    package static func open(_ path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.label = "kmsd"
        configuration.prepareDatabase { db in
            // Deleted rows held sealed key material: overwrite them.
            try db.execute(sql: "PRAGMA secure_delete = ON")
            // A long reading, a backup for example, lets the write-ahead log grow. Afterwards it shrinks to this again.
            try db.execute(sql: "PRAGMA journal_size_limit = \(logLimit)")
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        // GRDB lowers this to NORMAL when it switches WAL on, so it is set on the one writing connection afterwards.
        try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
        guard try !pool.read({ db in try Migrations.all.hasBeenSuperseded(db) }) else {
            throw StartError("the database \(path) was made by a newer kmsd; start that version")
        }
        try Migrations.all.migrate(pool)
        return pool
    }

    /// Runs a transaction whose commit reaches the operating system but not necessarily the disk.
    package static func withoutFlush(_ db: Database, _ body: () throws -> Void) throws {
        try db.cachedStatement(sql: "PRAGMA synchronous = NORMAL").execute()
        defer {
            // Cannot fail outside a transaction; were it to, the next flushing write would be the weaker one.
            try? db.cachedStatement(sql: "PRAGMA synchronous = FULL").execute()
        }
        try body()
    }
}

extension DatabaseError {
    /// SQLite's words, without the statement.
    package var reason: String { message ?? "SQLite error \(resultCode.rawValue)" }
}
