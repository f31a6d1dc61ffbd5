package import GRDB
internal import KMSModel
internal import KMSSupport

/// The audit log's way into the database.
///
/// Changes of keys, apps and groups are recorded with the change, in one transaction that is flushed before the answer
/// (`transaction`). Operations that change nothing there, signatures, logins and refusals, are written to the journal
/// (`note`), which takes some microseconds, and many at a time into the database, where they are after `delay` at the
/// latest. What was noted survives `kill -9`: the next start finds it in the journal.
///
/// Flushing to the disk takes milliseconds, ten times a signature. Unless `Flush.each` is wanted, that too happens in the
/// background: what a power cut may cost of this log is what was noted in the last `delay`.
package final class AuditLog: Sendable {
    package enum Flush: Sendable {
        /// Before each answer.
        case each
        case soon
    }

    /// Records per commit.
    package let batches = Histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096])

    private struct State {
        var journal: AuditJournal
        /// Noted, and with no transaction yet.
        var noted: [UnsettledRecord] = []
        /// Those that the transaction under way, or the next one after it has failed, writes.
        var settling: [UnsettledRecord] = []
        /// Up to this one they are in the database.
        var settled: Int64
        var isSettlingDue = false
        /// Why records do not get into the database. Until they do, none is taken.
        var failure: (any Error)?
        /// The present second as records show it.
        var clock = (time: Timestamp(seconds: 0), shown: "")

        var isEmpty: Bool { noted.isEmpty && settling.isEmpty }

        mutating func record(_ events: [AuditEvent]) -> [UnsettledRecord] {
            let now = Timestamp.now
            if clock.time != now { clock = (now, now.rfc3339) }
            return events.map { UnsettledRecord($0, at: now, shown: clock.shown) }
        }
    }

    private static var delay: Duration { .milliseconds(100) }
    private static var retryDelay: Duration { .seconds(1) }
    /// More than can be noted between two transactions, unless the database does not take them.
    private static var mostNoted: Int { 100_000 }

    private let pool: DatabasePool
    private let chain: AuditChain
    package let flush: Flush
    private let storage: StorageHealth
    private let flusher: WALFlusher
    private let state: Locked<State>

    /// Begins with what a server that was killed has left in the journal.
    ///
    /// - Parameter directory: where the journal is.
    /// - Throws: `StartError` when it cannot be read or written.
    package init(
        pool: DatabasePool, directory: String, chain: AuditChain, flush: Flush, storage: StorageHealth,
        flusher: WALFlusher
    ) throws {
        self.pool = pool
        self.chain = chain
        self.flush = flush
        self.storage = storage
        self.flusher = flusher
        let settled = try pool.read { db in try AuditStore.head(in: db)?.position ?? 0 }
        let left = try LeftJournal(in: directory, chain, after: settled)
        let journal = try AuditJournal(left, in: directory, chain: chain)
        var state = State(journal: journal, settled: settled)
        state.noted = left.records
        if let event = left.event { state.noted += state.record([event]) }
        self.state = Locked(state)
        try settleAtStart()
    }

    /// A full disk is no reason not to start: the records stay in the journal.
    private func settleAtStart() throws {
        do {
            try storage.observing { try pool.writeWithoutTransaction { db in try settle(db) } }
        } catch let error as KMSError {
            state.withLock { $0.failure = error }
        }
        state.withLock { $0.isSettlingDue = true }
        scheduleSettling()
    }

    deinit { state.withLock { $0.journal.close() } }

    // MARK: Recording

    /// Records an operation; when this returns, its answer may leave.
    package func record(_ event: AuditEvent) async throws {
        if state.withLock({ $0.failure != nil }) { try await settle() }
        try storage.observing { try note([event]) }
        if flush == .each { try await settle() }
    }

    /// Records operations in the journal, all in one line of it.
    ///
    /// - Throws: `DatabaseError` when that cannot be written; what kept the records before from getting into the database.
    package func note(_ events: [AuditEvent]) throws {
        let mustSchedule = try state.withLock { state in
            if let failure = state.failure { throw failure }
            guard state.noted.count < AuditLog.mostNoted else {
                throw KMSError(.serviceUnavailable, "The disk is too slow for the audit log; try again soon")
            }
            let records = state.record(events)
            try state.journal.append(records, at: state.clock.time)
            state.noted.append(contentsOf: records)
            defer { state.isSettlingDue = true }
            return !state.isSettlingDue
        }
        if mustSchedule { scheduleSettling() }
    }

    /// Performs a change and appends its record to the log, after those that were noted before it: one transaction, so
    /// that they and what they tell of are stored together or not at all.
    package func transaction<Value>(
        in db: Database, _ change: (Database) throws -> (Value, [AuditEvent])
    ) throws -> Value {
        var done: (value: Value, records: Int, position: Int64)?
        try db.inTransaction(.immediate) {
            let (value, events) = try change(db)
            let (records, position) = unsettled(and: events)
            if !records.isEmpty { try chain.append(records, through: position, in: db) }
            done = (value, records.count, position)
            return .commit
        }
        guard let done else { throw KMSError.internalError }
        // Here, and not by an observer of the transaction: of a commit that failed GRDB may tell observers nothing, and
        // they take the next one for theirs.
        settled(done.records, through: done.position)
        return done.value
    }

    /// What has to be appended next, and the position of its end in the journal.
    private func unsettled(and events: [AuditEvent]) -> ([UnsettledRecord], Int64) {
        state.withLock { state in
            state.settling += state.noted
            state.noted = []
            state.journal.turn()
            return (state.settling + state.record(events), state.journal.position)
        }
    }

    private func settled(_ records: Int, through position: Int64) {
        if records > 0 { batches.observe(UInt64(records)) }
        state.withLock { state in
            state.settling = []
            state.settled = position
            state.failure = nil
        }
    }

    // MARK: Settling

    /// Brings what was noted until now into the database.
    package func settle() async throws {
        guard state.withLock({ !$0.isEmpty }) else { return }
        do {
            try await storage.observing {
                try await pool.writeWithoutTransaction { [self] db in
                    switch flush {
                    case .each: try settle(db)
                    case .soon: try KMSDatabase.withoutFlush(db) { try settle(db) }
                    }
                }
            }
        } catch {
            state.withLock { $0.failure = error }
            throw error
        }
    }

    private func settle(_ db: Database) throws {
        // Whoever came before has brought in all of it.
        guard state.withLock({ !$0.isEmpty }) else { return }
        try transaction(in: db) { _ in ((), []) }
    }

    private func scheduleSettling() {
        Task {
            try? await Task.sleep(for: AuditLog.delay)
            state.withLock { $0.isSettlingDue = false }
            while await !settleAndEmpty() { try? await Task.sleep(for: AuditLog.retryDelay) }
        }
    }

    /// Brings what was noted into the database and on the disk, and empties the journal of it.
    ///
    /// - Returns: whether that worked.
    @discardableResult
    package func settleAndEmpty() async -> Bool {
        guard (try? await settle()) != nil else { return false }
        let settled = state.withLock { $0.settled }
        if await flusher.flush() { state.withLock { $0.journal.empty(through: settled) } }
        return true
    }
}
