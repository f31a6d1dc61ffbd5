import ArgumentParser
import Glibc
import KMSServer

/// How the program ends when it does not do what it was asked for: one sentence and an exit code of `sysexits.h`.
enum Failure {
    static func end(with error: any Error) -> Never {
        switch error {
        case let error as StartError:
            Output.complain(error.description)
            exit(error.cause.rawValue)
        case let error as SettingError:
            Output.complain(error.description)
            exit(StartError.Cause.configuration.rawValue)
        case is CleanExit, is ExitCode:
            KMSD.exit(withError: error)
        default:
            guard KMSD.exitCode(for: error) == .validationFailure else {
                // Help and version are "errors" of the parser's own that end well.
                if KMSD.exitCode(for: error) == .success { KMSD.exit(withError: error) }
                Output.complain("internal error: \(error)")
                exit(StartError.Cause.software.rawValue)
            }
            let message = KMSD.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
            Output.complain("\(message); see: \(help)")
            exit(StartError.Cause.usage.rawValue)
        }
    }

    /// The command whose help fits what was typed.
    private static var help: String {
        let names = KMSD.configuration.subcommands.compactMap { $0._commandName }
        let name = CommandLine.arguments.dropFirst().first.flatMap { names.contains($0) ? $0 + " " : nil } ?? ""
        return "kmsd \(name)--help"
    }
}
