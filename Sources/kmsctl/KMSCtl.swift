import ArgumentParser
import Glibc
import KMSSupport

/// The command line tool of the KMS. Commands parse, call `AdminClient` and print; one file per group of commands.
@main
struct KMSCtl: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "kmsctl",
            abstract: "Sets up a KMS for the PKCS#11 module: groups, apps, keys, plugins, audit log, diagnosis.",
            discussion: """
                Log in once with `kmsctl login`, or act as an app with --api-key-file or FORTANIX_API_KEY.

                Environment:
                  KMSCTL_ENDPOINT, FORTANIX_API_ENDPOINT  address of the KMS
                  KMSCTL_CA_FILE                          its certificate authority, PEM
                  KMSCTL_SESSION                          where the login is kept
                  KMSCTL_PASSWORD                         password for `login`
                  FORTANIX_API_KEY                        act as this app
                  KMS_PKCS11_CONF                         the module's configuration file

                Exit codes:
                  0   done
                  1   the KMS refused
                  2   a file, key or configuration on this machine cannot be used, or the output cannot be written
                  3   the KMS cannot be reached, is not trusted, or is out of order
                  4   not logged in, or the credential is not accepted
                  5   there is no such object
                  64  wrong usage
                `kmsctl config check` and `kmsctl agent` have codes of their own, those of sysexits.h.
                """,
            version: version,
            subcommands: [
                LoginCommand.self, LogoutCommand.self, UserCommand.self, GroupCommand.self, AppCommand.self,
                KeyCommand.self, CertificateCommand.self, PluginCommand.self, ApprovalCommand.self, AuditCommand.self,
                ConfigCommand.self,
                DoctorCommand.self, AgentCommand.self,
            ])
    }

    /// The product's, which `kmsd --version` prints too.
    static var version: String { ProductVersion.text }

    static func main() {
        Output.occupyStandardStreams()
        // A reader that goes away (`kmsctl … | head`) ends us quietly.
        signal(SIGPIPE, SIG_DFL)
        // What the module would tell of a connection is in the failure that the command ends with.
        Log.level = Environment.value("KMS_PKCS11_LOG").flatMap(Log.Level.init(name:)) ?? .off
        let arguments = Array(CommandLine.arguments.dropFirst())
        let root = VendorAgents.command(for: CommandLine.arguments.first ?? "") ?? KMSCtl.self
        do {
            var command = try root.parseAsRoot(arguments)
            try command.run()
            try Output.check()
        } catch let failure as CommandFailure {
            Output.report(failure, asJSON: arguments.contains("--json"))
            end(failure.code.rawValue)
        } catch {
            root.conclude(error, asJSON: arguments.contains("--json"))
        }
    }

}

extension ParsableCommand {
    /// What ArgumentParser has to say: help, version, wrong usage; or the exit code of a command that has said it all.
    fileprivate static func conclude(_ error: any Error, asJSON: Bool) -> Never {
        let code = exitCode(for: error)
        let text = fullMessage(for: error)
        if asJSON, code == .validationFailure {
            Output.report(usage: message(for: error))
        } else if code.isSuccess {
            Output.print(text)
        } else if !text.isEmpty {
            Output.write(text + "\n")
        }
        do {
            try Output.check()
        } catch {
            Output.report(error, asJSON: asJSON)
            end(error.code.rawValue)
        }
        end(code.rawValue)
    }
}

/// Inside the command `exit` is ArgumentParser's.
private func end(_ code: Int32) -> Never { exit(code) }
