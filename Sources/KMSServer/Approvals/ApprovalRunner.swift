internal import FoundationEssentials
internal import GRDB
internal import HTTPTypes
internal import Hummingbird
internal import KMSModel
internal import KMSSupport

/// Runs approved requests.
///
/// Once, when the requester asks for the result: as the requester, with the rights that the requester has then. The
/// answer is kept, sealed, until the approval request is deleted or expires.
struct ApprovalRunner: Sendable {
    let vault: Vault
    let inner: InnerRequests

    private var desk: ApprovalDesk { ApprovalDesk(vault: vault) }

    func result(
        _ id: String, _ authorization: String?, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let start = try await vault.change(by: principal, context) { db in
            let review = try desk.review(id, principal, in: db)
            try review.checkRequester(principal)
            return try begin(review, context, principal, in: db)
        }
        switch start {
        case .finished(let answer):
            return ApprovalRunner.response(answer)
        case .refused(let error):
            throw error
        case .run(let record, let method, let body):
            var context = context
            context.approval = record
            let answer = try await inner.run(method, record.operation, body, authorization, context)
            let json = Secret(answer.json.finish())
            let sealed = try vault.engine.seal(json, as: .approvalResult(id: id))
            try await vault.change { [context] db in
                var finished = record
                if answer.status >= 400 { finished.status = .failed }
                try ApprovalStore.update(finished, in: db)
                try ApprovalStore.setResult(id, sealed, in: db)
                return ((), desk.event("got status \(answer.status) from the approved", finished, context, principal))
            }
            return ApprovalRunner.response(json)
        }
    }

    private static func response(_ json: Secret) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: json.withBytes { ByteBuffer(bytes: $0) }))
    }

    private enum Start: Sendable {
        case run(ApprovalRecord, HTTPRequest.Method, JSONValue?)
        /// With the answer's JSON.
        case finished(Secret)
        case refused(KMSError)
    }

    private func begin(
        _ review: ApprovalReview, _ context: KMSContext, _ principal: Principal, in db: Database
    ) throws -> (Start, AuditEvent) {
        var record = review.record
        if let box = try ApprovalStore.sealedResult(record.id, in: db) {
            let secret = try vault.engine.open(box, as: .approvalResult(id: record.id))
            let again = desk.event("read again the answer to the approved", record, context, principal)
            return (.finished(secret), again)
        }
        guard record.status == .approved, let method = HTTPRequest.Method(record.method) else {
            throw KMSError.badRequest(
                "The approval request is \(record.status.rawValue); only an approved one has a result")
        }
        guard review.isSatisfied else {
            // The policy has become stricter, or another's, since the approval.
            record.status = .pending
            try ApprovalStore.update(record, in: db)
            let lapsed = desk.event("needs further approvals for", record, context, principal)
            return (.refused(.approvalRequired), lapsed)
        }
        guard try ApprovalStore.start(record.id, in: db) else {
            throw KMSError.conflict(
                "The request was started before and its outcome is not known: see the audit log, and ask for another "
                    + "approval")
        }
        let body = try desk.body(of: record, in: db)
        return (.run(record, method, body), desk.event("started the approved", record, context, principal))
    }
}
