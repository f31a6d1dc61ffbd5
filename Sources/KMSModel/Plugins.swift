/// GET /sys/v1/plugins: code that the KMS runs on request, with the keys of the plugin's groups.
package struct Plugin: Codable, Sendable {
    package var pluginID: String
    package var name: String
    package var description: String?
    package var acctID: String
    package var enabled = true
    package var pluginType = PluginType.standard
    package var source: PluginSource
    /// Ids.
    package var groups: [String]
    package var defaultGroup: String?
    package var creator: Creator?
    package var createdAt: Timestamp?
    package var lastupdatedAt: Timestamp?
    package var lastrunAt: Timestamp?
    package var legacyAccess = false

    package enum CodingKeys: String, CodingKey {
        case pluginID = "plugin_id"
        case name, description
        case acctID = "acct_id"
        case enabled
        case pluginType = "plugin_type"
        case source, groups
        case defaultGroup = "default_group"
        case creator
        case createdAt = "created_at"
        case lastupdatedAt = "lastupdated_at"
        case lastrunAt = "lastrun_at"
        case legacyAccess = "legacy_access"
    }

    package init(pluginID: String, name: String, acctID: String, source: PluginSource, groups: [String]) {
        self.pluginID = pluginID
        self.name = name
        self.acctID = acctID
        self.source = source
        self.groups = groups
    }
}

/// The fields of one of two forms: `{language, code}`, or `{repo_url, plugin_name, version}` for a plugin of a library.
package struct PluginSource: Codable, Sendable, Equatable {
    package var language: PluginLanguage?
    package var code: String?
    package var repoURL: String?
    package var pluginName: String?
    package var version: String?

    package enum CodingKeys: String, CodingKey {
        case language, code
        case repoURL = "repo_url"
        case pluginName = "plugin_name"
        case version
    }

    package init(code: String) {
        language = .lua
        self.code = code
    }

    package init(pluginName: String) { self.pluginName = pluginName }
}

package enum PluginLanguage: String, WireEnum {
    case lua = "LUA"
}

package enum PluginType: String, WireEnum {
    case standard = "STANDARD"
    case impersonating = "IMPERSONATING"
    case customAlgorithm = "CUSTOMALGORITHM"
}

/// POST /sys/v1/plugins and PATCH /sys/v1/plugins/{id}.
package struct PluginRequest: Codable, Sendable {
    package var name: String?
    package var description: String?
    package var enabled: Bool?
    package var pluginType: PluginType?
    package var source: PluginSource?
    package var addGroups: [String]?
    package var delGroups: [String]?
    package var defaultGroup: String?

    package enum CodingKeys: String, CodingKey {
        case name, description, enabled
        case pluginType = "plugin_type"
        case source
        case addGroups = "add_groups"
        case delGroups = "del_groups"
        case defaultGroup = "default_group"
    }

    package init(name: String, source: PluginSource, groups: [String]) {
        self.name = name
        self.source = source
        addGroups = groups
        defaultGroup = groups.first
    }
}
