internal import KMSModel

/// POST /sys/v1/approval_requests.
struct ApprovalDraft: Decodable, Sendable {
    /// Path and query.
    var operation: String
    var method: String
    var body: JSONValue?
    var description: String?
}

/// An approval request as the API answers it.
struct ApprovalResponse: Encodable, Sendable {
    var requestID: String
    var requester: Creator
    var createdAt: Timestamp
    var acctID: String
    var operation: String
    var method: String
    var body: JSONValue?
    var approvers: [Creator]
    var denier: Creator?
    var status: ApprovalRecord.Status
    /// Who may approve.
    var reviewers: [Creator]
    var subjects: [ApprovalRecord.Subject]
    var description: String?
    var expiry: Timestamp

    enum CodingKeys: String, CodingKey {
        case requestID = "request_id"
        case requester
        case createdAt = "created_at"
        case acctID = "acct_id"
        case operation, method, body, approvers, denier, status, reviewers, subjects, description, expiry
    }

    init(_ record: ApprovalRecord, body: JSONValue?, reviewers: [Creator]) {
        requestID = record.id
        requester = record.requester
        createdAt = record.createdAt
        acctID = record.acctID
        operation = record.operation
        method = record.method
        self.body = body
        approvers = record.approvers
        denier = record.denier
        status = record.status
        self.reviewers = reviewers
        subjects = record.subjects
        description = record.description
        expiry = record.expiry
    }
}

extension ApprovalPolicy {
    /// As the API names users and apps.
    var reviewers: [Creator] {
        switch self {
        case .user(let id): [Creator(user: id)]
        case .app(let id): [Creator(app: id)]
        case .quorum(_, let members): members.flatMap(\.reviewers)
        }
    }
}
