internal import FoundationEssentials
internal import KMSBackend
internal import KMSSupport
internal import KMSTransport

/// What the keys of a slot mean: each checks its value and sets it.
enum SlotRules {
    // MARK: Token

    static func label(
        _ slot: inout Configuration.Slot, _ label: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard (1...32).contains(label.utf8.count), !label.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw entry.error("it must have 1 to 32 bytes and no control characters")
        }
        slot.label = label
    }

    static func backend(
        _ slot: inout Configuration.Slot, _ name: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard BackendTable.names.contains(name) else {
            throw entry.error("unknown backend \"\(name)\"; known: \(BackendTable.names.joined(separator: ", "))")
        }
        slot.backend = name
    }

    static func sessionKeys(
        _ slot: inout Configuration.Slot, _ place: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard place == "kms" || place == "local" else { throw entry.error("it must be \"kms\" or \"local\"") }
        slot.hasLocalSessionKeys = place == "local"
    }

    static func appID(
        _ slot: inout Configuration.Slot, _ id: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard UUID(uuidString: id) != nil else { throw entry.error("it must be the app's UUID, as the KMS shows it") }
        slot.appID = id
    }

    /// Fetches the credential, so this rule runs last, and not when a variable has another one.
    static func apiKey(
        _ slot: inout Configuration.Slot, _ text: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        let isLiteral = !text.hasPrefix("file:") && !text.hasPrefix("env:")
        if isLiteral { try entry.checkSecrecy(of: "the API key", instead: "write file:/path or env:NAME") }
        do throws(CredentialError) {
            slot.apiKey = try CredentialSource.resolve(text, environment: entry.environment)
        } catch {
            throw entry.error(error.description, error.isPermission ? .permission : .invalid)
        }
    }

    // MARK: Connection

    static func endpoint(
        _ slot: inout Configuration.Slot, _ address: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) { try endpoints(&slot, [address], entry) }

    static func endpoints(
        _ slot: inout Configuration.Slot, _ addresses: [String], _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        var endpoints: [String] = []
        for address in addresses {
            do throws(EndpointURL.Failure) {
                endpoints.append(try EndpointURL(address).text)
            } catch {
                throw entry.error(error.reason)
            }
        }
        guard Set(endpoints).count == endpoints.count else {
            throw entry.error("an endpoint is named twice; name each node once")
        }
        slot.endpoints = endpoints
    }

    /// An empty one, or `none`: none, whatever the environment says.
    static func proxy(
        _ slot: inout Configuration.Slot, _ address: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard !address.isEmpty, address != "none" else {
            slot.proxy = ProxySettings(exceptions: slot.proxy.exceptions)
            return
        }
        if let problem = ProxySettings.problem(address) { throw entry.error(problem) }
        slot.proxy.address = Secret(address)
        slot.proxy.origin = entry.origin
        guard slot.proxy.hasPassword else { return }
        try entry.checkSecrecy(of: "the proxy's password", instead: "set HTTPS_PROXY")
    }

    static func exceptions(
        _ slot: inout Configuration.Slot, _ hosts: [String], _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard hosts.allSatisfy({ $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ",") } }) else {
            throw entry.error("each host is a string of its own: [\"host\", \"10.0.0.0/8\"]")
        }
        slot.proxy.exceptions = hosts
    }
}
