import ArgumentParser
import KMSServer

struct VerifyCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "verify",
            abstract: "Verify database, sealed objects and audit log, also while a server works with them.",
            discussion: "Prints a line for each finding and a summary. Exit code 0 only when all is well, else 65.")
    }

    @Option(help: "Directory made by kmsd init.")
    var data: String

    @OptionGroup var masterKey: MasterKeyOptions

    func run() throws {
        let directory = DataDirectory(data)
        try directory.checkModes()
        let result = try Verification.run(directory, masterKey: masterKey.source()) { Output.line($0) }
        Output.line(result.summary)
        guard result.findings == 0 else { throw ExitCode(StartError.Cause.data.rawValue) }
    }
}
