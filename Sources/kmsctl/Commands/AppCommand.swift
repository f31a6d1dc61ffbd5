import ArgumentParser
import KMSModel

struct AppCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "app", abstract: "Apps: programs that log in with an API key.",
            subcommands: [Create.self, List.self, Update.self, ShowKey.self, ResetKey.self, Delete.self])
    }

    /// 64 random bytes, as the vendor's own client asks for: an API key of 164 characters.
    static var secretSize: Int { 64 }

    struct Create: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Make an app. Its API key is shown by `app show-key`.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name of the new app.", transform: ObjectName.parse)
        var name: String
        @Option(
            name: .customLong("group"),
            help: ArgumentHelp(
                "Group whose keys the app may use; repeat for several. The first is its default.", valueName: "group"))
        var groups: [String]
        @Option(help: "What the app is for.")
        var description: String?

        func validate() throws {
            guard !groups.isEmpty else { throw ValidationError("Give at least one --group.") }
        }

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let ids = try groups.map { try client.groupID($0) }
            var request = AppRequest(name: name)
            request.description = description
            request.interface = "PKCS11"
            request.addGroups = .list(ids)
            request.defaultGroup = ids.first
            request.secretSize = AppCommand.secretSize
            let app = try client.send(
                .post, "/sys/v1/apps", body: request, doing: "making app \"\(name)\"", as: App.self)
            try Output.show(AppView(app, groups: [:]), asJSON: options.json) {
                "App \(app.name) has id \(app.appID). Its API key: kmsctl app show-key \(app.name) --output FILE."
            }
        }
    }

    struct List: ParsableCommand {
        static var configuration: CommandConfiguration { CommandConfiguration(abstract: "List the apps.") }

        @OptionGroup var options: ConnectionOptions

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let names = try client.groupNames()
            let apps = try client.apps().map { AppView($0, groups: names) }
            try Output.show(apps, asJSON: options.json) {
                var table = Table("NAME", "ID", "GROUPS", "ENABLED", "CREATED")
                for app in apps {
                    table.add(
                        app.name, app.app_id, GroupReference.list(app.groups),
                        app.enabled ? "yes" : "no", app.created_at)
                }
                return table.text(empty: "There is no app. Make one: kmsctl app create NAME --group GROUP.")
            }
        }
    }

    struct Delete: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Delete an app for ever; its API key ends at once. This asks first.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or id of the app.")
        var name: String
        @OptionGroup var deletion: DeletionOptions

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let app = try client.app(name)
            let thing = Deletion(
                kind: "app", id: app.appID, name: app.name, path: "/sys/v1/apps", idKey: "app_id")
            try deletion.delete(thing, client, options)
        }
    }
}

private struct AppView: Encodable {
    var app_id: String
    var name: String
    var description: String?
    var enabled: Bool
    var default_group: String?
    var groups: [GroupReference]
    var created_at: String?

    init(_ app: App, groups names: [String: String]) {
        app_id = app.appID
        name = app.name
        description = app.description
        enabled = app.enabled
        default_group = app.defaultGroup
        groups = app.groups.ids.map { GroupReference($0, names: names) }
        created_at = app.createdAt?.rfc3339
    }
}
