import ArgumentParser
import KMSServer
import KMSSupport

struct Init: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(abstract: "Make a data directory: master key, database, CA, account, administrator.")
    }

    @Option(help: "Directory to make; must not exist or be empty.")
    var data: String

    @Option(help: "E-mail address of the first administrator.")
    var adminEmail = "admin@localhost"

    @Option(help: "File with the administrator's password; else KMSD_ADMIN_PASSWORD; else one is made and printed.")
    var adminPasswordFile: String?

    @Option(help: "Name of the account.")
    var account = "default"

    @Option(name: .customLong("host"), help: "Name or address in the server certificate; may be repeated.")
    var hosts: [String] = []

    @Option(
        help: """
            Where the master key is: file; environment, in KMSD_MASTER_KEY; or passphrase, in a file under a passphrase.
            """)
    var masterKey = MasterKeyKind.file

    @Option(help: "File to make for the master key, elsewhere than in the data directory.")
    var masterKeyFile: String?

    @Option(help: "File with the passphrase for --master-key passphrase; else KMSD_PASSPHRASE; else it is asked for.")
    var passphraseFile: String?

    func validate() throws {
        guard masterKey != .environment || masterKeyFile == nil else {
            throw ValidationError("--master-key-file is of no use with --master-key environment, which writes no file")
        }
    }

    func run() throws {
        var initialization = Initialization(directory: DataDirectory(data))
        initialization.account = account
        initialization.adminEmail = adminEmail
        initialization.adminPassword = try password()
        initialization.hosts = hosts
        initialization.masterKeyFile = masterKeyFile
        initialization.newMasterKey = try masterKey.make(
            option: "--master-key", variable: "KMSD_MASTER_KEY", passphraseFile: ("--passphrase-file", passphraseFile),
            passphraseVariable: "KMSD_PASSPHRASE")
        let result = try initialization.run()
        Output.line("data directory: \(initialization.directory.path)")
        Output.line("master key:     \(masterKeyPlace(initialization.directory))")
        Output.line("CA certificate: \(initialization.directory.authorityFile) (clients trust this one)")
        Output.line("server names:   \(result.hosts.joined(separator: " "))")
        Output.line("account:        \(account) \(result.accountID)")
        Output.line("administrator:  \(adminEmail.lowercased())")
        if let password = result.generatedPassword { Output.line("password:       \(password.text)") }
    }

    private func masterKeyPlace(_ directory: DataDirectory) -> String {
        let file = masterKeyFile ?? directory.masterKeyFile
        return switch masterKey {
        case .file: "\(file) (keep a copy elsewhere)"
        case .passphrase: "\(file), under the passphrase (keep a copy of both elsewhere)"
        case .environment: "the one in KMSD_MASTER_KEY, which is stored nowhere (keep a copy)"
        }
    }

    private func password() throws -> Secret? {
        if let file = adminPasswordFile { return try SecretFile.line(file, what: "password") }
        return SecretVariable.take("KMSD_ADMIN_PASSWORD")
    }
}
