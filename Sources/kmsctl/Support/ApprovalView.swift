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
    var created_at: Time
    var expiry: Time

    /// Read as the API has it, shown as everywhere in kmsctl: RFC 3339.
    struct Time: Codable {
        var text: String

        init(from decoder: any Decoder) throws { text = try Timestamp(from: decoder).rfc3339 }

        func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }
    }

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
            ("Created", created_at.text),
            ("Ends", expiry.text),
        ])
    }
}

extension AuditNames {
    subscript(creator: Creator) -> String? { self[creator.user ?? creator.app] }

    func list(_ creators: [Creator]) -> String { creators.compactMap { self[$0] }.joined(separator: ", ") }
}
