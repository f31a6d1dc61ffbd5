package import GRDB
internal import KMSModel
internal import KMSSupport

/// Which groups have an approval policy, of all accounts: in memory, because every use of a key asks. Within a
/// transaction of writing it is what the database says.
package final class GuardedGroups: Sendable {
    private struct State: Sendable {
        let policies: [String: ApprovalPolicy]
        let ids: Set<String>

        init(_ db: Database) throws {
            policies = try GroupStore.policies(in: db)
            ids = Set(policies.keys)
        }
    }

    private let state: Locked<State>

    package init(_ db: Database) throws { state = Locked(try State(db)) }

    package var all: Set<String> { state.withLock { $0.ids } }

    /// Groups that a request may neither change nor use: all but those whose policies are content with its approvals now.
    func closed(to approval: ApprovalRecord?) -> Set<String> {
        let state = state.withLock { $0 }
        guard let approval else { return state.ids }
        return state.ids.subtracting(
            approval.groups.filter { state.policies[$0]?.isSatisfied(by: approval.approvals) ?? false })
    }

    /// Groups in whose decisions the app or user has a part.
    func decided(by id: String) -> Set<String> {
        Set(state.withLock { $0.policies }.filter { $0.value.approvers.contains(id) }.keys)
    }

    /// Part of a transaction that changed groups. Transactions commit one after the other, so the last one's set stays.
    package func update(in db: Database) throws {
        // It is read when it counts, since GRDB may take the next commit for that of a transaction that failed.
        db.afterNextTransaction { [state] db in
            guard let current = try? State(db) else { return }
            state.withLock { $0 = current }
        }
    }
}
