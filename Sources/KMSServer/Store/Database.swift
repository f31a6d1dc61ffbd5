internal import FoundationEssentials
package import GRDB

/// The one SQLite file. WAL with synchronous=FULL: what was answered survives `kill -9` and a power cut.
package enum KMSDatabase {
    /// "kmsd" in SQLite's header: what `file` and a restore look at.
    static var applicationID: Int32 { 0x6B6D_7364 }
    /// In bytes. The write-ahead log is checkpointed when it has 4 MB.
    private static var logLimit: Int { 16_777_216 }

    /// Opens the database to work with it, and brings it up to date.
    package static func open(_ path: String) throws -> DatabasePool {
        try describingFailure(path, "restore it from a backup") {
            let pool = try DatabasePool(path: path, configuration: configuration())
            // GRDB lowers this to NORMAL when it switches WAL on, so it is set on the one writing connection afterwards.
            try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
            try pool.read { db in try refuseNewer(db, path) }
            try Migrations.all.migrate(pool)
            return pool
        }
    }

    /// Opens it to look at it, also beside a server that works with it.
    ///
    /// - Parameter remedy: what to do when it is damaged.
    package static func openForReading(
        _ path: String, remedy: String = "restore it from a backup"
    ) throws -> DatabaseQueue {
        try describingFailure(path, remedy) {
            var configuration = configuration()
            configuration.readonly = true
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.read { db in try refuseNewer(db, path) }
            return queue
        }
    }

    private static func configuration() -> Configuration {
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
        return configuration
    }

    private static func refuseNewer(_ db: Database, _ path: String) throws {
        guard try Migrations.all.hasBeenSuperseded(db) else { return }
        throw StartError("the database \(path) was made by a newer kmsd; start that version")
    }

    private static func describingFailure<Value>(
        _ path: String, _ remedy: String, _ body: () throws -> Value
    ) throws -> Value {
        do {
            return try body()
        } catch let error as DatabaseError {
            let remedy = error.cause == .data ? "; " + remedy : ""
            throw StartError("cannot open the database \(path): \(error.reason)\(remedy)", error.cause)
        }
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

    /// The exit code of a command that fails with it.
    package var cause: StartError.Cause {
        switch resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CONSTRAINT, .SQLITE_ERROR: .data
        case .SQLITE_FULL, .SQLITE_IOERR: .inputOutput
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_CANTOPEN: .permission
        case .SQLITE_BUSY, .SQLITE_LOCKED: .unavailable
        default: .software
        }
    }
}
