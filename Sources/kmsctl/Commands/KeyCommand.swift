import ArgumentParser
import KMSModel

struct KeyCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "key", abstract: "Keys and other security objects.",
            subcommands: [KeyImport.self, KeyGenerate.self, List.self, Show.self, Delete.self])
    }

    struct List: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "List keys and certificates.")
        }

        @OptionGroup var options: ConnectionOptions

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let keys = try client.keys().sorted { ($0.name ?? "") < ($1.name ?? "") }
            let views = keys.map { KeyView($0, token: client.tokenLabel) }
            try Output.show(views, asJSON: options.json) {
                var table = Table("NAME", "TYPE", "SIZE", "STATE", "ID (PKCS#11)", "KID")
                for view in views {
                    table.add(view.name, view.kindName, view.sizeName, view.stateName, view.id, view.kid)
                }
                return table.text(empty: "There is no object. Make one: kmsctl key generate, or kmsctl key import.")
            }
        }
    }

    struct Show: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Show a key: attributes, public key, and how PKCS#11 and NGINX name it.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or kid of the object.")
        var name: String

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let key = KeyView(try client.key(name), token: client.tokenLabel)
            try Output.show(key, asJSON: options.json) { key.text }
        }
    }

    struct Delete: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Delete a key for ever. This asks first.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or kid of the object.")
        var name: String
        @OptionGroup var deletion: DeletionOptions

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let key = try client.key(name)
            guard let kid = key.kid else { throw CommandFailure(.refused, "\"\(name)\" has no kid") }
            let thing = Deletion(
                kind: "key", id: kid, name: key.name ?? kid, path: "/crypto/v1/keys", idKey: "kid")
            try deletion.delete(thing, client, options)
        }
    }
}
