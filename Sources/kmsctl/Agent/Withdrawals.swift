import KMSModel

/// Tells keys and certificates that were taken back from those that only cannot be seen: a mistyped name, or an app that
/// lost its group, must not take a working host off the net.
struct Withdrawals {
    /// Looks in a row that must agree. One answer may be of a KMS that is being restored or of a node that lags behind; a
    /// look more than the two that make a coincidence. With --watch they are at least 1 and 2 seconds apart.
    static let looks = 3

    /// By name, with the id of the group.
    private typealias Objects = [String: String?]

    private var planned: [String: Objects] = [:]
    /// What this run of the agent has loaded, or found loaded.
    private var used: [String: Objects] = [:]
    /// How many looks in a row say so.
    private var seen: [String: Int] = [:]

    /// What an entry is to be made of, by name.
    mutating func plan(_ host: String, _ objects: [String: Sobject]) { planned[host] = objects.mapValues(\.groupID) }

    /// The entry is in use.
    mutating func confirm(_ host: String) { used[host] = planned[host] }

    /// Something else was found at this look.
    mutating func interrupt(_ host: String) { seen[host] = nil }

    /// - Returns: the failure, as a withdrawal if it is certain to be one.
    mutating func judge(_ failure: AgentFailure, _ host: String, _ client: AdminClient) -> AgentFailure {
        guard isTakenBack(failure.absence, host, client) else {
            interrupt(host)
            return failure
        }
        let count = (seen[host] ?? 0) + 1
        seen[host] = count
        var failure = failure
        failure.isWithdrawal = count >= Self.looks
        failure.remedy = "If \(Self.looks) looks in a row find it so, the entry is removed."
        return failure
    }

    private func isTakenBack(_ absence: AgentFailure.Absence?, _ host: String, _ client: AdminClient) -> Bool {
        switch absence {
        case .ended(let name): return used[host]?[name] != nil
        case .unseen(let name):
            guard let group = used[host]?[name] else { return false }
            return (try? client.sees(group: group)) ?? false
        case nil: return false
        }
    }
}
