internal import FoundationEssentials
internal import GRDB
internal import KMSModel

/// A column with boxes that are sealed under the master key. Verification opens each of them and a new master key seals
/// each anew, so whoever adds such a column adds it to `all`.
struct SealedPlace: Sendable {
    var table: String
    /// Primary key.
    var id: String
    var column: String
    /// Further columns that tell what a box is.
    var further: [String] = []
    /// nil for a row that cannot be right.
    var what: @Sendable (_ id: String, Row) -> CryptoEngine.Sealed?

    static var all: [SealedPlace] { [settings, tlsKeys, appSecrets, objects] }

    private static var settings: SealedPlace {
        SealedPlace(table: "setting", id: "name", column: "value") { id, _ in
            switch SettingStore.Name(rawValue: id) {
            case .auditKey: .auditKey
            case .transientKey: .transientKey
            // A new check is written with each master key.
            case .masterKeyCheck, .masterKeyID, .hosts, .writeProbe, .backup, nil: nil
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

    /// Seals every box anew, some hundred rows at a time, inside the caller's transaction.
    ///
    /// - Throws: `StartError` that names the first box that does not open.
    func reseal(from old: CryptoEngine, to new: CryptoEngine, in db: Database) throws {
        var last = ""
        let columns = ([id, column] + further).joined(separator: ", ")
        while true {
            let rows = try Row.fetchAll(
                db, sql: "SELECT \(columns) FROM \(table) WHERE \(id) > ? ORDER BY \(id) LIMIT 500", arguments: [last])
            guard let end = rows.last else { return }
            for row in rows { try reseal(row, from: old, to: new, in: db) }
            last = end[id]
        }
    }

    private func reseal(_ row: Row, from old: CryptoEngine, to new: CryptoEngine, in db: Database) throws {
        let name: String = row[id]
        guard let box: Data = row[column], let sealed = what(name, row) else { return }
        guard let secret = try? old.open(Array(box), as: sealed) else {
            throw StartError(
                "the sealed value of \(table) \(name) does not open, so nothing was changed; see what kmsd verify says",
                .data)
        }
        try db.cachedStatement(sql: "UPDATE \(table) SET \(column) = ? WHERE \(id) = ?")
            .execute(arguments: [Data(try new.seal(secret, as: sealed)), name])
    }
}
