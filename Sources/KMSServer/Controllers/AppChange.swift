internal import GRDB
internal import KMSModel

/// POST and PATCH of /sys/v1/apps: the request's fields, checked, and what they do to an app.
struct AppChange: Decodable, Sendable {
    let request: AppRequest
    private let configurations: ClientConfigurations

    init(from decoder: any Decoder) throws {
        request = try AppRequest(from: decoder)
        configurations = try ClientConfigurations(from: decoder)
    }

    /// Groups that the app gets or whose permissions change.
    func grants() throws(KMSError) -> [String: Set<AppPermission>?] {
        var grants = try AppChange.grants(request.addGroups, "add_groups")
        for (group, permissions) in try AppChange.grants(request.modGroups, "mod_groups") {
            grants.updateValue(permissions, forKey: group)
        }
        return grants
    }

    private var withdrawn: [String] { (request.delGroups?.ids ?? []).map { $0.lowercased() } }

    /// nil: not asked for.
    func isAdministrative() throws(KMSError) -> Bool? {
        switch request.role?.lowercased() {
        case nil: nil
        case "crypto": false
        case "admin": true
        default: throw .badRequest("Field \"role\" must be crypto or admin")
        }
    }

    /// Everything but the credential.
    ///
    /// - Throws: 400 with the field that does not fit.
    func apply(to app: inout AppRecord) throws(KMSError) {
        if let name = request.name { app.name = try FieldRules.name(name) }
        if let description = try FieldRules.description(request.description) { app.description = description }
        app.appType = request.appType ?? app.appType
        app.interface = request.interface ?? app.interface
        app.enabled = request.enabled ?? app.enabled
        app.isAdministrative = try isAdministrative() ?? app.isAdministrative
        for (group, permissions) in try grants() { app.groups.updateValue(permissions, forKey: group) }
        for group in withdrawn { app.groups.removeValue(forKey: group) }
        if let policy = request.ipAddressPolicy {
            _ = try policy.ranges()
            app.addressPolicy = policy
        }
        try setDefaultGroup(&app)
        try configurations.check()
    }

    private func setDefaultGroup(_ app: inout AppRecord) throws(KMSError) {
        if let wanted = request.defaultGroup?.lowercased() {
            guard app.groups[wanted] != nil else {
                throw .badRequest("Field \"default_group\" is not one of the app's groups")
            }
            app.defaultGroup = wanted
        } else if app.defaultGroup.map({ app.groups[$0] == nil }) ?? true {
            // The one it had was taken from it, or there was none.
            app.defaultGroup = app.groups.count == 1 ? app.groups.keys.first : nil
        }
    }

    /// - Throws: 400 for a group that the account does not have.
    func checkGroups(of app: AppRecord, in db: Database) throws {
        for group in try grants().keys {
            guard try GroupStore.find(id: group, account: app.acctID, in: db) != nil else {
                throw KMSError.badRequest("Field \"add_groups\": there is no group \(group.prefix(64).quoted)")
            }
        }
    }

    func saveConfigurations(of app: AppRecord, in db: Database) throws {
        guard let value = configurations.value else { return }
        try ClientConfigurationStore.set(value, of: .app(app.id), in: db)
    }

    private static func grants(
        _ wanted: AppGroups?, _ field: String
    ) throws(KMSError) -> [String: Set<AppPermission>?] {
        var grants: [String: Set<AppPermission>?] = [:]
        switch wanted {
        case nil:
            break
        case .list(let ids)?:
            for id in ids { grants.updateValue(nil, forKey: id.lowercased()) }
        case .permissions(let map)?:
            for (id, names) in map {
                var permissions: Set<AppPermission> = []
                for name in names {
                    guard let permission = AppPermission(wire: name) else {
                        throw .badRequest("Field \"\(field)\": there is no permission \(name.prefix(64).quoted)")
                    }
                    permissions.insert(permission)
                }
                grants.updateValue(permissions, forKey: id.lowercased())
            }
        }
        return grants
    }
}
