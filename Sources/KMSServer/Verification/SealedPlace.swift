internal import FoundationEssentials
internal import GRDB
internal import KMSModel

/// A column with boxes that are sealed under the master key. Verification opens each of them and a new master key seals
/// each anew, so whoever adds such a column, which is named `sealed_…`, adds it to `all`.
package struct SealedPlace: Sendable {
    package var table: String
    /// Primary key.
    var id: String
    package var column: String
    /// Further columns that tell what a box is.
    var further: [String] = []
    /// Verification has a check of its own that knows what is inside.
    var hasOwnCheck = true
    /// nil for a row that holds no box.
    var what: @Sendable (_ id: String, Row) -> CryptoEngine.Sealed?

    package static var all: [SealedPlace] { [settings, tlsKeys, appSecrets, objects, approvalBodies, approvalResults] }

    private static var settings: SealedPlace {
        SealedPlace(table: "setting", id: "name", column: "value") { id, _ in
            switch SettingStore.Name(rawValue: id) {
            case .auditKey: .auditKey
            case .transientKey: .transientKey
            // A new check is written with each master key.
            case .masterKeyCheck, .masterKeyID, .hosts, .operationTally, .writeProbe, .backup, .journal, nil: nil
            }
        }
    }

    private static var tlsKeys: SealedPlace {
        SealedPlace(table: "tls_identity", id: "name", column: "sealed_key") { id, _ in .tlsKey(name: id) }
    }

    private static var appSecrets: SealedPlace {
        SealedPlace(table: "app", id: "app_id", column: "sealed_secret") { id, _ in .appSecret(id: id) }
    }

    private static var objects: SealedPlace {
        SealedPlace(table: "sobject", id: "kid", column: "sealed_value", further: ["obj_type"]) { id, row in
            ObjectType(rawValue: row["obj_type"]).map { .object(kid: id, type: $0) }
        }
    }

    private static var approvalBodies: SealedPlace {
        SealedPlace(table: "approval_request", id: "request_id", column: "sealed_body", hasOwnCheck: false) { id, _ in
            .approvalBody(id: id)
        }
    }

    private static var approvalResults: SealedPlace {
        SealedPlace(table: "approval_request", id: "request_id", column: "sealed_result", hasOwnCheck: false) { id, _ in
            .approvalResult(id: id)
        }
    }

    /// Seals every box anew, inside the caller's transaction.
    ///
    /// - Throws: `StartError` that names the first box that does not open.
    func reseal(from old: CryptoEngine, to new: CryptoEngine, in db: Database) throws {
        try forEach(in: db) { name, box, sealed in
            guard let secret = try? old.open(box, as: sealed) else {
                throw StartError(
                    "the sealed value of \(table) \(name) does not open, so nothing was changed; see what kmsd verify says",
                    .data)
            }
            try db.cachedStatement(sql: "UPDATE \(table) SET \(column) = ? WHERE \(id) = ?")
                .execute(arguments: [Data(try new.seal(secret, as: sealed)), name])
        }
    }

    /// Opens every box.
    func check(with engine: CryptoEngine, _ findings: Findings, in db: Database) throws {
        try forEach(in: db) { name, box, sealed in
            guard (try? engine.open(box, as: sealed)) == nil else { return }
            findings.add("\(table) \(name): its \(column) does not open under the master key")
        }
    }

    /// Some hundred rows at a time, so that they may be changed meanwhile.
    private func forEach(
        in db: Database, _ body: (_ id: String, _ box: [UInt8], CryptoEngine.Sealed) throws -> Void
    ) throws {
        var last = ""
        let columns = ([id, column] + further).joined(separator: ", ")
        while true {
            let rows = try Row.fetchAll(
                db, sql: "SELECT \(columns) FROM \(table) WHERE \(id) > ? ORDER BY \(id) LIMIT 500", arguments: [last])
            guard let end = rows.last else { return }
            for row in rows {
                let name: String = row[id]
                guard let box: Data = row[column], let sealed = what(name, row) else { continue }
                try body(name, Array(box), sealed)
            }
            last = end[id]
        }
    }
}
