import ArgumentParser
import Glibc
import KMSModel

/// The API key of an app: reading it, and replacing one that others may know.
extension AppCommand {
    struct ShowKey: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: "show-key", abstract: "Show an app's API key, or write it to a file for its owner only.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or id of the app.")
        var name: String
        @OptionGroup var destination: KeyDestination

        func run() throws {
            let client = try AdminClient.connect(options)
            defer { client.close() }
            try destination.deliver(try client.app(name), client, options)
        }
    }

    struct ResetKey: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: "reset-key",
                abstract: "Replace an app's API key by a new one, and show that or write it to a file.",
                discussion: """
                    The old key ends at once, and with it every session that was opened with it: programs that have it \
                    cannot sign until they have the new one. Write it to their file with --output.
                    """)
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name or id of the app.")
        var name: String
        @OptionGroup var destination: KeyDestination

        func run() throws {
            if let file = destination.output, file != "-" { try PrivateFile.checkPlace(file) }
            let client = try AdminClient.connect(options)
            defer { client.close() }
            let app = try client.app(name)
            struct ResetRequest: Encodable { var secret_size: Int }
            try client.send(
                .post, "/sys/v1/apps/\(AdminClient.escaped(app.appID))/reset_secret",
                body: ResetRequest(secret_size: AppCommand.secretSize),
                doing: "replacing the API key of \"\(app.name)\"")
            try destination.deliver(app, client, options)
        }
    }
}

/// Where an API key goes.
struct KeyDestination: ParsableArguments {
    @Option(help: ArgumentHelp("File to write, mode 0600, instead of standard output.", valueName: "file"))
    var output: String?

    func deliver(_ app: App, _ client: AdminClient, _ options: ConnectionOptions) throws {
        let answer = try client.get(
            "/sys/v1/apps/\(AdminClient.escaped(app.appID))/credential", doing: "reading the API key",
            as: AppCredentialResponse.self)
        guard let secret = answer.credential.secret else {
            throw CommandFailure(.refused, "app \"\(app.name)\" does not log in with an API key")
        }
        let key = APIKey.text(app: app.appID, secret: secret)
        struct Result: Encodable {
            var app_id: String
            var name: String
            var api_key: String?
            var output: String?
        }
        var result = Result(app_id: app.appID, name: app.name, api_key: key, output: nil)
        if let file = try file() {
            try PrivateFile.write(Array((key + "\n").utf8), to: file)
            result.api_key = nil
            result.output = file
            return try Output.show(result, asJSON: options.json) { "The API key of \(app.name) is in \(file)." }
        }
        try Output.show(result, asJSON: options.json) { key }
    }

    /// nil: standard output, also by its names in /dev.
    private func file() throws -> String? {
        guard let output, output != "-" else { return nil }
        return try PrivateFile.place(of: output) == .standard(STDOUT_FILENO) ? nil : output
    }
}
