import ArgumentParser
import KMSModel

/// What a group is for, and whose approval it asks for.
extension GroupCommand {
    struct Update: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Change a group's description and its approval policy.",
                discussion: """
                    With approvers every use and change of the group's objects needs approvals, and so does the next \
                    change of the group: see kmsctl approval.
                    """)
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or id of the group.")
        var name: String
        @Option(help: "What the group is for.")
        var description: String?
        @Option(
            name: .customLong("approver"),
            help: ArgumentHelp(
                "A user (email or id) or an app (name or id) whose approval counts; repeat for several.",
                valueName: "who"))
        var approvers: [String] = []
        @Option(help: "How many of the approvers must agree. Default: all of them.")
        var required: Int?
        @Flag(help: "From now on nothing in the group needs approval.")
        var noApproval = false

        func validate() throws {
            guard description != nil || !approvers.isEmpty || noApproval else {
                throw ValidationError("Nothing to change: give --description, --approver or --no-approval.")
            }
            guard !noApproval || approvers.isEmpty else {
                throw ValidationError("--no-approval and --approver exclude each other.")
            }
            guard required == nil || (1...max(approvers.count, 1)).contains(required ?? 1) && !approvers.isEmpty else {
                throw ValidationError("--required is from 1 to the number of --approver.")
            }
        }

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let id = try client.groupID(name)
            var request = GroupRequest()
            request.description = description
            if !approvers.isEmpty {
                let members = try approvers.map { try client.approver($0) }
                request.approvalPolicy = .set(.quorum(required: required ?? members.count, members: members))
            } else if noApproval {
                request.approvalPolicy = .remove
            }
            let group = try client.send(
                .patch, "/sys/v1/groups/\(AdminClient.escaped(id))", body: request, doing: "changing group \"\(name)\"",
                as: Group.self)
            try Output.show(GroupView(group), asJSON: options.json) { "Changed \(group.name)." }
        }
    }
}

extension AdminClient {
    /// A member of an approval policy: a user, or else an app.
    fileprivate func approver(_ name: String) throws -> ApprovalPolicy {
        do {
            return .user(try user(name).userID)
        } catch let failure as CommandFailure where failure.code == .notFound {}
        do {
            return .app(try app(name).appID)
        } catch let failure as CommandFailure where failure.code == .notFound {
            throw CommandFailure(
                .notFound, "there is no user or app \"\(name)\"",
                remedy: "See `kmsctl user list` and `kmsctl app list`.")
        }
    }
}
