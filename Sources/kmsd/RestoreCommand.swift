import ArgumentParser
import KMSServer

struct RestoreCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "restore", abstract: "Make a data directory from a backup and the master key.")
    }

    @Option(help: "Directory to make; must not exist or be empty.")
    var data: String

    @OptionGroup var masterKey: MasterKeyOptions

    @Argument(help: "What kmsd backup wrote.")
    var file: String

    func run() throws {
        let directory = DataDirectory(data)
        let result = try Restoration(of: file, to: directory, masterKey: masterKey.source()).run { Output.line($0) }
        Output.line("data directory: \(directory.path)")
        Output.line("backup of:      \(result.time)")
        Output.line("master key:     \(result.masterKeyFile ?? "the one in KMSD_MASTER_KEY, which is stored nowhere")")
        Output.line("CA certificate: \(directory.authorityFile) (clients trust this one)")
        Output.line(result.verification.summary)
    }
}
