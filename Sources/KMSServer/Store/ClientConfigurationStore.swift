internal import FoundationEssentials
internal import GRDB
internal import KMSModel

/// `client_configurations` of accounts, groups and apps: settings that clients read from the KMS. They are JSON that
/// the server keeps and merges and does not interpret.
enum ClientConfigurationStore {
    enum Owner {
        case account(String), group(String), app(String)

        fileprivate var place: (table: String, key: String, id: String) {
            switch self {
            case .account(let id): ("account", "acct_id", id)
            case .group(let id): ("\"group\"", "group_id", id)
            case .app(let id): ("app", "app_id", id)
            }
        }
    }

    static func value(of owner: Owner, in db: Database) throws -> JSONValue? {
        let (table, key, id) = owner.place
        let text = try String.fetchOne(
            db, sql: "SELECT client_configurations FROM \(table) WHERE \(key) = ?", arguments: [id])
        return try text.map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
    }

    static func set(_ value: JSONValue, of owner: Owner, in db: Database) throws {
        let (table, key, id) = owner.place
        let text = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        try db.execute(
            sql: "UPDATE \(table) SET client_configurations = ? WHERE \(key) = ?", arguments: [text, id])
    }
}
