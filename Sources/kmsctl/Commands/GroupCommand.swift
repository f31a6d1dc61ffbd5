import ArgumentParser
import KMSModel

struct GroupCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "group", abstract: "Groups: which apps may use which keys.",
            subcommands: [Create.self, List.self])
    }

    struct Create: ParsableCommand {
        static var configuration: CommandConfiguration { CommandConfiguration(abstract: "Make a group.") }

        @OptionGroup var options: ConnectionOptions
        @Argument var name: String
        @Option(help: "What the group is for.")
        var description: String?

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let group = try client.send(
                .post, "/sys/v1/groups", body: GroupRequest(name: name, description: description),
                doing: "making group \"\(name)\"", as: Group.self)
            try Output.show(GroupView(group), asJSON: options.json) { "Group \(group.name) has id \(group.groupID)." }
        }
    }

    struct List: ParsableCommand {
        static var configuration: CommandConfiguration { CommandConfiguration(abstract: "List the groups.") }

        @OptionGroup var options: ConnectionOptions

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let groups = try client.groups()
            try Output.show(groups.map(GroupView.init), asJSON: options.json) {
                var table = Table("NAME", "ID", "CREATED")
                for group in groups { table.add(group.name, group.groupID, group.createdAt?.rfc3339) }
                return table.text(empty: "There is no group. Make one: kmsctl group create NAME.")
            }
        }
    }
}

private struct GroupView: Encodable {
    var group_id: String
    var name: String
    var description: String?
    var created_at: String?

    init(_ group: Group) {
        group_id = group.groupID
        name = group.name
        description = group.description
        created_at = group.createdAt?.rfc3339
    }
}
