package import GRDB
internal import KMSSupport

/// Which groups have an approval policy: in memory, because every use of a key asks.
package final class GuardedGroups: Sendable {
    private let ids: Locked<Set<String>>

    package init(_ db: Database) throws { ids = Locked(try GroupStore.guarded(in: db)) }

    package var all: Set<String> { ids.withLock { $0 } }

    /// Part of a transaction that changed groups. Transactions commit one after the other, so the last one's set stays.
    package func update(in db: Database) throws {
        let current = try GroupStore.guarded(in: db)
        db.afterNextTransaction { [ids] _ in ids.withLock { $0 = current } }
    }
}
