import ArgumentParser
import Glibc
import KMSServer

/// The embedded KMS as a program.
@main
struct KMSD: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "kmsd", abstract: "A key management server that speaks Fortanix's REST API.",
            version: Server.version,
            subcommands: [
                Init.self, Serve.self, BackupCommand.self, RestoreCommand.self, VerifyCommand.self,
                RotateMasterKey.self, ChangePassphrase.self,
            ])
    }

    static func main() async {
        // Whatever this process creates is for its user alone.
        umask(0o077)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Failure.end(with: error)
        }
    }

    /// `kmsd` alone.
    func run() throws {
        throw ValidationError("no command is given: kmsd init makes a data directory, and kmsd serve serves it")
    }
}
