internal import FoundationEssentials
package import KMSModel

/// A record of the audit log that is not in the database yet. A class, because it goes through several arrays.
package final class UnsettledRecord: Sendable {
    package let actionType: String
    package let actorID: String?
    package let objectID: String?
    package let time: Timestamp
    /// The record, exactly the bytes that the chain covers.
    package let json: [UInt8]

    /// - Parameter shown: the time in RFC 3339.
    init(_ event: AuditEvent, at time: Timestamp, shown: String) {
        actionType = event.actionType.rawValue
        actorID = event.actorID
        objectID = event.objectID
        self.time = time
        json = event.record(at: shown).json
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
