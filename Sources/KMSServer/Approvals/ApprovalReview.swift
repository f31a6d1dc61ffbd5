internal import GRDB
internal import KMSModel

/// An approval request beside the policies of its groups as they are now.
struct ApprovalReview: Sendable {
    private(set) var record: ApprovalRecord
    /// A group that has none any more, or is gone, is content.
    private let policies: [ApprovalPolicy]

    init(_ record: ApprovalRecord, in db: Database) throws {
        self.record = record
        policies = try record.groups.compactMap {
            try GroupStore.find(id: $0, account: record.acctID, in: db)?.approvalPolicy
        }
    }

    var reviewerIDs: Set<String> { policies.reduce(into: []) { $0.formUnion($1.approvers) } }

    /// Each once.
    var reviewers: [Creator] {
        var seen: Set<String> = []
        return policies.flatMap(\.reviewers).filter { seen.insert($0.id ?? "").inserted }
    }

    var isSatisfied: Bool { policies.allSatisfy { $0.isSatisfied(by: record.approvals) } }

    func isVisible(to principal: Principal) -> Bool {
        record.requester.id == principal.id || reviewerIDs.contains(principal.id)
    }

    /// - Throws: 403 for those who only decide.
    func checkRequester(_ principal: Principal) throws(KMSError) {
        guard record.requester.id == principal.id else {
            throw .forbidden("Requested operation is not allowed: only who made the approval request may do this")
        }
    }

    /// One vote each, the requester's too when the policy names the requester.
    mutating func approve(as principal: Principal) {
        if !record.approvals.contains(principal.id) { record.approvers.append(principal.creator) }
        if isSatisfied { record.status = .approved }
    }

    mutating func deny(as principal: Principal) {
        record.denier = principal.creator
        record.status = .denied
    }
}
