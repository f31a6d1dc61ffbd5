import ArgumentParser
import FoundationEssentials
import KMSModel
import KMSSupport
import OpenSSLCrypto

struct KeyImport: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "import", abstract: "Import a private, public or secret key.",
            discussion:
                "RSA, EC, Ed25519, Ed448, X25519 and X448: PEM or DER; PKCS#1, PKCS#8, SEC 1, SubjectPublicKeyInfo. An "
                + "encrypted key asks for its passphrase. Secret keys: --type, and a file of nothing but the key.")
    }

    @OptionGroup var options: ConnectionOptions
    @Argument(help: "Name of the new key.", transform: ObjectName.parse)
    var name: String
    @Option(help: ArgumentHelp("The key (- is standard input).", valueName: "file"))
    var file: String
    @Option(help: "What kind of secret key. Other keys tell their type themselves.")
    var type: SecretKeyFile.KeyType?
    @Flag(help: "The file holds the secret key in hexadecimal digits, and not its bytes.")
    var hex = false
    @Option(help: ArgumentHelp("File with the passphrase of an encrypted key.", valueName: "file"))
    var passphraseFile: String?
    @OptionGroup var operations: OperationOptions
    @OptionGroup var object: ObjectOptions

    func validate() throws {
        if hex, type == nil { throw ValidationError("--hex is for secret keys, which have a --type.") }
        if type != nil, passphraseFile != nil {
            throw ValidationError("--passphrase-file is for encrypted private keys, not for --type.")
        }
    }

    func run() throws {
        var material: SobjectRequest
        if let type {
            material = try SecretKeyFile.read(file, type: type, isHex: hex)
            material.keyOps = operations.ofKey(type.object, isPrivate: true)
        } else {
            material = try keyPair()
        }
        let client = try AdminClient.connect(options)
        defer { client.close() }
        var request = try object.request(name: name, client: client)
        request.objType = material.objType
        request.keySize = material.keySize
        request.ellipticCurve = material.ellipticCurve
        request.keyOps = material.keyOps
        request.value = material.value
        let key = KeyView(
            try client.send(
                .put, "/crypto/v1/keys", body: request, doing: "importing \"\(name)\"", as: Sobject.self),
            token: client.tokenLabel)
        try Output.show(key, asJSON: options.json) { key.text }
    }

    /// Type, size, operations and value of a private or public key.
    private func keyPair() throws -> SobjectRequest {
        var bytes = try InputFile.read(file, what: "the key", limit: 1 << 20).bytes
        let material = try KeyMaterial.read(Secret(copying: &bytes), path: file, passphrase: passphrase)
        var request = SobjectRequest()
        request.objType = material.kind.objectType
        switch material.kind {
        case .rsa(let bits, _): request.keySize = bits
        case .ec(let curve): request.ellipticCurve = curve
        }
        request.keyOps = operations.ofKey(
            material.kind.objectType, request.ellipticCurve, isPrivate: material.isPrivate)
        request.value = material.der.withBytes { Data($0) }
        return request
    }

    private func passphrase() throws -> Secret {
        if let passphraseFile { return try SecretInput.file(passphraseFile, what: "the passphrase") }
        guard let answer = Terminal.askSecret("Passphrase of \(Output.printable(file)): ") else {
            throw CommandFailure(
                .input, "\(file) is encrypted", remedy: "Give --passphrase-file FILE, or run this on a terminal.")
        }
        return answer
    }
}

/// A key out of a file, in the DER that the API takes.
private struct KeyMaterial {
    var kind: KeyKind
    var isPrivate: Bool
    /// PKCS#1 or SEC 1 of a private key, SubjectPublicKeyInfo of a public one.
    var der: Secret

    /// - Parameter passphrase: asked for only when the key is encrypted.
    static func read(_ bytes: Secret, path: String, passphrase: () throws -> Secret) throws -> KeyMaterial {
        do {
            let context = try LibraryContext()
            let blocks = try PEM.blocks(bytes, in: context)
            if blocks.isEmpty { return try decode(bytes, path: path, context) }
            if let block = blocks.first(where: { $0.label.hasSuffix("PRIVATE KEY") }) {
                let secret = block.isEncrypted ? try passphrase() : nil
                return try KeyMaterial(try PEM.privateKey(bytes, passphrase: secret, in: context))
            }
            if let content = try PEM.contents(of: "PUBLIC KEY", bytes, in: context).first {
                return try KeyMaterial(subjectPublicKeyInfo: content, context)
            }
            if blocks.contains(where: { $0.label.hasSuffix("CERTIFICATE") }) { throw certificate(path) }
            throw CommandFailure(
                .input, "\(path) holds no key, only \(blocks.map(\.label).joined(separator: ", "))",
                remedy: "Give a private key as PEM or DER, or say the --type of a secret key.")
        } catch let error as CryptoError {
            throw CommandFailure(
                .input, "\(path): \(error)",
                remedy: "Give an RSA, EC, EdDSA or X25519/X448 key as PEM or DER, or say the --type of a secret key.")
        }
    }

    private static func decode(_ der: Secret, path: String, _ context: LibraryContext) throws -> KeyMaterial {
        let bytes = der.withBytes { Array($0) }
        if (try? PublicKey(subjectPublicKeyInfo: bytes, in: context)) != nil {
            return try KeyMaterial(subjectPublicKeyInfo: bytes, context)
        }
        if (try? Certificate(der: bytes, in: context)) != nil { throw certificate(path) }
        return try KeyMaterial(try PrivateKey(der: der, in: context))
    }

    private init(_ key: PrivateKey) throws {
        guard key.isConsistent() else { throw CryptoError("the parts of the private key do not fit together") }
        kind = key.kind
        isPrivate = true
        der = try key.der()
    }

    private init(subjectPublicKeyInfo bytes: [UInt8], _ context: LibraryContext) throws {
        kind = try PublicKey(subjectPublicKeyInfo: bytes, in: context).kind()
        isPrivate = false
        der = Secret(bytes)
    }

    private static func certificate(_ path: String) -> CommandFailure {
        CommandFailure(
            .input, "\(path) holds a certificate, not a key", remedy: "Use: kmsctl cert import NAME --file \(path).")
    }
}
