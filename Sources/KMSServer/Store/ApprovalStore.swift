internal import FoundationEssentials
internal import GRDB
internal import KMSModel

/// A request that waits for approvals, without its body and its answer, which are sealed beside it.
struct ApprovalRecord: Codable, Sendable {
    enum Status: String, WireEnum {
        case pending = "PENDING"
        case approved = "APPROVED"
        case denied = "DENIED"
        /// It was approved and run, and the answer is a refusal.
        case failed = "FAILED"
    }

    /// What the request is about: one of the fields is there.
    struct Subject: Codable, Sendable, Hashable {
        var sobject: String?
        var group: String?
        var plugin: String?
        var app: String?
        var user: String?

        var id: String? { sobject ?? group ?? plugin ?? app ?? user }
    }

    /// Seconds from the making of a request to the end of everything about it.
    static var lifetime: Int64 { 7 * 86_400 }

    var id: String
    var acctID: String
    var requester: Creator
    var method: String
    /// Path and query.
    var operation: String
    var description: String?
    var subjects: [Subject]
    /// Those with a policy, whose approvers decide.
    var groups: [String]
    var approvers: [Creator] = []
    var denier: Creator?
    var status = Status.pending
    var createdAt: Timestamp

    var expiry: Timestamp { Timestamp(seconds: createdAt.seconds + ApprovalRecord.lifetime) }

    /// Ids of those who have approved.
    var approvals: Set<String> { Set(approvers.compactMap(\.id)) }
}

extension Creator {
    var id: String? { app ?? user }
}

enum ApprovalStore {
    /// Open requests of one app or user.
    private static var most: Int { 100 }

    /// - Throws: `KMSError` 409 when the requester has too many open ones.
    static func insert(_ record: ApprovalRecord, sealedBody: [UInt8]?, in db: Database) throws {
        let count = try Int.fetchOne(
            db, sql: "SELECT count(*) FROM approval_request WHERE requester = ?", arguments: [record.requester.id])
        guard count ?? 0 < most else {
            throw KMSError.conflict("There are \(most) approval requests of yours already; delete those that are done")
        }
        try db.execute(
            sql: """
                INSERT INTO approval_request
                    (request_id, acct_id, requester, created_at, expiry, status, attributes, sealed_body)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                record.id, record.acctID, record.requester.id, record.createdAt.seconds, record.expiry.seconds,
                record.status.rawValue, try json(record), sealedBody.map { Data($0) },
            ])
    }

    static func update(_ record: ApprovalRecord, in db: Database) throws {
        try db.execute(
            sql: "UPDATE approval_request SET status = ?, attributes = ? WHERE request_id = ?",
            arguments: [record.status.rawValue, try json(record), record.id])
    }

    /// - Returns: whether this was the first start.
    static func start(_ id: String, in db: Database) throws -> Bool {
        try db.execute(
            sql: "UPDATE approval_request SET started_at = ? WHERE request_id = ? AND started_at IS NULL",
            arguments: [Timestamp.now.seconds, id])
        return db.changesCount == 1
    }

    static func setResult(_ id: String, _ sealed: [UInt8], in db: Database) throws {
        try db.execute(
            sql: "UPDATE approval_request SET sealed_result = ? WHERE request_id = ?", arguments: [Data(sealed), id])
    }

    static func delete(_ id: String, in db: Database) throws {
        try db.execute(sql: "DELETE FROM approval_request WHERE request_id = ?", arguments: [id])
    }

    static func deleteExpired(in db: Database) throws {
        try db.execute(sql: "DELETE FROM approval_request WHERE expiry <= ?", arguments: [Timestamp.now.seconds])
    }

    static func find(id: String, account: String, in db: Database) throws -> ApprovalRecord? {
        try String.fetchOne(
            db, sql: "SELECT attributes FROM approval_request WHERE request_id = ? AND acct_id = ? AND expiry > ?",
            arguments: [id, account, Timestamp.now.seconds]
        ).map(record)
    }

    /// Newest first.
    static func forEach(account: String, in db: Database, _ body: (ApprovalRecord) throws -> Void) throws {
        let rows = try String.fetchCursor(
            db,
            sql: """
                SELECT attributes FROM approval_request WHERE acct_id = ? AND expiry > ?
                ORDER BY created_at DESC, request_id
                """,
            arguments: [account, Timestamp.now.seconds])
        while let row = try rows.next() { try body(record(row)) }
    }

    static func sealedBody(_ id: String, in db: Database) throws -> [UInt8]? {
        try Data.fetchOne(
            db, sql: "SELECT sealed_body FROM approval_request WHERE request_id = ? AND sealed_body IS NOT NULL",
            arguments: [id]
        ).map(Array.init)
    }

    static func sealedResult(_ id: String, in db: Database) throws -> [UInt8]? {
        try Data.fetchOne(
            db, sql: "SELECT sealed_result FROM approval_request WHERE request_id = ? AND sealed_result IS NOT NULL",
            arguments: [id]
        ).map(Array.init)
    }

    private static func record(_ json: String) throws -> ApprovalRecord {
        try JSONDecoder().decode(ApprovalRecord.self, from: Data(json.utf8))
    }

    private static func json(_ record: ApprovalRecord) throws -> String {
        String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
    }
}
