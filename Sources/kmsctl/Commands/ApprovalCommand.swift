import ArgumentParser
import FoundationEssentials
import KMSModel
import KMSTransport

struct ApprovalCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "approval", abstract: "Approval requests: operations that others must agree to.",
            discussion: """
                A group with an approval policy (kmsctl group update) answers "This operation requires approval" to every \
                use and change of its objects. Whoever needs it files a request, the members of the policy approve it, \
                and who filed it fetches the result, which is when it runs.
                """,
            subcommands: [Request.self, List.self, Show.self, Approve.self, Deny.self, Result.self])
    }

    static var path: String { "/sys/v1/approval_requests" }

    struct Request: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Ask for the approval of a request of the REST API.")
        }

        enum Method: String, ExpressibleByArgument, CaseIterable {
            case get = "GET"
            case post = "POST"
            case put = "PUT"
            case patch = "PATCH"
            case delete = "DELETE"

            init?(argument: String) { self.init(rawValue: argument.uppercased()) }
        }

        private struct Draft: Encodable {
            var method: String
            var operation: String
            var body: JSONValue?
            var description: String?
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "GET, POST, PUT, PATCH or DELETE.")
        var method: Method
        @Argument(help: "Path of the request, such as /crypto/v1/sign.")
        var operation: String
        @Option(help: ArgumentHelp("Its body, JSON (- is standard input).", valueName: "file"))
        var body: String?
        @Option(help: "What the approvers should know.")
        var description: String?

        func run() throws {
            var draft = Draft(method: method.rawValue, operation: operation, description: description)
            if let body {
                let bytes = try InputFile.read(body, what: "the body").bytes
                guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else {
                    throw CommandFailure(.input, "\(body) is no JSON", remedy: "Give the body as the API takes it.")
                }
                draft.body = value
            }
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let view = try client.send(
                .post, ApprovalCommand.path, body: draft, doing: "asking for an approval", as: ApprovalView.self)
            try Output.show(view, asJSON: options.json) {
                "Approval request \(view.request_id) is \(view.status). When it is APPROVED: kmsctl approval result "
                    + "\(view.request_id)."
            }
        }
    }

    struct List: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "List the requests that you made or decide on, newest first.")
        }

        enum Status: String, ExpressibleByArgument, CaseIterable { case pending, approved, denied, failed }

        @OptionGroup var options: ConnectionOptions
        @Option(help: "Only those that are pending, approved, denied or failed.")
        var status: Status?

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let filter = status.map { "?status=\($0.rawValue.uppercased())" } ?? ""
            let views = try client.get(
                ApprovalCommand.path + filter, doing: "listing the approval requests", as: [ApprovalView].self)
            let names = AuditNames(client)
            try Output.show(views, asJSON: options.json) {
                var table = Table("ID", "STATUS", "REQUEST", "ASKED BY", "APPROVED BY", "ENDS")
                for view in views {
                    table.add(
                        view.request_id, view.status, view.request, names[view.requester],
                        view.approvers.isEmpty ? nil : names.list(view.approvers), view.expiry.text)
                }
                return table.text(empty: "There is no approval request that you made or decide on.")
            }
        }
    }

    struct Show: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Show a request with its body and who has decided.")
        }

        @OptionGroup var options: ConnectionOptions
        @OptionGroup var request: ApprovalReference

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let view = try client.get(request.path, doing: "reading the approval request", as: ApprovalView.self)
            let text = try view.text(AuditNames(client))
            try Output.show(view, asJSON: options.json) { text }
        }
    }

    struct Approve: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Agree to a request. It runs when who made it fetches the result.")
        }

        @OptionGroup var options: ConnectionOptions
        @OptionGroup var request: ApprovalReference

        func run() throws {
            try request.decide("approve", doing: "approving the request", options) { view in
                view.status == "APPROVED"
                    ? "The request is APPROVED: \(view.request). Who made it gets the result: kmsctl approval result "
                        + "\(view.request_id)."
                    : "You approved \(view.request); the request is still \(view.status) and needs more approvals."
            }
        }
    }

    struct Deny: ParsableCommand {
        static var configuration: CommandConfiguration { CommandConfiguration(abstract: "Refuse a request, for good.") }

        @OptionGroup var options: ConnectionOptions
        @OptionGroup var request: ApprovalReference

        func run() throws {
            try request.decide("deny", doing: "denying the request", options) { "Denied \($0.request)." }
        }
    }

    struct Result: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Run an approved request of yours, once, and print its answer; later, print that again.")
        }

        private struct Answer: Codable {
            var status: Int
            var body: JSONValue?
        }

        @OptionGroup var options: ConnectionOptions
        @OptionGroup var request: ApprovalReference

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let answer = try client.send(
                .post, request.path + "/result", doing: "getting the result of the request", as: Answer.self)
            guard (200..<300).contains(answer.status) else {
                var reason = "the KMS gives no reason"
                if case .text(let text)? = answer.body { reason = text }
                throw CommandFailure(
                    .refused, "the approved request was refused: \(reason) (HTTP \(answer.status))",
                    remedy: "Mend the cause, and file another request: this one has run.")
            }
            if options.json { return try Output.json(answer) }
            if let body = answer.body { try Output.json(body) } else { Output.print("Done (HTTP \(answer.status)).") }
        }
    }
}

/// The request that a command is about.
struct ApprovalReference: ParsableArguments {
    @Argument(help: "Id of the approval request; see kmsctl approval list.")
    var id: String

    var path: String { "\(ApprovalCommand.path)/\(AdminClient.escaped(id))" }

    /// Votes, and says what has become of the request.
    func decide(
        _ verb: String, doing: String, _ options: ConnectionOptions, _ text: (ApprovalView) -> String
    ) throws {
        let client = try AdminClient.connect(options)
        defer { client.close() }
        let view = try client.send(.post, "\(path)/\(verb)", doing: doing, as: ApprovalView.self)
        try Output.show(view, asJSON: options.json) { text(view) }
    }
}
