internal import GRDB
package import KMSModel

/// Objects of a group with an approval policy are used and changed with approvals only, by apps and users alike.
extension Policy {
    /// - Throws: 403 when the object's group asks for approvals and the request has none.
    package static func checkApproval(
        _ principal: Principal, _ action: Action, _ object: Sobject
    ) throws(KMSError) {
        // A transient key is its caller's own; what made it needed the approval.
        guard action.needsApproval, object.kid != nil, let group = object.groupID else { return }
        guard !principal.guardedGroups.contains(group) else { throw .approvalRequired }
    }

    /// - Throws: 403 when the group itself may only be changed with approvals.
    package static func checkApproval(_ principal: Principal, changing group: String) throws(KMSError) {
        guard !principal.guardedGroups.contains(group) else { throw .approvalRequired }
    }

    /// - Throws: `KMSError` 400 for a policy that could never be satisfied, or by fewer than it seems; 409 when too many
    ///   of those whom it names are disabled.
    static func check(_ policy: ApprovalPolicy, account: String, in db: Database) throws {
        try checkMembers(of: policy, account: account, in: db)
        guard try policy.isSatisfied(by: ApproverStore.able(policy, account: account, in: db)) else {
            throw KMSError.conflict(
                "Field \"approval_policy\": too many of its users and apps are disabled, or have not accepted their "
                    + "invitation, for it ever to be met")
        }
    }

    private static func checkMembers(of policy: ApprovalPolicy, account: String, in db: Database) throws {
        switch policy {
        case .user(let id):
            guard try UserStore.find(id: id, account: account, in: db) != nil else {
                throw KMSError.badRequest("Field \"approval_policy\": there is no user \(id.prefix(64).quoted)")
            }
        case .app(let id):
            guard try AppStore.find(id: id, in: db)?.acctID == account else {
                throw KMSError.badRequest("Field \"approval_policy\": there is no app \(id.prefix(64).quoted)")
            }
        case .quorum(let required, let members):
            guard (1...100).contains(members.count), (1...members.count).contains(required) else {
                throw KMSError.badRequest(
                    "Field \"approval_policy\": a quorum has 1 to 100 members, and \"n\" is between 1 and their number")
            }
            // Somebody in two places would count twice.
            guard policy.approvers.count == members.reduce(0, { $0 + $1.approvers.count }) else {
                throw KMSError.badRequest("Field \"approval_policy\" names a user or app twice")
            }
            for member in members { try checkMembers(of: member, account: account, in: db) }
        }
    }
}

extension Policy.Action {
    /// What only looks, or only checks what others made, needs none.
    fileprivate var needsApproval: Bool {
        switch self {
        case .read, .verify, .macVerify, .create: false
        case .sign, .digest, .encrypt, .decrypt, .macGenerate, .wrapKey, .unwrapKey, .deriveKey, .agreeKey, .export,
            .activate, .revoke, .delete, .destroy, .deletePrivate, .copy, .rotate, .updateProfile, .updateKeyOps,
            .updateEnabledState, .updatePolicies, .move:
            true
        }
    }
}
