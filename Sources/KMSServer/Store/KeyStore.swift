internal import FoundationEssentials
package import GRDB
package import KMSModel

/// A security object as stored: what the API shows of it, and the sealed key material.
package struct KeyRecord: Sendable {
    package var kid: String
    package var object: Sobject
    /// nil for public keys and certificates, whose value is public.
    package var sealedValue: [UInt8]?
}

package enum KeyStore {
    /// - Throws: `KMSError` 409 when the account has an object of that name.
    package static func insert(_ record: KeyRecord, in db: Database) throws {
        try checkName(record, in: db)
        try db.execute(
            sql: """
                INSERT INTO sobject (kid, acct_id, group_id, name, obj_type, attributes, sealed_value)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                record.kid, record.object.acctID, record.object.groupID, record.object.name,
                record.object.objType.rawValue, try json(record.object), record.sealedValue.map { Data($0) },
            ])
    }

    /// Writes the attributes; the key material stays.
    package static func update(_ record: KeyRecord, in db: Database) throws {
        try checkName(record, in: db)
        try db.execute(
            sql: "UPDATE sobject SET name = ?, group_id = ?, attributes = ? WHERE kid = ?",
            arguments: [record.object.name, record.object.groupID, try json(record.object), record.kid])
    }

    /// Takes the key material out; the attributes stay.
    package static func eraseMaterial(_ kid: String, in db: Database) throws {
        try db.execute(sql: "UPDATE sobject SET sealed_value = NULL WHERE kid = ?", arguments: [kid])
    }

    package static func delete(_ kid: String, in db: Database) throws {
        try db.execute(sql: "DELETE FROM sobject WHERE kid = ?", arguments: [kid])
    }

    package static func find(kid: String, account: String, in db: Database) throws -> KeyRecord? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM sobject WHERE kid = ? AND acct_id = ?", arguments: [kid, account]
        ).map(record)
    }

    package static func find(name: String, account: String, in db: Database) throws -> KeyRecord? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM sobject WHERE name = ? AND acct_id = ?", arguments: [name, account]
        ).map(record)
    }

    private static func checkName(_ record: KeyRecord, in db: Database) throws {
        let owner = try String.fetchOne(
            db, sql: "SELECT kid FROM sobject WHERE name = ? AND acct_id = ?",
            arguments: [record.object.name, record.object.acctID])
        guard owner == nil || owner == record.kid else { throw KMSError.objectExists }
    }

    static func record(_ row: Row) throws -> KeyRecord {
        let attributes: String = row["attributes"]
        let sealed: Data? = row["sealed_value"]
        return KeyRecord(
            kid: row["kid"], object: try JSONDecoder().decode(Sobject.self, from: Data(attributes.utf8)).settled,
            sealedValue: sealed.map(Array.init))
    }

    private static func json(_ object: Sobject) throws -> String {
        String(decoding: try JSONEncoder().encode(object), as: UTF8.self)
    }
}
