package import KMSModel
package import KMSSupport

/// An app as stored, with everything that a decision about it needs.
package struct AppRecord: Sendable, Equatable {
    package var id: String
    package var acctID: String
    package var name: String
    package var description: String?
    package var appType: String?
    package var interface: String?
    package var enabled = true
    /// Role "admin": manages groups and apps. It still needs permissions to use keys.
    package var isAdministrative = false
    package var defaultGroup: String?
    package var createdAt: Timestamp
    /// Permissions by group; nil: all of them.
    package var groups: [String: Set<AppPermission>?]
    /// Where it may be used; nil: everywhere.
    package var addresses: [AddressRange]?
    package var addressPolicy = AddressPolicy.allowAll {
        didSet { addresses = (try? addressPolicy.ranges()) ?? (addressPolicy == .allowAll ? nil : []) }
    }
    /// A certificate or an authority; nil: it logs in with a secret.
    package var credential: AppCredential?
    /// SHA-256 of the DER of such a certificate.
    package var certificateHash: [UInt8]?
    /// SHA-256 of the secret, which has at least 32 random bytes and so needs no slow hash.
    package var secretHash: Secret
    package var sealedSecret: [UInt8]
    package var previous: PreviousSecret?
    /// Of the request at hand; not stored. See `Principal`.
    package var guardedGroups: Set<String> = []

    /// The secret before the last reset, which works for a while.
    package struct PreviousSecret: Sendable, Equatable {
        package var hash: Secret
        package var until: Timestamp
    }

    package init(
        id: String, acctID: String, name: String, createdAt: Timestamp, groups: [String: Set<AppPermission>?],
        secretHash: Secret, sealedSecret: [UInt8]
    ) {
        self.id = id
        self.acctID = acctID
        self.name = name
        self.createdAt = createdAt
        self.groups = groups
        self.secretHash = secretHash
        self.sealedSecret = sealedSecret
    }

    /// As the API has it.
    package var role: String { isAdministrative ? "admin" : "crypto" }

    /// - Parameter withPermissions: answer the map form of the groups.
    package func wire(withPermissions: Bool) -> App {
        var groups = AppGroups.list(self.groups.keys.sorted())
        if withPermissions {
            groups = .permissions(
                self.groups.mapValues { granted in
                    AppPermission.allCases.filter { granted?.contains($0) ?? true }.map(\.rawValue)
                })
        }
        var app = App(appID: id, name: name, acctID: acctID, groups: groups)
        app.description = description
        app.appType = appType
        app.interface = interface
        app.enabled = enabled
        app.defaultGroup = defaultGroup
        app.createdAt = createdAt
        app.authType = credential?.authType ?? "Secret"
        app.role = role
        app.ipAddressPolicy = addressPolicy
        return app
    }
}

/// Here and not at the record, of which each call would copy all fields.
extension Shared<AppRecord> {
    /// - Throws: 403 when the app may not be used from the address.
    package func checkAddress(_ client: String?) throws(KMSError) {
        guard let addresses = value.addresses, !AddressRange.contains(addresses, client) else { return }
        throw .forbidden(
            "Requested operation is not allowed: the app may not be used from the address "
                + "\(client ?? "unknown"); its ip_address_policy does not list it")
    }

    /// Whether the app has one of the permissions in the group.
    package func may(_ permission: AppPermission, or other: AppPermission?, in group: String) -> Bool {
        guard let granted = value.groups[group] else { return false }
        guard let granted else { return true }
        return granted.contains(permission) || other.map(granted.contains) ?? false
    }
}
