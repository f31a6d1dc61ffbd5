internal import FoundationEssentials
internal import GRDB
internal import Hummingbird
internal import KMSModel
internal import KMSSupport

/// What everything about approval requests needs: to find one, to show it, to tell the audit log of it.
struct ApprovalDesk: Sendable {
    let vault: Vault

    /// Only the requester and those who decide know of a request: its body may tell what others must not know.
    func review(_ id: String, _ principal: Principal, in db: Database) throws -> ApprovalReview {
        guard let record = try ApprovalStore.find(id: id, account: principal.acctID, in: db) else {
            throw KMSError.noSuchApproval
        }
        let review = try ApprovalReview(record, in: db)
        guard review.isVisible(to: principal) else { throw KMSError.noSuchApproval }
        return review
    }

    func answer(_ review: ApprovalReview, in db: Database) throws -> ApprovalResponse {
        ApprovalResponse(review.record, body: try body(of: review.record, in: db), reviewers: review.reviewers)
    }

    func body(of record: ApprovalRecord, in db: Database) throws -> JSONValue? {
        try ApprovalStore.sealedBody(record.id, in: db).map { box in
            try decode(JSONValue.self, try vault.engine.open(box, as: .approvalBody(id: record.id)))
        }
    }

    func decode<Value: Decodable>(_ type: Value.Type, _ secret: Secret) throws -> Value {
        try secret.withBytes { try JSONDecoder().decode(type, from: Data($0)) }
    }

    func event(
        _ verb: String, _ record: ApprovalRecord, _ context: KMSContext, _ principal: Principal
    ) -> AuditEvent {
        let path = record.operation.prefix { $0 != "?" }
        return AuditEvent(
            .administrative, "\(principal.name) \(verb) \(record.method) \(path)", by: principal, context
        ).about(record.id, groups: record.groups)
    }
}

extension KMSError {
    static var noSuchApproval: KMSError { notFound("approval request does not exist") }
}
