internal import FoundationEssentials
package import GRDB
package import KMSModel

/// What a listing asks for (reference: List query).
package struct KeyQuery: Sendable {
    package enum Sort: Sendable {
        case kid, name
    }

    package var account: String
    /// Only these groups; nil: all.
    package var groups: [String]?
    package var name: String?
    package var groupID: String?
    package var objType: ObjectType?
    /// The `pkcs11-label` of an object's metadata, as it is or percent-coded, or else its name; or the
    /// `pkcs11-public-label` of a key pair.
    package var label: String?
    /// Id of an app or user.
    package var creator: String?
    package var filter: KeyFilter?
    package var showsDestroyed = false
    package var customMetadata: [String: String] = [:]
    package var sort = Sort.kid
    package var isDescending = false
    /// Exclusive: the last kid or name of the page before.
    package var start: String?
    package var limit = Query.longestPage
    package var offset = 0

    package init(account: String, groups: [String]?) {
        self.account = account
        self.groups = groups
    }
}

extension KeyQuery {
    /// What is left of the page when `count` objects have been shown, of which `last` was the last one.
    package func after(_ last: Sobject, count: Int) -> KeyQuery? {
        guard count < limit else { return nil }
        var rest = self
        rest.start = sort == .kid ? last.kid : last.name
        rest.limit -= count
        rest.offset = 0
        return rest
    }

    /// SQLite's word for "no index for this column". It thinks best of the one that gives the order; where metadata
    /// is looked for that would be to read all objects in their order instead of the few that have it.
    fileprivate var plus: String { label == nil && customMetadata.isEmpty ? "" : "+" }
}

extension KeyStore {
    /// The objects of a page, one at a time.
    ///
    /// - Parameter body: answers whether it wants another one.
    package static func forEach(_ query: KeyQuery, in db: Database, _ body: (Sobject) throws -> Bool) throws {
        let (sql, arguments) = try statement(query)
        let rows = try Row.fetchCursor(db, sql: sql, arguments: arguments)
        while let row = try rows.next(), try body(record(row).object) {}
    }

    package static func statement(_ query: KeyQuery) throws -> (sql: String, arguments: StatementArguments) {
        var (condition, arguments) = try filter(query)
        let column = query.plus + (query.sort == .kid ? "kid" : "name")
        if let start = query.start {
            condition += " AND \(column) \(query.isDescending ? "<" : ">") ?"
            arguments += [start]
        }
        arguments += [query.limit, query.offset]
        let sql = """
            SELECT kid, attributes, NULL AS sealed_value FROM sobject WHERE \(condition)
            ORDER BY \(column) \(query.isDescending ? "DESC" : "ASC") LIMIT ? OFFSET ?
            """
        return (sql, arguments)
    }

    /// How many objects the query matches on all pages together, and how many the caller can see at all.
    package static func count(_ query: KeyQuery, in db: Database) throws -> (filtered: Int, total: Int) {
        func count(_ query: KeyQuery) throws -> Int {
            let (condition, arguments) = try filter(query)
            return try Int.fetchOne(db, sql: "SELECT count(*) FROM sobject WHERE \(condition)", arguments: arguments)
                ?? 0
        }
        var all = KeyQuery(account: query.account, groups: query.groups)
        all.showsDestroyed = query.showsDestroyed
        return (try count(query), try count(all))
    }

    private static func filter(_ query: KeyQuery) throws -> (String, StatementArguments) {
        let plus = query.plus
        var condition = "\(plus)acct_id = ?"
        var arguments: StatementArguments = [query.account]
        if let groups = query.groups {
            condition += " AND \(plus)group_id IN (SELECT value FROM json_each(?))"
            arguments += [String(decoding: try JSONEncoder().encode(groups), as: UTF8.self)]
        }
        for (column, value) in [
            ("name", query.name), ("group_id", query.groupID), ("obj_type", query.objType?.rawValue),
        ] {
            guard let value else { continue }
            condition += " AND \(plus)\(column) = ?"
            arguments += [value]
        }
        if !query.showsDestroyed {
            condition += " AND json_extract(attributes, '$.state') IS NOT ?"
            arguments += [ObjectState.destroyed.rawValue]
        }
        if let label = query.label {
            condition += """
                 AND kid IN (
                    SELECT kid FROM sobject_metadata WHERE key IN (?, ?) AND value IN (?, ?)
                    UNION ALL
                    SELECT kid FROM sobject AS named WHERE acct_id = ? AND name = ? AND NOT EXISTS (
                        SELECT 1 FROM sobject_metadata WHERE kid = named.kid AND key = ?))
                """
            let key = PercentCoding.labelKey
            let coded = PercentCoding.encode(label.utf8)
            arguments += [key, PercentCoding.publicLabelKey, label, coded, query.account, label, key]
        }
        if let creator = query.creator {
            condition += """
                 AND ? IN (json_extract(attributes, '$.creator.app'), json_extract(attributes, '$.creator.user'))
                """
            arguments += [creator]
        }
        if let filter = query.filter {
            condition += " AND \(filter.condition)"
            arguments += StatementArguments(filter.arguments)
        }
        for (key, value) in query.customMetadata {
            condition += " AND kid IN (SELECT kid FROM sobject_metadata WHERE key = ? AND value = ?)"
            arguments += [key, value]
        }
        return (condition, arguments)
    }
}
