package import GRDB

/// Records of operations that change nothing else in the database: signatures, logins, refusals.
///
/// Group commit: whatever arrives while one transaction is being written goes into the next. `record` returns when the
/// record is committed, and only then the answer leaves, so a killed server has lost none that was answered.
///
/// Flushing to the disk takes milliseconds, ten times a signature. Unless `Flush.each` is wanted, it therefore happens
/// in the background, at most `delay` later: that is what a power cut may cost of this log. Changes of keys, apps and
/// groups are not recorded here but with the change, in one transaction that is flushed before the answer.
package actor AuditLog {
    package enum Flush: Sendable {
        /// Before each answer.
        case each
        case soon
    }

    /// Records per commit.
    package nonisolated let batches = Histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512])

    private static var delay: Duration { .milliseconds(100) }

    private let pool: DatabasePool
    private let chain: AuditChain
    private let flush: Flush
    private let storage: StorageHealth
    private let flusher: WALFlusher
    private var pending: [(event: AuditEvent, waiter: CheckedContinuation<Void, any Error>)] = []
    private var isWriting = false
    private var isFlushScheduled = false

    package init(pool: DatabasePool, chain: AuditChain, flush: Flush, storage: StorageHealth, flusher: WALFlusher) {
        self.pool = pool
        self.chain = chain
        self.flush = flush
        self.storage = storage
        self.flusher = flusher
    }

    package func record(_ event: AuditEvent) async throws {
        try await withCheckedThrowingContinuation { waiter in
            pending.append((event, waiter))
            guard !isWriting else { return }
            isWriting = true
            Task { await self.writePending() }
        }
    }

    private func writePending() async {
        while !pending.isEmpty {
            let batch = pending
            pending = []
            do {
                try await storage.observing { try await write(batch.map(\.event)) }
                batches.observe(UInt64(batch.count))
                for entry in batch { entry.waiter.resume() }
            } catch {
                for entry in batch { entry.waiter.resume(throwing: error) }
            }
            scheduleFlush()
        }
        isWriting = false
    }

    private func write(_ events: [AuditEvent]) async throws {
        switch flush {
        case .each:
            try await pool.write { [chain] db in try chain.append(events, in: db) }
        case .soon:
            try await pool.writeWithoutTransaction { [chain] db in
                try KMSDatabase.withoutFlush(db) {
                    try db.inTransaction(.immediate) {
                        try chain.append(events, in: db)
                        return .commit
                    }
                }
            }
        }
    }

    private func scheduleFlush() {
        guard flush == .soon, !isFlushScheduled else { return }
        isFlushScheduled = true
        Task {
            try? await Task.sleep(for: AuditLog.delay)
            isFlushScheduled = false
            await flusher.flush()
        }
    }
}
