/// Answer of POST /sys/v1/session/auth.
package struct AuthResponse: Codable, Sendable {
    package var tokenType: String
    /// Idle time-out in seconds; each use of the token starts it again.
    package var expiresIn: Int
    package var accessToken: String
    package var entityID: String
    package var allowedMFAMethods: [String]?

    package enum CodingKeys: String, CodingKey {
        case tokenType = "token_type"
        case expiresIn = "expires_in"
        case accessToken = "access_token"
        case entityID = "entity_id"
        case allowedMFAMethods = "allowed_mfa_methods"
    }

    package init(accessToken: String, expiresIn: Int, entityID: String) {
        tokenType = "Bearer"
        self.expiresIn = expiresIn
        self.accessToken = accessToken
        self.entityID = entityID
        allowedMFAMethods = []
    }
}

/// Body of POST /sys/v1/session/select_account.
package struct SelectAccountRequest: Codable, Sendable {
    package var acctID: String

    package enum CodingKeys: String, CodingKey { case acctID = "acct_id" }

    package init(acctID: String) { self.acctID = acctID }
}

/// Answer of GET /sys/v1/version.
package struct VersionResponse: Codable, Sendable {
    package var version: String
    package var apiVersion: String
    package var serverMode: String

    package enum CodingKeys: String, CodingKey {
        case version
        case apiVersion = "api_version"
        case serverMode = "server_mode"
    }

    package init(version: String, apiVersion: String, serverMode: String) {
        self.version = version
        self.apiVersion = apiVersion
        self.serverMode = serverMode
    }
}
