import ArgumentParser
import KMSModel

/// What an app may do, where it is used, and whether at all.
extension AppCommand {
    struct Update: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Change an app's groups, permissions and addresses, or switch it off and on.",
                discussion: """
                    It has effect at once, in running sessions, too. A group without permissions grants all of them.
                    """)
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or id of the app.")
        var name: String
        @Option(
            name: .customLong("group"),
            help: ArgumentHelp(
                "Group whose keys the app may use, with permissions such as web=SIGN,VERIFY; repeat for several.",
                valueName: "name[=permissions]"))
        var groups: [PermissionGrant] = []
        @Option(help: ArgumentHelp("Take the app out of a group; repeat for several.", valueName: "name"))
        var removeGroup: [String] = []
        @Option(help: ArgumentHelp("Where the app's own new keys go.", valueName: "name"))
        var defaultGroup: String?
        @Option(
            name: .customLong("address"),
            help: ArgumentHelp(
                "Address or range, such as 10.0.0.0/8, from which alone the app may be used; repeat for several. "
                    + "any: from everywhere.", valueName: "range"))
        var addresses: [String] = []
        @Option(help: "What the app is for.")
        var description: String?
        @Flag(inversion: .prefixedEnableDisable, help: "Whether the app may log in.")
        var login: Bool?

        func validate() throws {
            let isEmpty = groups.isEmpty && removeGroup.isEmpty && addresses.isEmpty
            guard !isEmpty || defaultGroup != nil || description != nil || login != nil else {
                throw ValidationError("Nothing to change: see kmsctl app update --help.")
            }
            guard !addresses.contains("any") || addresses.count == 1 else {
                throw ValidationError("--address any stands alone.")
            }
        }

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let app = try client.app(name)
            var request = AppRequest()
            let ids = try groups.map { (try client.groupID($0.group), $0.permissions) }
            // The two forms of the API grant named permissions and all of them; each has a field of its own here.
            let named = ids.filter { $0.1 != nil }.map { ($0.0, $0.1 ?? []) }
            let whole = ids.filter { $0.1 == nil }.map { $0.0 }
            request.modGroups =
                named.isEmpty ? nil : .permissions(Dictionary(named, uniquingKeysWith: { $0 + $1 }))
            request.addGroups = whole.isEmpty ? nil : .list(whole)
            request.delGroups = removeGroup.isEmpty ? nil : .list(try removeGroup.map { try client.groupID($0) })
            request.defaultGroup = try defaultGroup.map { try client.groupID($0) }
            request.description = description
            request.enabled = login
            if !addresses.isEmpty {
                request.ipAddressPolicy = addresses == ["any"] ? .allowAll : .whitelist(addresses)
            }
            let changed = try client.send(
                .patch, "/sys/v1/apps/\(AdminClient.escaped(app.appID))", body: request,
                doing: "changing app \"\(app.name)\"", as: App.self)
            try Output.show(changed, asJSON: options.json) { "Changed \(changed.name)." }
        }
    }
}
