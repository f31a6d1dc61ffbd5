internal import FoundationEssentials
package import GRDB

/// The certificates of the server's own TLS, with their sealed private keys.
package enum TLSIdentityStore {
    package enum Name: String {
        case authority, server
    }

    package struct Row: Sendable {
        /// DER.
        package var certificate: [UInt8]
        package var sealedKey: [UInt8]
    }

    package static func find(_ name: Name, in db: Database) throws -> Row? {
        try GRDB.Row.fetchOne(
            db, sql: "SELECT certificate, sealed_key FROM tls_identity WHERE name = ?", arguments: [name.rawValue]
        ).map { row in
            Row(certificate: Array(row["certificate"] as Data), sealedKey: Array(row["sealed_key"] as Data))
        }
    }

    package static func set(_ name: Name, _ row: Row, in db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO tls_identity (name, certificate, sealed_key) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET certificate = excluded.certificate, sealed_key = excluded.sealed_key
                """,
            arguments: [name.rawValue, Data(row.certificate), Data(row.sealedKey)])
    }
}
