import ArgumentParser
import Glibc
import KMSSupport

/// The command line tool of the KMS. Commands parse, call `AdminClient` and print; one file per group of commands.
@main
struct KMSCtl: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "kmsctl",
            abstract: "Sets up a KMS for the PKCS#11 module: groups, apps, keys, certificates, audit log, diagnosis.",
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
                  2   a file, key or configuration on this machine cannot be used
                  3   the KMS cannot be reached or is not trusted
                  4   not logged in, or the credential is not accepted
                  5   there is no such object
                  64  wrong usage
                """,
            subcommands: [
                LoginCommand.self, LogoutCommand.self, GroupCommand.self, AppCommand.self, KeyCommand.self,
                CertificateCommand.self, AuditCommand.self, DoctorCommand.self,
            ])
    }

    static func main() {
        // A reader that goes away (`kmsctl … | head`) ends us quietly.
        signal(SIGPIPE, SIG_DFL)
        if let name = Environment.value("KMS_PKCS11_LOG"), let level = Log.Level(name: name) { Log.level = level }
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch let failure as CommandFailure {
            Output.report(failure, asJSON: arguments.contains("--json"))
            end(failure.code.rawValue)
        } catch {
            guard arguments.contains("--json"), exitCode(for: error) == .validationFailure else {
                exit(withError: error)
            }
            Output.report(usage: message(for: error))
            end(exitCode(for: error).rawValue)
        }
    }
}

/// Inside the command `exit` is ArgumentParser's.
private func end(_ code: Int32) -> Never { exit(code) }
