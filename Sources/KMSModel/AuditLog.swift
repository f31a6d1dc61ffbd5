/// GET /sys/v1/logs.
package struct AuditResponse: Codable, Sendable {
    package var hits: [AuditHit]

    package init(hits: [AuditHit]) { self.hits = hits }
}

package struct AuditHit: Codable, Sendable {
    package var id: String
    package var source: AuditRecord

    package enum CodingKeys: String, CodingKey {
        case id = "_id"
        case source = "_source"
    }

    package init(id: String, source: AuditRecord) {
        self.id = id
        self.source = source
    }
}

package struct AuditRecord: Codable, Sendable {
    package var actionType: String
    package var actorType: String
    package var actorID: String?
    package var objectID: String?
    package var acctID: String?
    package var groupIDs: [String]
    package var message: String
    package var severity: String
    /// RFC 3339.
    package var time: String
    package var clientIP: String?
    /// `success` or `refusal`: kmsd's own, besides the severity that other servers have, too.
    package var outcome: String?

    package enum CodingKeys: String, CodingKey {
        case actionType = "action_type"
        case actorType = "actor_type"
        case actorID = "actor_id"
        case objectID = "object_id"
        case acctID = "acct_id"
        case groupIDs = "group_ids"
        case message, severity, outcome, time
        case clientIP = "client_ip"
        case responseTime = "response_time"
    }

    /// How long the request took.
    package struct Duration: Codable, Sendable {
        package var secs: Int
        package var nanos: Int

        package init(secs: Int, nanos: Int) {
            self.secs = secs
            self.nanos = nanos
        }
    }

    package var responseTime: Duration?

    package init(actionType: String, actorType: String, message: String, severity: String, time: String) {
        self.actionType = actionType
        self.actorType = actorType
        self.message = message
        self.severity = severity
        self.time = time
        groupIDs = []
    }

    /// `client_ip` and `response_time` are always written: the official client stops at a missing key.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(actionType, forKey: .actionType)
        try container.encode(actorType, forKey: .actorType)
        try container.encode(actorID, forKey: .actorID)
        try container.encode(objectID, forKey: .objectID)
        try container.encode(acctID, forKey: .acctID)
        try container.encode(groupIDs, forKey: .groupIDs)
        try container.encode(message, forKey: .message)
        try container.encode(severity, forKey: .severity)
        try container.encodeIfPresent(outcome, forKey: .outcome)
        try container.encode(time, forKey: .time)
        try container.encode(clientIP, forKey: .clientIP)
        try container.encode(responseTime, forKey: .responseTime)
    }
}
