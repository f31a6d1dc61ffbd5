internal import GRDB
internal import KMSModel

/// What a request makes of a plugin, new or old: fields that are absent or null stay as they are.
struct PluginChange: Sendable {
    private let request: PluginRequest

    init(_ request: PluginRequest) { self.request = request }

    /// - Throws: `KMSError` 400 for a value that the plugin cannot have.
    func apply(to plugin: inout Plugin, in db: Database) throws {
        if let name = request.name { plugin.name = try FieldRules.name(name) }
        if let description = try FieldRules.description(request.description) { plugin.description = description }
        if let enabled = request.enabled { plugin.enabled = enabled }
        if let type = request.pluginType {
            guard type == .standard else {
                throw KMSError.badRequest(
                    "Field \"plugin_type\": a plugin acts with its caller's rights here, so only STANDARD is possible")
            }
        }
        if let source = request.source { plugin.source = try PluginChange.checked(source) }
        plugin.groups = try groups(of: plugin, in: db)
        try setDefaultGroup(of: &plugin)
        plugin.lastupdatedAt = .now
    }

    private static func checked(_ source: PluginSource) throws(KMSError) -> PluginSource {
        switch (source.code, source.pluginName) {
        case (_?, nil):
            guard source.language != nil else {
                throw .badRequest("Field \"source.language\" is missing; \"LUA\" is what there is")
            }
        case (nil, let name?):
            guard NativePlugins.named(name) != nil else {
                throw .badRequest(
                    "Field \"source.plugin_name\": there is no built-in plugin \(name.prefix(64).quoted); this server has "
                        + NativePlugins.names.joined(separator: ", ") + " and fetches none from elsewhere")
            }
        default:
            throw .badRequest(
                "Field \"source\" must have either \"language\" and \"code\", or the \"plugin_name\" of a built-in one")
        }
        return source
    }

    private func groups(of plugin: Plugin, in db: Database) throws -> [String] {
        let known = Set(try GroupStore.ids(account: plugin.acctID, in: db))
        let added = (request.addGroups ?? []).map { $0.lowercased() }
        guard added.allSatisfy(known.contains) else {
            throw KMSError.badRequest("Field \"add_groups\": there is no such group")
        }
        let removed = Set((request.delGroups ?? []).map { $0.lowercased() })
        let groups = Set(plugin.groups).union(added).subtracting(removed).sorted()
        guard !groups.isEmpty else {
            throw KMSError.badRequest("Field \"add_groups\": a plugin needs a group, whose keys it works with")
        }
        return groups
    }

    private func setDefaultGroup(of plugin: inout Plugin) throws(KMSError) {
        if let wanted = request.defaultGroup?.lowercased() {
            guard plugin.groups.contains(wanted) else {
                throw .badRequest("Field \"default_group\" is not one of the plugin's groups")
            }
            plugin.defaultGroup = wanted
        }
        if let group = plugin.defaultGroup, plugin.groups.contains(group) { return }
        plugin.defaultGroup = plugin.groups.count == 1 ? plugin.groups[0] : nil
    }
}
