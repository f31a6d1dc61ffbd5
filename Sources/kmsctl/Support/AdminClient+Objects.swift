import FoundationEssentials
import KMSModel

/// Groups, apps, plugins and security objects, found by name or id.
extension AdminClient {
    func groups() throws -> [Group] { try get("/sys/v1/groups", doing: "listing the groups", as: [Group].self) }

    func apps() throws -> [App] {
        try pages("/sys/v1/apps", size: 1000, doing: "listing the apps", as: App.self)
    }

    func users() throws -> [User] { try get("/sys/v1/users", doing: "listing the users", as: [User].self) }

    /// - Parameter name: only the object of this name.
    func keys(name: String? = nil) throws -> [Sobject] {
        let filter = name.map { "name=\(Self.escaped($0))&" } ?? ""
        return try pages("/crypto/v1/keys?\(filter)", size: 1000, doing: "listing the keys", as: Sobject.self)
    }

    /// Id of the group with this name or id.
    func groupID(_ nameOrID: String) throws -> String {
        let groups = try groups()
        if let group = groups.first(where: { $0.name == nameOrID }) ?? groups.first(where: { $0.groupID == nameOrID }) {
            return group.groupID
        }
        throw CommandFailure(
            .notFound, "there is no group \"\(nameOrID)\"", remedy: "See `kmsctl group list`, or make it: group create."
        )
    }

    /// Where a new object goes: the named group; else, for a user, the only one. nil: the app's default group.
    func group(_ name: String?) throws -> String? {
        if let name { return try groupID(name) }
        guard case .user = identity else { return nil }
        let groups = try groups()
        if groups.count == 1 { return groups[0].groupID }
        throw CommandFailure(
            .input, groups.isEmpty ? "there is no group yet" : "there are \(groups.count) groups",
            remedy: groups.isEmpty ? "Make one: kmsctl group create NAME." : "Name one with --group.")
    }

    func app(_ nameOrID: String) throws -> App {
        let apps = try apps()
        if let app = apps.first(where: { $0.name == nameOrID }) ?? apps.first(where: { $0.appID == nameOrID }) {
            return app
        }
        throw CommandFailure(.notFound, "there is no app \"\(nameOrID)\"", remedy: "See `kmsctl app list`.")
    }

    func plugins() throws -> [Plugin] {
        try pages("/sys/v1/plugins", size: 1000, doing: "listing the plugins", as: Plugin.self)
    }

    func plugin(_ nameOrID: String) throws -> Plugin {
        let plugins = try plugins()
        if let plugin = plugins.first(where: { $0.name == nameOrID })
            ?? plugins.first(where: { $0.pluginID == nameOrID })
        {
            return plugin
        }
        throw CommandFailure(.notFound, "there is no plugin \"\(nameOrID)\"", remedy: "See `kmsctl plugin list`.")
    }

    /// A security object by name, or by kid.
    func key(_ nameOrKID: String) throws -> Sobject {
        do {
            return try info(SobjectDescriptor(name: nameOrKID))
        } catch let failure as CommandFailure where failure.code == .notFound {
            if UUID(uuidString: nameOrKID) != nil {
                do {
                    return try info(SobjectDescriptor(kid: nameOrKID.lowercased()))
                } catch let failure as CommandFailure where failure.code == .notFound {}
            }
            throw CommandFailure(.notFound, "there is no object \"\(nameOrKID)\"", remedy: "See `kmsctl key list`.")
        }
    }

    private func info(_ descriptor: SobjectDescriptor) throws -> Sobject {
        try send(.post, "/crypto/v1/keys/info", body: descriptor, doing: "looking up the key", as: Sobject.self)
    }

    /// All pages of a listing with `limit` and `offset`.
    private func pages<Item: Decodable>(
        _ path: String, size: Int, doing: String, as type: Item.Type
    ) throws -> [Item] {
        var items: [Item] = []
        let separator = path.contains("?") ? "" : "?"
        while true {
            let page = try get(
                "\(path)\(separator)limit=\(size)&offset=\(items.count)", doing: doing, as: [Item].self)
            items += page
            if page.count < size { return items }
        }
    }

    /// For a query string.
    static func escaped(_ text: String) -> String { PercentCoding.encode(text.utf8) }
}
