/// GET /sys/v1/accounts. `state` and `auth_type` are gone from newer servers, but the official client needs them.
package struct Account: Codable, Sendable {
    package var acctID: String
    package var name: String
    package var state: String?
    package var authType: String?
    package var createdAt: Timestamp?

    package enum CodingKeys: String, CodingKey {
        case acctID = "acct_id"
        case name, state
        case authType = "auth_type"
        case createdAt = "created_at"
    }

    package init(acctID: String, name: String, createdAt: Timestamp?) {
        self.acctID = acctID
        self.name = name
        self.createdAt = createdAt
        state = "Activated"
        authType = "Fortanix"
    }
}

/// GET /sys/v1/groups.
package struct Group: Codable, Sendable {
    package var groupID: String
    package var name: String
    package var description: String?
    package var acctID: String
    package var createdAt: Timestamp?
    package var creator: Creator?
    /// nil: nothing needs approval.
    package var approvalPolicy: ApprovalPolicy?

    package enum CodingKeys: String, CodingKey {
        case groupID = "group_id"
        case name, description
        case acctID = "acct_id"
        case createdAt = "created_at"
        case creator
        case approvalPolicy = "approval_policy"
    }

    package init(groupID: String, name: String, description: String?, acctID: String, createdAt: Timestamp?) {
        self.groupID = groupID
        self.name = name
        self.description = description
        self.acctID = acctID
        self.createdAt = createdAt
    }

    /// A policy that only another server understands must not spoil a listing.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        groupID = try container.decode(String.self, forKey: .groupID)
        name = try container.decode(String.self, forKey: .name)
        description = try container.decodeIfPresent(String.self, forKey: .description)
        acctID = try container.decode(String.self, forKey: .acctID)
        createdAt = try container.decodeIfPresent(Timestamp.self, forKey: .createdAt)
        creator = try container.decodeIfPresent(Creator.self, forKey: .creator)
        approvalPolicy = try? container.decodeIfPresent(ApprovalPolicy.self, forKey: .approvalPolicy)
    }
}

/// POST /sys/v1/groups.
package struct GroupRequest: Codable, Sendable {
    package var name: String?
    package var description: String?
    package var approvalPolicy: ApprovalPolicyChange?

    package enum CodingKeys: String, CodingKey {
        case name, description
        case approvalPolicy = "approval_policy"
    }

    package init(name: String, description: String?) {
        self.name = name
        self.description = description
    }
}

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
        case interface
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

/// POST /sys/v1/apps.
package struct AppRequest: Codable, Sendable {
    package var name: String?
    package var description: String?
    package var appType: String?
    package var interface: String?
    package var addGroups: AppGroups?
    package var defaultGroup: String?
    package var secretSize: Int?
    package var enabled: Bool?

    package enum CodingKeys: String, CodingKey {
        case name, description
        case appType = "app_type"
        case interface
        case addGroups = "add_groups"
        case defaultGroup = "default_group"
        case secretSize = "secret_size"
        case enabled
    }

    package init(name: String) { self.name = name }
}

/// GET /sys/v1/apps/{id}/credential.
package struct AppCredentialResponse: Codable, Sendable {
    package struct Credential: Codable, Sendable {
        package var secret: String?

        package init(secret: String?) { self.secret = secret }
    }

    package var appID: String
    package var credential: Credential

    package enum CodingKeys: String, CodingKey {
        case appID = "app_id"
        case credential
    }

    package init(appID: String, secret: String) {
        self.appID = appID
        credential = Credential(secret: secret)
    }
}
