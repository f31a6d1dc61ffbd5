import ArgumentParser
import FoundationEssentials
import KMSModel

struct PluginCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "plugin", abstract: "Plugins: what the KMS does beyond single operations, such as a CA.",
            subcommands: [Install.self, List.self, Invoke.self, Delete.self])
    }

    struct Install: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Make a plugin out of one that is built into the KMS.",
                discussion: """
                    x509-ca issues certificates: it signs with a CA's key for other keys of its groups. Apps of these \
                    groups may invoke it, with the rights that they have anyway.
                    """)
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: ArgumentHelp("Which one: x509-ca.", valueName: "plugin"))
        var builtIn: String
        @Option(help: "Name of the new plugin; the built-in one's, unless given.", transform: ObjectName.parse)
        var name: String?
        @Option(
            name: .customLong("group"),
            help: ArgumentHelp(
                "Group whose keys the plugin works with; repeat for several. The first is its default.",
                valueName: "group"))
        var groups: [String]
        @Option(help: "What the plugin is for.")
        var description: String?

        func validate() throws {
            guard !groups.isEmpty else { throw ValidationError("Give at least one --group.") }
        }

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let ids = try groups.map { try client.groupID($0) }
            let name = name ?? builtIn
            var request = PluginRequest(name: name, source: PluginSource(pluginName: builtIn), groups: ids)
            request.description = description
            let plugin = try client.send(
                .post, "/sys/v1/plugins", body: request, doing: "installing plugin \"\(name)\"", as: Plugin.self)
            try Output.show(PluginView(plugin, groups: [:]), asJSON: options.json) {
                "Plugin \(plugin.name) has id \(plugin.pluginID). Run it: kmsctl plugin invoke NAME --input FILE."
            }
        }
    }

    struct List: ParsableCommand {
        static var configuration: CommandConfiguration { CommandConfiguration(abstract: "List the plugins.") }

        @OptionGroup var options: ConnectionOptions

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let names = try client.groupNames()
            let plugins = try client.plugins().map { PluginView($0, groups: names) }
            try Output.show(plugins, asJSON: options.json) {
                var table = Table("NAME", "ID", "RUNS", "GROUPS", "ENABLED", "LAST RUN")
                for plugin in plugins {
                    table.add(
                        plugin.name, plugin.plugin_id, plugin.runs,
                        GroupReference.list(plugin.groups),
                        plugin.enabled ? "yes" : "no", plugin.lastrun_at)
                }
                return table.text(
                    empty: "There is no plugin. Make one: kmsctl plugin install x509-ca --group GROUP.")
            }
        }
    }

    struct Invoke: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Run a plugin and print what it answers.",
                discussion: "A text, such as a certificate, is printed as it is; all else is printed as JSON.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or id of the plugin.")
        var name: String
        @Option(help: "File with the input, JSON; - is standard input. Without it there is none.")
        var input: String?

        func run() throws {
            let body = try input.map { try InputFile.read($0, what: "the plugin's input") }
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let plugin = try client.plugin(name)
            let answer = try run(plugin, body?.bytes, client)
            if !options.json, let text = try? JSONDecoder().decode(String.self, from: Data(answer)) {
                // `print` ends the line, as the text itself usually does.
                Output.print(text.last == "\n" ? String(text.dropLast()) : text)
            } else if !answer.isEmpty {
                Output.print(String(decoding: answer, as: UTF8.self))
            }
        }

        private func run(_ plugin: Plugin, _ input: [UInt8]?, _ client: AdminClient) throws -> [UInt8] {
            do {
                return try client.sendRaw(
                    .post, "/sys/v1/plugins/\(AdminClient.escaped(plugin.pluginID))", body: input,
                    doing: "running plugin \"\(plugin.name)\"")
            } catch var failure as CommandFailure
                where failure.code == .refused && failure.remedy == nil && input == nil
            {
                failure.remedy = "There was no input: give it with --input FILE, or --input - for standard input."
                throw failure
            }
        }
    }

    struct Delete: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Delete a plugin for ever. This asks first.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or id of the plugin.")
        var name: String
        @OptionGroup var deletion: DeletionOptions

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let plugin = try client.plugin(name)
            let thing = Deletion(
                kind: "plugin", id: plugin.pluginID, name: plugin.name, path: "/sys/v1/plugins", idKey: "plugin_id")
            try deletion.delete(thing, client, options)
        }
    }
}

private struct PluginView: Encodable {
    var plugin_id: String
    var name: String
    var description: String?
    var enabled: Bool
    /// Of the built-in plugin; nil for Lua code.
    var runs: String?
    var groups: [GroupReference]
    var created_at: String?
    var lastrun_at: String?

    init(_ plugin: Plugin, groups names: [String: String]) {
        plugin_id = plugin.pluginID
        name = plugin.name
        description = plugin.description
        enabled = plugin.enabled
        runs = plugin.source.pluginName
        groups = plugin.groups.map { GroupReference($0, names: names) }
        created_at = plugin.createdAt?.rfc3339
        lastrun_at = plugin.lastrunAt?.rfc3339
    }
}
