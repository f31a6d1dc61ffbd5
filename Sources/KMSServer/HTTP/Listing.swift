internal import Hummingbird

/// The lists of /sys/v1 (groups, apps, users): order, page and the form of the answer.
///
/// The answer is a bare array, unless the query has `continuation_token`, be it empty: then `{items, metadata}`, and
/// the metadata holds the token of the next page if there is one.
struct Listing {
    private let limit: Int
    private let offset: Int
    private let isSortedByID: Bool
    private let isDescending: Bool
    /// Sort key and id of the last item of the page before.
    private let start: [String]?
    private let isPaged: Bool

    private struct Page<Item: Encodable>: Encodable {
        struct Metadata: Encodable {
            var totalCount: Int
            var continuationToken: String?

            enum CodingKeys: String, CodingKey {
                case totalCount = "total_count"
                case continuationToken = "continuation_token"
            }
        }

        var items: [Item]
        var metadata: Metadata
    }

    /// - Parameters:
    ///   - names: of the orders by id and by name in `sort`, for example `group_id` and `name`.
    /// - Throws: 400 for an unknown order and for a token that is none.
    init(_ query: Query, names: (id: String, name: String)) throws(KMSError) {
        limit = min(try query.number("limit") ?? 1001, 1001)
        offset = try query.number("offset") ?? 0
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

    /// - Parameters:
    ///   - all: everything that the caller sees and that fits the query, in any order.
    ///   - key: id and name of an item.
    func answer<Item: Encodable>(_ all: [Item], key: (Item) -> (id: String, name: String)) throws -> Response {
        func position(_ item: Item) -> [String] {
            let key = key(item)
            return [isSortedByID ? key.id : key.name, key.id]
        }
        func isBefore(_ left: [String], _ right: [String]) -> Bool {
            isDescending ? right.lexicographicallyPrecedes(left) : left.lexicographicallyPrecedes(right)
        }
        var rest = all.map { (item: $0, position: position($0)) }.sorted { isBefore($0.position, $1.position) }
        if let start { rest.removeAll { !isBefore(start, $0.position) } }
        let page = rest.dropFirst(offset).prefix(limit)
        guard isPaged else { return try .json(page.map(\.item)) }
        let isLast = page.isEmpty || page.count + offset >= rest.count
        let token = isLast ? nil : page.last.map { Base64.urlEncode(Array($0.position.joined(separator: "\0").utf8)) }
        return try .json(
            Page(items: page.map(\.item), metadata: .init(totalCount: all.count, continuationToken: token)))
    }
}
