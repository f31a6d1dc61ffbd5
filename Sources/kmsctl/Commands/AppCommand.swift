import ArgumentParser
import FoundationEssentials
import KMSModel

struct AppCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "app", abstract: "Apps: programs that log in with an API key.",
            subcommands: [Create.self, List.self, ShowKey.self])
    }

    struct Create: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Make an app. Its API key is shown by `app show-key`.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument var name: String
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
            // 64 random bytes, as the vendor's own client asks for: an API key of 164 characters.
            request.secretSize = 64
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
            let names = Dictionary(
                try client.groups().map { ($0.groupID, $0.name) }, uniquingKeysWith: { first, _ in first })
            let apps = try client.apps().map { AppView($0, groups: names) }
            try Output.show(apps, asJSON: options.json) {
                var table = Table("NAME", "ID", "GROUPS", "ENABLED", "CREATED")
                for app in apps {
                    table.add(
                        app.name, app.app_id, app.groups.map { $0.name ?? $0.group_id }.joined(separator: ","),
                        app.enabled ? "yes" : "no", app.created_at)
                }
                return table.text(empty: "There is no app. Make one: kmsctl app create NAME --group GROUP.")
            }
        }
    }

    struct ShowKey: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: "show-key", abstract: "Show an app's API key, or write it to a file for its owner only.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or id of the app.")
        var name: String
        @Option(help: ArgumentHelp("File to write, mode 0600, instead of standard output.", valueName: "file"))
        var output: String?

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let app = try client.app(name)
            let answer = try client.get(
                "/sys/v1/apps/\(AdminClient.escaped(app.appID))/credential", doing: "reading the API key",
                as: AppCredentialResponse.self)
            guard let secret = answer.credential.secret else {
                throw CommandFailure(.refused, "app \"\(name)\" does not log in with an API key")
            }
            let key = apiKey(app: app.appID, secret: secret)
            struct Result: Encodable {
                var app_id: String
                var name: String
                var api_key: String?
                var output: String?
            }
            var result = Result(app_id: app.appID, name: app.name, api_key: key, output: nil)
            if let output, output != "-" {
                try PrivateFile.write(Array((key + "\n").utf8), to: output)
                result.api_key = nil
                result.output = output
                return try Output.show(result, asJSON: options.json) { "The API key of \(app.name) is in \(output)." }
            }
            try Output.show(result, asJSON: options.json) { key }
        }
    }
}

private struct AppView: Encodable {
    struct GroupReference: Encodable {
        var group_id: String
        var name: String?
    }

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
        groups = app.groups.ids.map { GroupReference(group_id: $0, name: names[$0]) }
        created_at = app.createdAt?.rfc3339
    }
}

/// base64(`uuid:secret`), which is also what Basic authentication wants (reference: API key).
private func apiKey(app: String, secret: String) -> String { Data("\(app):\(secret)".utf8).base64EncodedString() }
