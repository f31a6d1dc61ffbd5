internal import KMSModel

/// A plugin that is part of the server: one file, and one line in `NativePlugins.all`.
protocol NativePlugin: Sendable {
    /// As `source.plugin_name` and the marker line have it.
    static var name: String { get }

    init()

    /// - Parameter input: nil when the request has no body.
    /// - Throws: `KMSError` for an input that does not fit and for what the caller may not do.
    func run(_ input: JSONValue?, _ call: PluginCall) async throws -> PluginOutcome
}

/// What a plugin answers, and what the audit log says of it.
struct PluginOutcome: Sendable {
    /// nil: an empty answer.
    var value: JSONValue?
    /// As in `App "web" ran plugin "ca": issued …`.
    var summary: String
    /// Groups of the objects that were touched.
    var groups: [String]
}

/// One invocation: who calls which plugin. All access to objects goes through here.
struct PluginCall: Sendable {
    var vault: Vault
    var plugin: Plugin
    var principal: Principal
    var context: KMSContext

    /// The object that an input field names, if the plugin reaches it and the caller may do `action` with it.
    ///
    /// - Throws: `KMSError` whose message begins with the field.
    func key(
        _ descriptor: SobjectDescriptor, field: String, for action: Policy.Action
    ) async throws -> LoadedKey {
        do {
            let key = try await vault.key(descriptor, for: action, by: principal)
            try Policy.check(plugin, reaches: key.object)
            return key
        } catch let error as KMSError where error.message != KMSError.approvalRequired.message {
            var error = error
            error.message = "Field \"\(field)\": \(error.message)"
            throw error
        }
    }
}
