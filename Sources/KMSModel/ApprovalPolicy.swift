/// `approval_policy` of a group: whose approval an operation with the group's objects needs.
package indirect enum ApprovalPolicy: Codable, Sendable, Equatable {
    case user(String)
    case app(String)
    /// `required` of the members.
    case quorum(required: Int, members: [ApprovalPolicy])

    /// Quorums within quorums.
    package static var deepest: Int { 4 }

    private struct Quorum: Codable {
        var n: Int?
        var members: [ApprovalPolicy]
        var require2FA: Bool?
        var requirePassword: Bool?

        enum CodingKeys: String, CodingKey {
            case n, members
            case require2FA = "require_2fa"
            case requirePassword = "require_password"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case user, app, quorum
        case protectPermissions = "protect_permissions"
        case protectManage = "protect_manage_operations"
        case protectCrypto = "protect_crypto_operations"
    }

    /// What would protect less, or other things, than the sender means is an error.
    package init(from decoder: any Decoder) throws {
        func refuse(_ sentence: String) -> DecodingError {
            .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: sentence))
        }
        guard decoder.codingPath.count < 4 * ApprovalPolicy.deepest else {
            throw refuse("quorums are nested at most \(ApprovalPolicy.deepest) deep")
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        for key in [CodingKeys.protectManage, .protectCrypto] {
            guard try container.decodeIfPresent(Bool.self, forKey: key) != false else {
                throw refuse("\(key.stringValue) cannot be false: a policy covers changes and uses of keys")
            }
        }
        guard try !container.contains(.protectPermissions) || container.decodeNil(forKey: .protectPermissions) else {
            throw refuse("protect_permissions is not supported: a policy covers changes and all uses of keys")
        }
        let user = try container.decodeIfPresent(String.self, forKey: .user)
        let app = try container.decodeIfPresent(String.self, forKey: .app)
        let quorum = try container.decodeIfPresent(Quorum.self, forKey: .quorum)
        switch (user, app, quorum) {
        case (let user?, nil, nil): self = .user(user.lowercased())
        case (nil, let app?, nil): self = .app(app.lowercased())
        case (nil, nil, let quorum?):
            guard quorum.require2FA != true, quorum.requirePassword != true else {
                throw refuse("require_2fa and require_password are not supported: an approver's session is enough")
            }
            self = .quorum(required: quorum.n ?? quorum.members.count, members: quorum.members)
        default: throw refuse("expected exactly one of \"quorum\", \"user\" and \"app\"")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .user(let id): try container.encode(id, forKey: .user)
        case .app(let id): try container.encode(id, forKey: .app)
        case .quorum(let required, let members):
            let quorum = Quorum(n: required, members: members, require2FA: false, requirePassword: false)
            try container.encode(quorum, forKey: .quorum)
        }
    }

    /// Ids of all users and apps in it.
    package var approvers: Set<String> {
        switch self {
        case .user(let id), .app(let id): [id]
        case .quorum(_, let members): members.reduce(into: []) { $0.formUnion($1.approvers) }
        }
    }

    /// - Parameter approvals: ids of the users and apps that have approved.
    package func isSatisfied(by approvals: Set<String>) -> Bool {
        switch self {
        case .user(let id), .app(let id): approvals.contains(id)
        case .quorum(let required, let members):
            members.count { $0.isSatisfied(by: approvals) } >= required
        }
    }
}

/// `approval_policy` of a request: a policy, or the word that takes the present one away.
package enum ApprovalPolicyChange: Codable, Sendable {
    case set(ApprovalPolicy)
    case remove

    package init(from decoder: any Decoder) throws {
        let text = try? decoder.singleValueContainer().decode(String.self)
        self = text?.lowercased() == "remove" ? .remove : .set(try ApprovalPolicy(from: decoder))
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .set(let policy): try policy.encode(to: encoder)
        case .remove:
            var container = encoder.singleValueContainer()
            try container.encode("remove")
        }
    }
}
