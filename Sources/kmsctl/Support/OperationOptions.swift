import ArgumentParser
import KMSModel

/// What a new key may be used for. A key of a TLS server signs; whatever else is possible is there to be misused by who
/// has the server's API key.
struct OperationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the key may be used for (key_ops), separated by commas: "
                + OperationList.possible.map(\.rawValue).joined(separator: ", ")
                + ". Default: SIGN,VERIFY; of a public key VERIFY.",
            valueName: "list"))
    var operations: OperationList?

    @Flag(help: "Let the private key be exported later (adds EXPORT).")
    var exportable = false

    @OptionGroup var management: ManagementOption

    func ofKey(isPrivate: Bool) -> KeyOperations {
        var values = operations?.values ?? (isPrivate ? [.sign, .verify] : [.verify])
        if exportable, isPrivate { values.insert(.export) }
        return management.adding(to: KeyOperations(values))
    }
}

/// Of every new object, certificates included.
struct ManagementOption: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Let apps of the group change and delete the object (adds APPMANAGEABLE). Default: only users may."))
    var manageable = false

    func adding(to operations: KeyOperations) -> KeyOperations {
        manageable ? KeyOperations(operations.values.union([.appManageable])) : operations
    }
}

/// `SIGN,VERIFY`
struct OperationList: ExpressibleByArgument {
    var values: Set<KeyOperation>

    /// Those that RSA and EC keys can have.
    static var possible: [KeyOperation] {
        [.sign, .verify, .encrypt, .decrypt, .wrapKey, .unwrapKey, .agreeKey, .export, .appManageable, .highVolume]
    }

    init?(argument: String) {
        values = []
        for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let wanted = name.filter { $0 != " " }.uppercased()
            guard let operation = Self.possible.first(where: { $0.rawValue == wanted }) else { return nil }
            values.insert(operation)
        }
    }
}
