import ArgumentParser
import KMSModel
import KMSSupport

struct UserCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "user", abstract: "Users: the people who administer the account and its groups.",
            subcommands: [Create.self, List.self, Update.self, Delete.self])
    }

    struct Create: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Make a user.",
                discussion: "The password comes from --password-file or the terminal.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "The user's email address, to log in with.", transform: ObjectName.parse)
        var email: String
        @Option(help: "administrator, member or auditor.")
        var role = UserRole.member
        @Option(
            name: .customLong("group"),
            help: ArgumentHelp(
                "A group of a member, and administrator or auditor; repeat for several.", valueName: "name=role"))
        var groups: [GroupGrant] = []
        @Option(help: ArgumentHelp("File that holds the password (- is standard input).", valueName: "file"))
        var passwordFile: String?

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            var request = UserRequest()
            request.userEmail = email
            request.accountRole = [role.wire.rawValue]
            request.addGroups = try client.roles(groups)
            request.userPassword = try password()
            let user = try client.send(
                .post, "/sys/v1/users", body: request, doing: "making user \"\(email)\"", as: User.self)
            try Output.show(UserView(user, groups: [:]), asJSON: options.json) {
                "User \(user.userEmail) has id \(user.userID)."
            }
        }

        private func password() throws -> String {
            if let passwordFile { return try SecretInput.file(passwordFile, what: "the password").text }
            guard let first = Terminal.askSecret("Password of \(Output.printable(email)): "), !first.isEmpty,
                let second = Terminal.askSecret("The same again: ")
            else {
                throw CommandFailure(
                    .input, "no password was given", remedy: "Give --password-file FILE, or run this on a terminal.")
            }
            guard first.equals(second) else { throw CommandFailure(.input, "the two passwords differ") }
            return first.text
        }
    }

    struct List: ParsableCommand {
        static var configuration: CommandConfiguration { CommandConfiguration(abstract: "List the users.") }

        @OptionGroup var options: ConnectionOptions

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let names = try client.groupNames()
            let users = try client.users().map { UserView($0, groups: names) }
            try Output.show(users, asJSON: options.json) {
                var table = Table("EMAIL", "ID", "ROLE", "ENABLED", "GROUPS", "CREATED")
                for user in users {
                    table.add(
                        user.user_email, user.user_id, user.role ?? "-", user.enabled ? "yes" : "no",
                        user.groups.map { "\($0.name ?? $0.group_id)=\($0.roles.joined(separator: "+"))" }
                            .joined(separator: ","), user.created_at)
                }
                return table.text(empty: "There is no user that you may see.")
            }
        }
    }

    struct Update: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Change what a user may do. Running sessions have the new rights at once.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Email or id of the user.")
        var user: String
        @Option(help: "administrator, member or auditor.")
        var role: UserRole?
        @Option(
            name: .customLong("group"),
            help: ArgumentHelp(
                "A group of a member, and administrator or auditor; repeat for several.", valueName: "name=role"))
        var groups: [GroupGrant] = []
        @Option(help: ArgumentHelp("Take the user out of a group; repeat for several.", valueName: "name"))
        var removeGroup: [String] = []
        @Flag(inversion: .prefixedEnableDisable, help: "Whether the user may log in.")
        var login: Bool?

        func validate() throws {
            guard role != nil || login != nil || !groups.isEmpty || !removeGroup.isEmpty else {
                throw ValidationError("Nothing to change: give --role, --group, --remove-group or --disable-login.")
            }
        }

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let found = try client.user(user)
            var request = UserRequest()
            request.accountRole = role.map { [$0.wire.rawValue] }
            request.enable = login
            request.modGroups = try client.roles(groups)
            request.delGroups = removeGroup.isEmpty ? nil : .list(try removeGroup.map { try client.groupID($0) })
            let changed = try client.send(
                .patch, "/sys/v1/users/\(AdminClient.escaped(found.userID))", body: request,
                doing: "changing user \"\(found.userEmail)\"", as: User.self)
            try Output.show(UserView(changed, groups: [:]), asJSON: options.json) { "Changed \(changed.userEmail)." }
        }
    }

    struct Delete: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Take a user out of the account; sessions end at once. This asks first.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Email or id of the user.")
        var user: String
        @OptionGroup var deletion: DeletionOptions

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let found = try client.user(user)
            let thing = Deletion(
                kind: "user", id: found.userID, name: found.userEmail, path: "/sys/v1/users", idKey: "user_id",
                nameKey: "user_email",
                isForEver: false)
            try deletion.delete(thing, client, options)
        }
    }
}

private struct UserView: Encodable {
    struct GroupReference: Encodable {
        var group_id: String
        var name: String?
        var roles: [String]
    }

    var user_id: String
    var user_email: String
    var role: String?
    var enabled: Bool
    var pending: Bool
    var groups: [GroupReference]
    var created_at: String?

    init(_ user: User, groups names: [String: String]) {
        user_id = user.userID
        user_email = user.userEmail
        role = UserRole(user.accountRole)?.rawValue
        enabled = !user.accountRole.contains("STATEDISABLED")
        pending = user.accountRole.contains("PENDINGINVITE")
        groups = user.groups.keys.sorted().map { id in
            let roles = (user.groups[id] ?? []).compactMap(GroupRole.init(wire:)).map {
                $0 == .administrator ? "administrator" : "auditor"
            }
            return GroupReference(group_id: id, name: names[id], roles: roles)
        }
        created_at = user.createdAt?.rfc3339
    }
}
