import ArgumentParser
import Glibc
import KMSServer

/// The embedded KMS as a program.
@main
struct KMSD: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "kmsd", abstract: "A key management server that speaks Fortanix's REST API.",
            version: Server.version, subcommands: [Init.self, Serve.self])
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
        } catch let error as StartError {
            Output.complain(error.description)
            Glibc.exit(1)
        } catch let error as SettingError {
            Output.complain(error.description)
            Glibc.exit(EX_CONFIG)
        } catch {
            exit(withError: error)
        }
    }
}
