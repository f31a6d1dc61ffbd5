internal import FoundationEssentials
internal import GRDB
internal import HTTPTypes
internal import Hummingbird
internal import KMSModel
internal import KMSSupport

/// /sys/v1/approval_requests: requests that need approvals are filed, approved or denied, and run.
struct ApprovalController {
    let vault: Vault
    let inner: InnerRequests

    private var desk: ApprovalDesk { ApprovalDesk(vault: vault) }

    /// Below which requests can need an approval.
    private static var paths: [String] {
        ["/crypto/v1/", "/sys/v1/groups/", "/sys/v1/plugins/", "/sys/v1/apps/", "/sys/v1/users/"]
    }
    private static var path: String { "/sys/v1/approval_requests" }
    /// In bytes. Many requests with their bodies are kept for days and come together in one list.
    private static var longestBody: Int { 65_536 }

    func addRoutes(to routes: RouteTable) {
        let path = ApprovalController.path
        routes.on(.post, path) { request, context, principal in
            try await create(try await request.json(ApprovalDraft.self), context, principal)
        }
        routes.on(.get, path) { request, _, principal in try await list(Query(request), principal) }
        routes.on(.get, path + "/:id") { _, context, principal in
            let id = id(context)
            return try .json(
                try await vault.pool.read { db in
                    let review = try desk.review(id, principal, in: db)
                    return try desk.answer(review, in: db)
                })
        }
        routes.on(.post, path + "/:id/approve") { _, context, principal in
            try await decide("approved", context, principal) { $0.approve(as: principal) }
        }
        routes.on(.post, path + "/:id/deny") { _, context, principal in
            try await decide("denied", context, principal) { $0.deny(as: principal) }
        }
        routes.on(.post, path + "/:id/result") { request, context, principal in
            try await ApprovalRunner(vault: vault, inner: inner)
                .result(id(context), request.headers[.authorization], context, principal)
        }
        routes.on(.delete, path + "/:id") { _, context, principal in try await delete(context, principal) }
    }

    // MARK: Filing

    private func create(
        _ draft: ApprovalDraft, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let method = try ApprovalController.method(draft)
        let description = try FieldRules.description(draft.description)
        let id = newID()
        let sealed = try draft.body.map { body in
            let bytes = try JSONEncoder().encode(body)
            guard bytes.count <= ApprovalController.longestBody else {
                throw KMSError(
                    .contentTooLarge,
                    "Field \"body\" has \(bytes.count) bytes; a request that waits for approvals may have "
                        + "\(ApprovalController.longestBody)")
            }
            return try vault.engine.seal(Secret(bytes), as: .approvalBody(id: id))
        }
        let answer = try await vault.change(by: principal, context) { [vault] db in
            try ApprovalStore.deleteExpired(in: db)
            let subjects = try ApprovalSubjects(draft, of: principal, vault.guardedGroups, in: db)
            let groups = subjects.groups.intersection(vault.guardedGroups.all).sorted()
            guard !groups.isEmpty else {
                throw KMSError.badRequest(
                    "Nothing that you can see and this request names needs an approval; send the request itself")
            }
            let record = ApprovalRecord(
                id: id, acctID: principal.acctID, requester: principal.creator, method: method.rawValue,
                operation: draft.operation, description: description,
                subjects: subjects.subjects.sorted { $0.id ?? "" < $1.id ?? "" }, groups: groups, createdAt: .now)
            try ApprovalStore.insert(record, sealedBody: sealed, in: db)
            let review = try ApprovalReview(record, in: db)
            let event = desk.event("asked for the approval of", record, context, principal)
            return (try desk.answer(review, in: db), event)
        }
        return try .json(answer, status: .created)
    }

    /// - Throws: `KMSError` 400 for requests that are none or that no approval could be for.
    private static func method(_ draft: ApprovalDraft) throws(KMSError) -> HTTPRequest.Method {
        let method = HTTPRequest.Method(draft.method.uppercased())
        guard let method, [.get, .post, .put, .patch, .delete].contains(method) else {
            throw .badRequest("Field \"method\" must be one of GET, POST, PUT, PATCH, DELETE")
        }
        guard paths.contains(where: draft.operation.hasPrefix),
            draft.operation.utf8.count <= 2048, draft.operation.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw .badRequest(
                "Field \"operation\" must begin with one of \(paths.joined(separator: ", ")): /crypto/v1/sign for example"
            )
        }
        return method
    }

    // MARK: Looking

    private func list(_ query: Query, _ principal: Principal) async throws -> Response {
        let requester = query.text("requester")?.lowercased()
        let reviewer = query.text("reviewer")?.lowercased()
        let subject = query.text("subject")?.lowercased()
        let status = try query.value("status", as: ApprovalRecord.Status.self)
        let page = try query.page()
        let ids = try await vault.pool.read { db in
            var ids: [String] = []
            try ApprovalStore.forEach(account: principal.acctID, in: db) { record in
                let fits =
                    (requester ?? record.requester.id) == record.requester.id
                    && (status ?? record.status) == record.status
                    && (subject.map { id in record.subjects.contains { $0.id == id } } ?? true)
                guard fits else { return }
                let review = try ApprovalReview(record, in: db)
                guard review.isVisible(to: principal), reviewer.map(review.reviewerIDs.contains) ?? true else { return }
                ids.append(record.id)
            }
            return ids
        }
        let shown = ids.dropFirst(page.offset).prefix(page.limit)
        return try await .list(of: shown, vault.pool) { id, db -> ApprovalResponse? in
            guard let record = try ApprovalStore.find(id: id, account: principal.acctID, in: db) else { return nil }
            let review = try ApprovalReview(record, in: db)
            return review.isVisible(to: principal) ? try desk.answer(review, in: db) : nil
        }
    }

    private func id(_ context: KMSContext) -> String { context.parameters.get("id")?.lowercased() ?? "" }

    // MARK: Deciding

    private func decide(
        _ verb: String, _ context: KMSContext, _ principal: Principal,
        _ body: @escaping @Sendable (inout ApprovalReview) -> Void
    ) async throws -> Response {
        let id = id(context)
        let answer = try await vault.change(by: principal, context) { db in
            var review = try desk.review(id, principal, in: db)
            guard review.reviewerIDs.contains(principal.id) else {
                throw KMSError.forbidden("Requested operation is not allowed: others decide on this approval request")
            }
            guard review.record.status == .pending else {
                throw KMSError.badRequest("The approval request is \(review.record.status.rawValue) already")
            }
            body(&review)
            try ApprovalStore.update(review.record, in: db)
            return (try desk.answer(review, in: db), desk.event(verb, review.record, context, principal))
        }
        return try .json(answer)
    }

    private func delete(_ context: KMSContext, _ principal: Principal) async throws -> Response {
        let id = id(context)
        try await vault.change(by: principal, context) { db in
            let review = try desk.review(id, principal, in: db)
            try review.checkRequester(principal)
            try ApprovalStore.delete(id, in: db)
            return ((), desk.event("deleted the approval request for", review.record, context, principal))
        }
        return .noContent
    }
}
