import ArgumentParser
import KMSModel

struct KeyGenerate: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "generate", abstract: "Make a key inside the KMS.")
    }

    enum KeyType: String, ExpressibleByArgument, CaseIterable { case rsa, ec }

    /// The names that NIST, OpenSSL and Fortanix have for the curves.
    enum Curve: String, ExpressibleByArgument, CaseIterable {
        case p224 = "P-224"
        case p256 = "P-256"
        case p384 = "P-384"
        case p521 = "P-521"
        case secp256k1

        var wire: EllipticCurve {
            switch self {
            case .p224: .nistP224
            case .p256: .nistP256
            case .p384: .nistP384
            case .p521: .nistP521
            case .secp256k1: .secP256K1
            }
        }

        init?(argument: String) {
            let wanted = argument.lowercased()
            let match = Curve.allCases.first { curve in
                let names = [curve.rawValue, curve.wire.rawValue, curve.openSSLName]
                return names.contains { $0.lowercased() == wanted }
            }
            guard let match else { return nil }
            self = match
        }

        private var openSSLName: String {
            switch self {
            case .p224: "secp224r1"
            case .p256: "prime256v1"
            case .p384: "secp384r1"
            case .p521: "secp521r1"
            case .secp256k1: "secp256k1"
            }
        }
    }

    @OptionGroup var options: ConnectionOptions
    @Argument var name: String
    @Option(help: "rsa or ec.")
    var type: KeyType
    @Option(help: ArgumentHelp("Bits of an RSA key. (default: 2048)", valueName: "bits"))
    var size: Int?
    @Option(help: "Curve of an EC key: P-256, P-384, P-521, P-224 or secp256k1. (default: P-256)")
    var curve: Curve?
    @OptionGroup var operations: OperationOptions
    @OptionGroup var object: ObjectOptions

    func validate() throws {
        if type == .ec, size != nil { throw ValidationError("--size is for --type rsa; an EC key has --curve.") }
        if type == .rsa, curve != nil { throw ValidationError("--curve is for --type ec; an RSA key has --size.") }
    }

    func run() throws {
        let client = try AdminClient.connect(options)
        defer { client.close() }
        var request = try object.request(name: name, client: client)
        switch type {
        case .rsa:
            request.objType = .rsa
            request.keySize = size ?? 2048
        case .ec:
            request.objType = .ec
            request.ellipticCurve = (curve ?? .p256).wire
        }
        request.keyOps = operations.ofKey(isPrivate: true)
        let key = KeyView(
            try client.send(
                .post, "/crypto/v1/keys", body: request, doing: "generating \"\(name)\"", as: Sobject.self),
            token: client.tokenLabel)
        try Output.show(key, asJSON: options.json) { key.text }
    }
}
