internal import FoundationEssentials
package import GRDB
internal import KMSModel
internal import KMSSupport
package import Logging
package import NIOPosix

/// Everything that the controllers work with: the stores behind one database, the keys, the sessions, the audit log.
package final class Vault: Sendable {
    package let pool: DatabasePool
    package let engine: CryptoEngine
    package let chain: AuditChain
    package let audit: AuditLog
    package let sessions: Sessions
    package let throttle: LoginThrottle
    package let loginWork = LoginWork()
    package let status = ServiceStatus()
    package let metrics: Metrics
    package let connections: Connections
    package let storage: StorageHealth
    package let apps = RecordCache<Shared<AppRecord>>(limit: 10_000)
    package let keys = RecordCache<LoadedKey>(limit: 10_000)
    package let guardedGroups: GuardedGroups
    package let transientKeys: TransientKeys
    package let multiPart: MultiPart
    /// For work that takes longer than a signature: key generation, password hashes, checks of imported keys. It must
    /// hold up neither the event loops nor Swift's own threads, of which there is one per core.
    package let blocking: NIOThreadPool

    package init(
        store: DataStore, flushAudit: AuditLog.Flush = .soon, limits: Limits = Limits(), logger: Logger,
        blocking: NIOThreadPool = .singleton
    ) throws {
        pool = store.pool
        engine = store.keys.engine
        transientKeys = store.keys.transientKeys
        multiPart = MultiPart(engine: engine)
        chain = store.keys.chain
        storage = StorageHealth(logger: logger)
        audit = try AuditLog(
            pool: pool, directory: FileCheck.parent(of: pool.path), chain: chain, flush: flushAudit, storage: storage,
            flusher: WALFlusher(database: pool.path, blocking: blocking, storage: storage))
        sessions = Sessions(in: engine.context)
        guardedGroups = try pool.read { db in try GuardedGroups(db) }
        self.blocking = blocking
        throttle = LoginThrottle(rules: limits.login)
        metrics = Metrics()
        connections = Connections(limits: limits, metrics: metrics)
    }

    package var authenticator: Authenticator {
        Authenticator(
            pool: pool, apps: apps, sessions: sessions, throttle: throttle, work: loginWork, audit: audit,
            context: engine.context, blocking: blocking)
    }

    /// A change and its audit record in one transaction, if the caller's rights are still those that were checked.
    func change<Value: Sendable>(
        by principal: Principal, _ context: KMSContext,
        _ body: @escaping @Sendable (Database) throws -> (Value, AuditEvent)
    ) async throws -> Value {
        try await change { [admission] db in
            try admission.check(principal, context, in: db)
            return try body(db)
        }
    }

    /// The same whoever asks: for what follows from something that was decided and done before.
    package func change<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> (Value, AuditEvent)
    ) async throws -> Value {
        try await storage.observing {
            try await pool.writeWithoutTransaction { [audit] db in
                try audit.transaction(in: db) { db in
                    let (value, event) = try body(db)
                    return (value, [event])
                }
            }
        }
    }

    /// After a failed write: tries another one, large enough not to fit into the last corner of a full disk.
    ///
    /// - Throws: `KMSError` 503 while it fails.
    package func probeStorage() async throws {
        do {
            try await storage.observing {
                try await pool.write { db in
                    try SettingStore.set(.writeProbe, [UInt8](repeating: 0, count: 32_768), in: db)
                }
            }
            storage.recovered()
        } catch let error as KMSError {
            throw KMSError(.serviceUnavailable, error.message)
        }
    }
}

extension Vault {
    /// Opens a data directory, whose modes and lock the caller has seen to.
    ///
    /// - Throws: `StartError` for a missing or wrong master key and a database that does not open.
    package static func open(
        _ directory: DataDirectory, masterKey source: MasterKeySource = .init(), flushAudit: AuditLog.Flush = .soon,
        limits: Limits = Limits(), logger: Logger
    ) async throws -> Vault {
        try Vault(
            store: try DataStore.open(directory, masterKey: source), flushAudit: flushAudit, limits: limits,
            logger: logger)
    }
}

/// Lower-case, hyphenated, random: ids of everything.
package func newID() -> String { UUID().uuidString.lowercased() }
