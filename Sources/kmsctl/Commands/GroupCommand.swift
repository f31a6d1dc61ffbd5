import ArgumentParser
import KMSModel

struct GroupCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "group", abstract: "Groups: which apps may use which keys.",
            subcommands: [Create.self, List.self, Update.self])
    }

    struct Create: ParsableCommand {
        static var configuration: CommandConfiguration { CommandConfiguration(abstract: "Make a group.") }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name of the new group.", transform: ObjectName.parse)
        var name: String
        @Option(help: "What the group is for.")
        var description: String?

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            var request = GroupRequest()
            request.name = name
            request.description = description
            let group = try client.send(
                .post, "/sys/v1/groups", body: request,
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
                var table = Table("NAME", "ID", "APPROVAL", "CREATED")
                for group in groups {
                    let needs = group.approvalPolicy == nil ? "-" : "needed"
                    table.add(group.name, group.groupID, needs, group.createdAt?.rfc3339)
                }
                return table.text(empty: "There is no group. Make one: kmsctl group create NAME.")
            }
        }
    }
}

struct GroupView: Encodable {
    var group_id: String
    var name: String
    var description: String?
    /// As the API has it.
    var approval_policy: ApprovalPolicy?
    var created_at: String?

    init(_ group: Group) {
        group_id = group.groupID
        name = group.name
        description = group.description
        approval_policy = group.approvalPolicy
        created_at = group.createdAt?.rfc3339
    }
}
