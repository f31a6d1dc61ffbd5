internal import GRDB
internal import KMSModel

/// Whether those whom approval policies name are there to approve. A guarded group that nobody can approve anything for
/// would be locked for good.
enum ApproverStore {
    /// Ids of the policy's users and apps that can log in.
    static func able(_ policy: ApprovalPolicy, account: String, in db: Database) throws -> Set<String> {
        try policy.approvers.filter { id in
            if let app = try AppStore.find(id: id, in: db) { return app.acctID == account && app.enabled }
            return try UserStore.find(id: id, account: account, in: db)?.isActive ?? false
        }
    }

    /// Part of a transaction that has deleted or disabled an app or user.
    ///
    /// - Throws: `KMSError` 409 when a policy that names it cannot be met by the others.
    static func checkLoss(of id: String, account: String, in db: Database) throws {
        for (group, policy) in try GroupStore.policies(in: db) where policy.approvers.contains(id) {
            guard let name = try GroupStore.find(id: group, account: account, in: db)?.name,
                try !policy.isSatisfied(by: able(policy, account: account, in: db))
            else { continue }
            throw KMSError.conflict(
                "Without this approver nobody could approve anything for the group \(name.quoted) any more; change its "
                    + "\"approval_policy\" first")
        }
    }
}
