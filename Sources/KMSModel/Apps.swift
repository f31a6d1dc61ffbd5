/// GET /sys/v1/apps.
package struct App: Codable, Sendable {
    package var appID: String
    package var name: String
    package var description: String?
    package var appType: String?
    package var authType: String?
    package var acctID: String
    package var enabled: Bool
    package var defaultGroup: String?
    package var groups: AppGroups
    package var createdAt: Timestamp?
    package var lastusedAt: Timestamp?
    package var interface: String?
    /// "crypto" or "admin".
    package var role: String?
    package var ipAddressPolicy: AddressPolicy?

    package enum CodingKeys: String, CodingKey {
        case appID = "app_id"
        case name, description
        case appType = "app_type"
        case authType = "auth_type"
        case acctID = "acct_id"
        case enabled
        case defaultGroup = "default_group"
        case groups
        case createdAt = "created_at"
        case lastusedAt = "lastused_at"
        case interface, role
        case ipAddressPolicy = "ip_address_policy"
    }

    package init(appID: String, name: String, acctID: String, groups: AppGroups) {
        self.appID = appID
        self.name = name
        self.acctID = acctID
        self.groups = groups
        enabled = true
        authType = "Secret"
    }
}

/// The groups of an app: the API has a map `{group: [permission]}` and an older array `[group]`, which grants all.
package enum AppGroups: Codable, Sendable {
    case list([String])
    case permissions([String: [String]])

    package var ids: [String] {
        switch self {
        case .list(let ids): ids
        case .permissions(let map): map.keys.sorted()
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let list = try? container.decode([String].self) {
            self = .list(list)
        } else if let map = try? container.decode([String: [String]].self) {
            self = .permissions(map)
        } else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "neither a list of group ids nor a map from group ids to lists of permissions"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .list(let list): try container.encode(list)
        case .permissions(let map): try container.encode(map)
        }
    }
}

/// POST and PATCH /sys/v1/apps.
package struct AppRequest: Codable, Sendable {
    package var name: String?
    package var description: String?
    package var appType: String?
    package var interface: String?
    package var addGroups: AppGroups?
    package var modGroups: AppGroups?
    package var delGroups: AppGroups?
    package var defaultGroup: String?
    package var secretSize: Int?
    package var enabled: Bool?
    package var role: String?
    package var ipAddressPolicy: AddressPolicy?
    package var credential: AppCredential?
    /// Seconds for which the old API key works beside the new one.
    package var credentialMigrationPeriod: Int?

    package enum CodingKeys: String, CodingKey {
        case name, description
        case appType = "app_type"
        case interface
        case addGroups = "add_groups"
        case modGroups = "mod_groups"
        case delGroups = "del_groups"
        case defaultGroup = "default_group"
        case secretSize = "secret_size"
        case enabled, role
        case ipAddressPolicy = "ip_address_policy"
        case credential
        case credentialMigrationPeriod = "credential_migration_period"
    }

    package init(name: String? = nil) { self.name = name }
}
