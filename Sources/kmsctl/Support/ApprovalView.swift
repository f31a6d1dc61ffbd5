import KMSModel

/// An approval request as kmsctl reads and shows it; the names of the JSON are the API's.
struct ApprovalView: Codable {
    var request_id: String
    var status: String
    var method: String
    var operation: String
    var description: String?
    /// Of the request that waits.
    var body: JSONValue?
    var requester: Creator
    var approvers: [Creator]
    var denier: Creator?
    /// Who may approve.
    var reviewers: [Creator]?
    var created_at: Timestamp
    var expiry: Timestamp

    var request: String { "\(method) \(operation)" }

    func text(_ names: AuditNames) throws -> String {
        Table.list([
            ("Id", request_id),
            ("Status", status),
            ("Request", request),
            ("Body", try body.map { try Output.compact($0) }),
            ("Description", description),
            ("Asked by", names[requester]),
            ("Approved by", approvers.isEmpty ? nil : names.list(approvers)),
            ("Denied by", denier.flatMap { names[$0] }),
            ("May approve", reviewers.map { names.list($0) }),
            ("Created", created_at.rfc3339),
            ("Ends", expiry.rfc3339),
        ])
    }
}

extension AuditNames {
    subscript(creator: Creator) -> String? { self[creator.user ?? creator.app] }

    func list(_ creators: [Creator]) -> String { creators.compactMap { self[$0] }.joined(separator: ", ") }
}
