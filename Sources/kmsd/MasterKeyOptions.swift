import ArgumentParser
import KMSServer
import KMSSupport

/// Where the master key of a data directory is.
struct MasterKeyOptions: ParsableArguments {
    @Option(help: "File with the master key; else KMSD_MASTER_KEY; else master.key in the data directory.")
    var masterKeyFile: String?

    @Option(help: "File with the passphrase of the master key; else KMSD_PASSPHRASE; else it is asked for.")
    var passphraseFile: String?

    func source() -> MasterKeySource {
        // Taken out of the environment at once, also when they are not needed.
        let passphrase = SecretVariable.take("KMSD_PASSPHRASE")
        return MasterKeySource(file: masterKeyFile, variable: SecretVariable.take("KMSD_MASTER_KEY")) {
            [passphraseFile] in
            if let passphraseFile { return try SecretFile.line(passphraseFile, what: "passphrase") }
            if let passphrase { return passphrase }
            guard let answer = Terminal.askSecret("Passphrase of the master key: "), !answer.isEmpty else {
                throw StartError(
                    "the master key is under a passphrase; give it with --passphrase-file FILE, in KMSD_PASSPHRASE or "
                        + "at a terminal", .noInput)
            }
            return answer
        }
    }
}

/// How a new master key is kept: `--master-key` of init, `--new-master-key` of rotate-master-key.
enum MasterKeyKind: String, ExpressibleByArgument, CaseIterable, Sendable {
    case file, environment, passphrase

    /// - Parameters:
    ///   - option: that asked for this kind.
    ///   - variable: that the key is in, for `environment`.
    ///   - passphraseFile: option and value.
    ///   - passphraseVariable: in the place of that file.
    func make(
        option: String, variable: String, passphraseFile: (option: String, path: String?), passphraseVariable: String
    ) throws -> NewMasterKey {
        guard self == .passphrase || passphraseFile.path == nil else {
            throw StartError(
                "\(passphraseFile.option) is of no use for a master key of kind \(rawValue); add \(option) passphrase, or "
                    + "leave it out", .usage)
        }
        switch self {
        case .file: return .file
        case .environment:
            guard let digits = SecretVariable.take(variable) else {
                throw StartError(
                    "\(variable) is not set; it takes the master key, 64 hexadecimal digits, as openssl rand -hex 32 "
                        + "prints them", .noInput)
            }
            return .variable(digits, name: variable)
        case .passphrase:
            if let path = passphraseFile.path { return .passphrase(try SecretFile.line(path, what: "passphrase")) }
            if let passphrase = SecretVariable.take(passphraseVariable) { return .passphrase(passphrase) }
            guard let first = Terminal.askSecret("New passphrase of the master key: "),
                let second = Terminal.askSecret("The same again: ")
            else {
                throw StartError(
                    "there is no passphrase; give it with \(passphraseFile.option) FILE, in \(passphraseVariable) or at "
                        + "a terminal", .noInput)
            }
            guard first.equals(second) else { throw StartError("the two passphrases differ; begin again", .usage) }
            return .passphrase(first)
        }
    }
}
