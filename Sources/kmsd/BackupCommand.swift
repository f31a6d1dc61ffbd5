import ArgumentParser
import KMSServer

struct BackupCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "backup", abstract: "Write a backup of a data directory, also while a server works with it.")
    }

    @Option(help: "Directory made by kmsd init.")
    var data: String

    @Flag(help: "Replace FILE if it exists: an ordinary file outside of the data directory.")
    var force = false

    @Argument(help: "The backup to write.")
    var file: String

    func run() throws {
        var backup = Backup(of: DataDirectory(data), to: file)
        backup.overwrites = force
        let result = try backup.run()
        Output.line("backup:         \(file) (\(result.size) bytes)")
        Output.line("holds:          \(result.objects) objects, \(result.auditRecords) audit records")
        Output.line("does not hold:  the master key; keep a copy of it elsewhere, for a restore needs both")
    }
}
