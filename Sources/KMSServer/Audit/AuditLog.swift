internal import Dispatch
package import GRDB
internal import KMSSupport

/// Records of operations that change nothing else in the database: signatures, logins, refusals.
///
/// Group commit: whatever arrives while one transaction is being written goes into the next. `record` returns when the
/// record is committed, and only then the answer leaves, so a killed server has lost none that was answered.
///
/// A transaction costs as much as several records, so it begins when a good part of those that are to be expected are
/// there, or after `patience`. Who works alone waits for nobody.
///
/// Flushing to the disk takes milliseconds, ten times a signature. Unless `Flush.each` is wanted, it therefore happens
/// in the background, at most `delay` later: that is what a power cut may cost of this log. Changes of keys, apps and
/// groups are not recorded here but with the change, in one transaction that is flushed before the answer.
package final class AuditLog: Sendable {
    package enum Flush: Sendable {
        /// Before each answer.
        case each
        case soon
    }

    /// Records per commit.
    package let batches = Histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512])

    private struct Entry: Sendable {
        var event: AuditEvent
        var waiter: CheckedContinuation<Void, any Error>
    }

    private struct State: Sendable {
        var pending: [Entry] = []
        /// From the order to write until nothing is pending.
        var isWriting = false
        var isFlushScheduled = false
        /// Operations that are under way and will have a record, or have it among `pending`.
        var expected = 0
        /// Records of the last batch and those that came while it was written: about as many as there are clients at
        /// work, of which those whose request has not been read yet are not among `expected`.
        var usual = 0
        /// The writer waits for more records.
        var isGathering = false

        /// With few clients there is little to gain, and the next one may be long in coming.
        var isEnough: Bool {
            pending.count * 2 >= expected && (usual < 4 || pending.count * 3 >= usual * 2)
        }

        /// Whether the writer must be told that it need not wait any longer.
        mutating func endGathering() -> Bool {
            guard isGathering, isEnough else { return false }
            isGathering = false
            return true
        }
    }

    private static var delay: Duration { .milliseconds(100) }
    private static var patience: DispatchTimeInterval { .milliseconds(1) }

    private let pool: DatabasePool
    private let chain: AuditChain
    private let flush: Flush
    private let storage: StorageHealth
    private let flusher: WALFlusher
    private let state = Locked(State())
    private let enough = DispatchSemaphore(value: 0)

    package init(pool: DatabasePool, chain: AuditChain, flush: Flush, storage: StorageHealth, flusher: WALFlusher) {
        self.pool = pool
        self.chain = chain
        self.flush = flush
        self.storage = storage
        self.flusher = flusher
    }

    package func record(_ event: AuditEvent) async throws {
        try await withCheckedThrowingContinuation { waiter in
            let (mustOrder, isEnough) = state.withLock { state in
                state.pending.append(Entry(event: event, waiter: waiter))
                defer { state.isWriting = true }
                return (!state.isWriting, state.endGathering())
            }
            if isEnough { enough.signal() }
            if mustOrder { orderWrite() }
        }
    }

    /// Performs an operation that ends with its record.
    package func expecting<Value: Sendable>(_ operation: () async throws -> Value) async rethrows -> Value {
        state.withLock { $0.expected += 1 }
        defer {
            let isEnough = state.withLock { state in
                state.expected -= 1
                return state.endGathering()
            }
            if isEnough { enough.signal() }
        }
        return try await operation()
    }

    /// Each batch queues anew behind the database's other writes, so that a stream of signatures does not hold up a
    /// change.
    private func orderWrite() {
        pool.asyncWriteWithoutTransaction { db in self.writePending(db) }
    }

    private func writePending(_ db: Database) {
        gather()
        let batch = state.withLock { state in
            defer { state.pending = [] }
            return state.pending
        }
        do {
            try storage.observing { try write(batch.map(\.event), db) }
            batches.observe(UInt64(batch.count))
            for entry in batch { entry.waiter.resume() }
        } catch {
            for entry in batch { entry.waiter.resume(throwing: error) }
        }
        scheduleFlush()
        let isMore = state.withLock { state in
            state.usual = batch.count + state.pending.count
            state.isWriting = !state.pending.isEmpty
            return state.isWriting
        }
        if isMore { orderWrite() }
    }

    private func gather() {
        let mustWait = state.withLock { state in
            state.isGathering = !state.isEnough
            return state.isGathering
        }
        guard mustWait, enough.wait(timeout: .now() + AuditLog.patience) == .timedOut else { return }
        let isSignalled = state.withLock { state in
            defer { state.isGathering = false }
            return !state.isGathering
        }
        // The signal came after all, or is about to; it must not end the next wait.
        if isSignalled { enough.wait() }
    }

    private func write(_ events: [AuditEvent], _ db: Database) throws {
        func transaction() throws {
            try db.inTransaction(.immediate) {
                try chain.append(events, in: db)
                return .commit
            }
        }
        switch flush {
        case .each: try transaction()
        case .soon: try KMSDatabase.withoutFlush(db, transaction)
        }
    }

    private func scheduleFlush() {
        let isDue = state.withLock { state in
            guard flush == .soon, !state.isFlushScheduled else { return false }
            state.isFlushScheduled = true
            return true
        }
        guard isDue else { return }
        Task {
            try? await Task.sleep(for: AuditLog.delay)
            state.withLock { $0.isFlushScheduled = false }
            await flusher.flush()
        }
    }
}
