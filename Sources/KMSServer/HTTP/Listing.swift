internal import GRDB
internal import Hummingbird

/// The lists of /sys/v1 (groups, apps, users, plugins): order, page and the form of the answer.
///
/// The answer is a bare array, unless the query has `continuation_token`, be it empty: then `{items, metadata}`, and
/// the metadata holds the token of the next page if there is one.
struct Listing {
    /// What the order of a list depends on.
    struct Entry: Sendable {
        var id: String
        var name: String
    }

    /// As the API has it for these lists.
    private static var longestPage: Int { 1001 }

    private let limit: Int
    private let offset: Int
    private let isSortedByID: Bool
    private let isDescending: Bool
    /// Sort key and id of the last item of the page before.
    private let start: [String]?
    private let isPaged: Bool

    private struct Metadata: Encodable {
        var totalCount: Int
        var continuationToken: String?

        enum CodingKeys: String, CodingKey {
            case totalCount = "total_count"
            case continuationToken = "continuation_token"
        }
    }

    /// - Parameters:
    ///   - names: of the orders by id and by name in `sort`, for example `group_id` and `name`.
    /// - Throws: 400 for an unknown order and for a token that is none.
    init(_ query: Query, names: (id: String, name: String)) throws(KMSError) {
        (limit, offset) = try query.page(longest: Listing.longestPage)
        isPaged = query.items.contains { $0.name == "continuation_token" }
        start = try query.text("continuation_token").map { token throws(KMSError) -> [String] in
            guard let bytes = Base64.decode(token) else {
                throw .badRequest("Query parameter \"continuation_token\" must be one of an earlier answer")
            }
            let parts = String(decoding: bytes, as: UTF8.self).split(separator: "\0", omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw .badRequest("Query parameter \"continuation_token\" must be one of an earlier answer")
            }
            return parts.map(String.init)
        }
        let order = (query.text("sort") ?? query.text("sort_by") ?? names.name).lowercased().split(separator: ":")
        let known = "\(names.id) or \(names.name), with :asc or :desc"
        guard let first = order.first, [names.id, names.name].contains(String(first)), order.count <= 2,
            ["asc", "desc"].contains(order.dropFirst().first ?? "asc")
        else { throw .badRequest("Query parameter \"sort\" must be \(known)") }
        isSortedByID = first == names.id
        isDescending = order.dropFirst().first == "desc"
    }

    /// Of all records only what the order depends on is held; those of the page are read again when it is sent.
    ///
    /// - Parameters:
    ///   - entries: calls its last argument for everything that the caller sees and that fits the query, in any order.
    ///   - item: the record of an id; nil when the caller does not see it any more.
    func answer(
        _ pool: DatabasePool,
        _ entries: @escaping @Sendable (Database, (Entry) -> Void) throws -> Void,
        item: @escaping @Sendable (String, Database) throws -> (some Encodable & SendableMetatype)?
    ) async throws -> Response {
        let all = try await pool.read { db in
            var all: [Entry] = []
            try entries(db) { all.append($0) }
            return all
        }
        var rest = all.map { (id: $0.id, position: position($0)) }.sorted { isBefore($0.position, $1.position) }
        if let start { rest.removeAll { !isBefore(start, $0.position) } }
        let page = rest.dropFirst(offset).prefix(limit)
        var frame = ListFrame.array
        if isPaged {
            let isLast = page.isEmpty || page.count + offset >= rest.count
            let token =
                isLast ? nil : page.last.map { Base64.urlEncode(Array($0.position.joined(separator: "\0").utf8)) }
            frame = try .page(Metadata(totalCount: all.count, continuationToken: token))
        }
        return try await .list(of: page.map(\.id), in: frame, pool, item)
    }

    private func position(_ entry: Entry) -> [String] { [isSortedByID ? entry.id : entry.name, entry.id] }

    private func isBefore(_ left: [String], _ right: [String]) -> Bool {
        isDescending ? right.lexicographicallyPrecedes(left) : left.lexicographicallyPrecedes(right)
    }
}
