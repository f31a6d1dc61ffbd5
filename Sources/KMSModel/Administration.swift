/// GET /sys/v1/accounts. `state` and `auth_type` are gone from newer servers, but the official client needs them.
package struct Account: Codable, Sendable {
    package var acctID: String
    package var name: String
    package var description: String?
    package var customMetadata: [String: String]?
    package var state: String?
    package var authType: String?
    package var createdAt: Timestamp?

    package enum CodingKeys: String, CodingKey {
        case acctID = "acct_id"
        case name, description
        case customMetadata = "custom_metadata"
        case state
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

/// POST and PATCH /sys/v1/accounts.
package struct AccountRequest: Codable, Sendable {
    package var name: String?
    package var description: String?
    package var customMetadata: [String: String]?

    package enum CodingKeys: String, CodingKey {
        case name, description
        case customMetadata = "custom_metadata"
    }

    package init() {}
}

/// GET /sys/v1/accounts/{id}/usage: how many there are of what an account holds.
package struct AccountUsage: Codable, Sendable {
    package var numOperations: Int
    package var numApp: Int
    package var numGroup: Int
    package var numSobj: Int
    package var numPlugin: Int
    package var numUser: Int

    package enum CodingKeys: String, CodingKey {
        case numOperations = "num_operations"
        case numApp = "num_app"
        case numGroup = "num_group"
        case numSobj = "num_sobj"
        case numPlugin = "num_plugin"
        case numUser = "num_user"
    }

    package init(numOperations: Int, numApp: Int, numGroup: Int, numSobj: Int, numPlugin: Int, numUser: Int) {
        self.numOperations = numOperations
        self.numApp = numApp
        self.numGroup = numGroup
        self.numSobj = numSobj
        self.numPlugin = numPlugin
        self.numUser = numUser
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

    package init() {}
}
