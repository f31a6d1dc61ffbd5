import KMSModel

/// A group that an app or a plugin is in, as the JSON of both shows it.
struct GroupReference: Encodable {
    var group_id: String
    var name: String?

    init(_ id: String, names: [String: String]) {
        group_id = id
        name = names[id]
    }

    /// For a column of a table.
    static func list(_ groups: [GroupReference]) -> String {
        groups.map { $0.name ?? $0.group_id }.joined(separator: ",")
    }
}

extension AdminClient {
    /// By id.
    func groupNames() throws -> [String: String] {
        Dictionary(try groups().map { ($0.groupID, $0.name) }, uniquingKeysWith: { first, _ in first })
    }
}
