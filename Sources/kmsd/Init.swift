import ArgumentParser
import FoundationEssentials
import Glibc
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

    func run() throws {
        var initialization = Initialization(directory: DataDirectory(data))
        initialization.account = account
        initialization.adminEmail = adminEmail
        initialization.adminPassword = try password()
        initialization.hosts = hosts
        let result = try initialization.run()
        Output.line("data directory: \(initialization.directory.path)")
        Output.line("master key:     \(initialization.directory.masterKeyFile) (keep a copy elsewhere)")
        Output.line("CA certificate: \(initialization.directory.authorityFile) (clients trust this one)")
        Output.line("server names:   \(result.hosts.joined(separator: " "))")
        Output.line("account:        \(account) \(result.accountID)")
        Output.line("administrator:  \(adminEmail.lowercased())")
        if let password = result.generatedPassword { Output.line("password:       \(password.text)") }
    }

    private func password() throws -> Secret? {
        if let file = adminPasswordFile {
            guard let content = try? Data(contentsOf: URL(filePath: file)) else {
                throw StartError("cannot read the password file \(file)")
            }
            var bytes = Array(content)
            while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
            guard !bytes.isEmpty else { throw StartError("the password file \(file) is empty") }
            return Secret(copying: &bytes)
        }
        guard let value = getenv("KMSD_ADMIN_PASSWORD"), value.pointee != 0 else { return nil }
        return Secret(String(cString: value))
    }
}
