import ArgumentParser
import KMSModel

struct KeyGenerate: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "generate", abstract: "Make a key inside the KMS.")
    }

    enum KeyType: String, ExpressibleByArgument, CaseIterable {
        case rsa, ec, ed25519, ed448, x25519, x448, aes, des3, hmac

        var object: ObjectType {
            switch self {
            case .rsa: .rsa
            case .ec, .ed25519, .ed448, .x25519, .x448: .ec
            case .aes: .aes
            case .des3: .des3
            case .hmac: .hmac
            }
        }

        /// Of a type that is one curve.
        var curve: EllipticCurve? {
            switch self {
            case .ed25519: .ed25519
            case .ed448: .ed448
            case .x25519: .x25519
            case .x448: .x448
            case .rsa, .ec, .aes, .des3, .hmac: nil
            }
        }

        /// In bits, where there is a choice.
        var standardSize: Int? {
            switch self {
            case .rsa: 2048
            case .aes, .hmac: 256
            // Three different keys, without their parity bits.
            case .des3: 168
            case .ec, .ed25519, .ed448, .x25519, .x448: nil
            }
        }
    }

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
    @Argument(help: "Name of the new key.", transform: ObjectName.parse)
    var name: String
    @Option(help: "What kind of key.")
    var type: KeyType
    @Option(
        help: ArgumentHelp(
            "Bits of an RSA (default: 2048), AES (256), HMAC (256) or DES3 key (168).", valueName: "bits"))
    var size: Int?
    @Option(help: "Curve of an EC key: P-256, P-384, P-521, P-224 or secp256k1. (default: P-256)")
    var curve: Curve?
    @OptionGroup var operations: OperationOptions
    @OptionGroup var object: ObjectOptions

    func validate() throws {
        if type == .ec, size != nil { throw ValidationError("--size is not for --type ec, which has --curve.") }
        if type.standardSize == nil, size != nil {
            throw ValidationError("--size is not for --type \(type.rawValue), which has one size.")
        }
        if type != .ec, curve != nil {
            throw ValidationError(
                "--curve is for --type ec"
                    + (type.standardSize == nil ? "; \(type.rawValue) is one." : "; \(type.rawValue) has --size."))
        }
    }

    func run() throws {
        let client = try AdminClient.connect(options)
        defer { client.close() }
        var request = try object.request(name: name, client: client)
        request.objType = type.object
        request.keySize = size ?? type.standardSize
        request.ellipticCurve = type == .ec ? (curve ?? .p256).wire : type.curve
        request.keyOps = operations.ofKey(type.object, request.ellipticCurve, isPrivate: true)
        let key = KeyView(
            try client.send(
                .post, "/crypto/v1/keys", body: request, doing: "generating \"\(name)\"", as: Sobject.self),
            token: client.tokenLabel)
        try Output.show(key, asJSON: options.json) { key.text }
    }
}
