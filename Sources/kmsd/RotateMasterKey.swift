import ArgumentParser
import KMSServer

struct RotateMasterKey: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(abstract: "Seal everything under a new master key. The server must be stopped.")
    }

    @Option(help: "Directory made by kmsd init.")
    var data: String

    @OptionGroup var masterKey: MasterKeyOptions

    @Option(
        help: """
            Where the new master key is: file; environment, in KMSD_NEW_MASTER_KEY; or passphrase, in a file under a
            passphrase. Default: as the old one is.
            """)
    var newMasterKey: MasterKeyKind?

    @Option(help: "File with the new passphrase; else KMSD_NEW_PASSPHRASE; else it is asked for.")
    var newPassphraseFile: String?

    func run() throws {
        let rotation = try MasterKeyRotation(DataDirectory(data), from: masterKey.source()) { place in
            try (newMasterKey ?? kind(place)).make(
                option: "--new-master-key", variable: "KMSD_NEW_MASTER_KEY",
                passphraseFile: ("--new-passphrase-file", newPassphraseFile),
                passphraseVariable: "KMSD_NEW_PASSPHRASE")
        }
        switch try rotation.run() {
        case .file(let path, let isWrapped):
            let form = isWrapped ? ", under the new passphrase" : ""
            Output.line("new master key: \(path)\(form) (keep a copy elsewhere)")
        case .variable:
            Output.line("new master key: the one in KMSD_NEW_MASTER_KEY; start kmsd with it in KMSD_MASTER_KEY")
        }
        Output.line("older backups:  need the old master key, so keep it as long as you keep them")
    }

    private func kind(_ place: FoundMasterKey.Place) -> MasterKeyKind {
        switch place {
        case .variable: .environment
        case .file(_, let isWrapped): isWrapped ? .passphrase : .file
        }
    }
}
