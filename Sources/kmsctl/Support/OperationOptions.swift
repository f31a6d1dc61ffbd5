import ArgumentParser
import KMSModel

/// What a new key may be used for. By default the one thing that keys of its kind are for: whatever else is possible is
/// there to be misused by who has the server's API key.
struct OperationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the key may be used for (key_ops), separated by commas: "
                + OperationList.possible.map(\.rawValue).joined(separator: ", ")
                + ". Default: SIGN,VERIFY; of a public key VERIFY; of X25519 and X448 AGREEKEY; of AES and DES3 "
                + "ENCRYPT,DECRYPT; of HMAC MACGENERATE,MACVERIFY; of other secrets DERIVEKEY.",
            valueName: "list"))
    var operations: OperationList?

    @Flag(help: "Let the private or secret key be exported later (adds EXPORT).")
    var exportable = false

    @OptionGroup var management: ManagementOption

    /// - Parameter isPrivate: or secret; not just the public half.
    func ofKey(_ type: ObjectType, _ curve: EllipticCurve? = nil, isPrivate: Bool) -> KeyOperations {
        var values = operations?.values ?? Self.standard(type, curve, isPrivate: isPrivate)
        if exportable, isPrivate { values.insert(.export) }
        return management.adding(to: KeyOperations(values))
    }

    private static func standard(
        _ type: ObjectType, _ curve: EllipticCurve?, isPrivate: Bool
    ) -> Set<KeyOperation> {
        switch type {
        case .rsa, .ec:
            if curve?.family == .montgomery { return [.agreeKey] }
            return isPrivate ? [.sign, .verify] : [.verify]
        case .aes, .des, .des3: return [.encrypt, .decrypt]
        case .hmac: return [.macGenerate, .macVerify]
        case .secret: return [.deriveKey]
        case .opaque, .certificate, .other: return []
        }
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

    /// Those that keys can have, of one type or another.
    static var possible: [KeyOperation] {
        [
            .sign, .verify, .encrypt, .decrypt, .wrapKey, .unwrapKey, .deriveKey, .macGenerate, .macVerify, .agreeKey,
            .export, .appManageable, .highVolume,
        ]
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
