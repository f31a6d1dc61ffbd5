internal import FoundationEssentials
package import GRDB
internal import KMSModel
internal import KMSSupport
package import Logging
package import NIOPosix
package import OpenSSLCrypto

/// Everything that the controllers work with: the stores behind one database, the keys, the sessions, the audit log.
package final class Vault: Sendable {
    package let pool: DatabasePool
    package let engine: CryptoEngine
    package let chain: AuditChain
    package let audit: AuditLog
    package let sessions: Sessions
    package let throttle = LoginThrottle()
    package let loginWork = LoginWork()
    package let storage = StorageHealth()
    package let apps = RecordCache<AppRecord>(limit: 10_000)
    package let keys = RecordCache<LoadedKey>(limit: 10_000)
    package let transientKeys: TransientKeys
    package let multiPart: MultiPart
    /// For work that takes longer than a signature: key generation, password hashes, checks of imported keys. It must
    /// hold up neither the event loops nor Swift's own threads, of which there is one per core.
    package let blocking: NIOThreadPool

    package init(
        pool: DatabasePool, masterKey: MasterKey, context: LibraryContext, flushAudit: AuditLog.Flush = .soon,
        logger: Logger, blocking: NIOThreadPool = .singleton
    ) throws {
        self.pool = pool
        engine = try CryptoEngine(masterKey: masterKey, in: context)
        transientKeys = try TransientKeys(masterKey: masterKey, in: context)
        multiPart = MultiPart(engine: engine)
        chain = try AuditChain(masterKey: masterKey, in: context)
        audit = AuditLog(
            pool: pool, chain: chain, flush: flushAudit, storage: storage,
            flusher: WALFlusher(database: pool.path, blocking: blocking, logger: logger))
        sessions = Sessions(in: context)
        self.blocking = blocking
    }

    package var authenticator: Authenticator {
        Authenticator(
            pool: pool, apps: apps, sessions: sessions, throttle: throttle, work: loginWork, audit: audit,
            context: engine.context, blocking: blocking)
    }

    /// A change and its audit record in one transaction.
    package func change<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> (Value, AuditEvent)
    ) async throws -> Value {
        try await storage.observing {
            try await pool.write { [chain] db in
                let (value, event) = try body(db)
                try chain.append([event], in: db)
                return value
            }
        }
    }

    /// After a failed write: tries another one.
    package func probeStorage() async throws {
        try await storage.observing {
            try await pool.write { db in try SettingStore.set(.writeProbe, [0], in: db) }
        }
    }
}

extension Vault {
    /// Opens a data directory, whose modes and lock the caller has seen to.
    ///
    /// - Throws: `StartError` for a missing or wrong master key and a database that does not open.
    package static func open(
        _ directory: DataDirectory, flushAudit: AuditLog.Flush = .soon, logger: Logger
    ) async throws -> Vault {
        let masterKey = try directory.masterKey()
        let pool: DatabasePool
        do {
            pool = try KMSDatabase.open(directory.databaseFile)
        } catch let error as DatabaseError {
            throw StartError(
                "cannot open the database \(directory.databaseFile): \(error.reason); restore it from a backup")
        }
        let vault = try Vault(
            pool: pool, masterKey: masterKey, context: try ProcessContext.get(), flushAudit: flushAudit, logger: logger)
        let check = try await pool.read { db in try SettingStore.value(.masterKeyCheck, in: db) }
        guard let check, (try? vault.engine.open(check, as: .masterKeyCheck)) != nil else {
            throw StartError(
                "the master key \(directory.masterKeyFile) does not belong to this data directory; put the right one back"
            )
        }
        return vault
    }
}

/// Lower-case, hyphenated, random: ids of everything.
package func newID() -> String { UUID().uuidString.lowercased() }
