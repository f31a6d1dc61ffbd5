internal import FoundationEssentials
package import KMSModel

/// A record of the audit log that is not in the database yet.
package struct UnsettledRecord: Sendable {
    package var actionType: String
    package var actorID: String?
    package var objectID: String?
    package var time: Timestamp
    /// The record, exactly the bytes that the chain covers.
    package var json: [UInt8]

    /// - Parameter shown: the time in RFC 3339.
    init(_ event: AuditEvent, at time: Timestamp, shown: String) {
        let record = event.record(at: shown)
        actionType = record.actionType
        actorID = record.actorID
        objectID = record.objectID
        self.time = time
        json = record.json
    }

    /// A record that was written down as its JSON; nil when it is none.
    init?(json: [UInt8], at time: Timestamp) {
        guard let record = try? JSONDecoder().decode(AuditRecord.self, from: Data(json)) else { return nil }
        actionType = record.actionType
        actorID = record.actorID
        objectID = record.objectID
        self.time = time
        self.json = json
    }
}
