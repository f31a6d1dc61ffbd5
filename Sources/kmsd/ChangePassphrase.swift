import ArgumentParser
import KMSServer

struct ChangePassphrase: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Put the same master key under another passphrase. The server must be stopped.")
    }

    @Option(help: "Directory made by kmsd init.")
    var data: String

    @OptionGroup var masterKey: MasterKeyOptions

    @Option(help: "File with the new passphrase; else KMSD_NEW_PASSPHRASE; else it is asked for.")
    var newPassphraseFile: String?

    func run() throws {
        let file = try MasterKeyRotation.rewrap(DataDirectory(data), from: masterKey.source()) {
            try MasterKeyKind.passphrase.make(
                option: "", variable: "", passphraseFile: ("--new-passphrase-file", newPassphraseFile),
                passphraseVariable: "KMSD_NEW_PASSPHRASE")
        }
        Output.line("master key:     \(file), under the new passphrase (keep a copy of both elsewhere)")
    }
}
