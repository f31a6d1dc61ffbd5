internal import FoundationEssentials
internal import KMSModel
internal import SwiftASN1
internal import X509

/// The CA's key as swift-certificates wants it: it stays in the crypto engine, which signs.
struct IssuingKey: CustomPrivateKey {
    let publicKey: X509.Certificate.PublicKey
    let defaultSignatureAlgorithm: X509.Certificate.SignatureAlgorithm
    /// The same in the KMS's own words.
    let algorithm: SigningAlgorithm
    private let key: LoadedKey
    private let digest: HashAlgorithm
    private let engine: CryptoEngine

    /// - Throws: `KMSError` 400 for a key that cannot sign certificates.
    init(_ key: LoadedKey, digest wanted: HashAlgorithm?, engine: CryptoEngine) throws {
        guard key.privateKey != nil, let kind = try key.publicKey?.kind(), let info = key.object.pubKey else {
            throw KMSError.badRequest("Field \"issuer_key\": the object has no private key")
        }
        self.key = key
        self.engine = engine
        publicKey = try SubjectKey.publicKey(info, field: "issuer_key")
        switch kind {
        case .rsa:
            digest = wanted ?? .sha256
            let others: [HashAlgorithm: X509.Certificate.SignatureAlgorithm] = [
                .sha384: .sha384WithRSAEncryption, .sha512: .sha512WithRSAEncryption,
            ]
            defaultSignatureAlgorithm = others[digest] ?? .sha256WithRSAEncryption
            algorithm = .rsaPKCS1(digest)
        case .ec(let curve) where curve == .ed25519:
            guard wanted == nil else {
                throw KMSError.badRequest("Field \"digest\": Ed25519 signs messages; leave the field out")
            }
            digest = .sha512
            defaultSignatureAlgorithm = .ed25519
            algorithm = .eddsa
        case .ec(let curve):
            let usual: HashAlgorithm = curve == .nistP384 ? .sha384 : curve == .nistP521 ? .sha512 : .sha256
            digest = wanted ?? usual
            let others: [HashAlgorithm: X509.Certificate.SignatureAlgorithm] = [
                .sha384: .ecdsaWithSHA384, .sha512: .ecdsaWithSHA512,
            ]
            defaultSignatureAlgorithm = others[digest] ?? .ecdsaWithSHA256
            algorithm = .ecdsa(digest)
        }
    }

    var supportedSignatureAlgorithms: [X509.Certificate.SignatureAlgorithm] { [defaultSignatureAlgorithm] }

    func signSynchronously(
        bytes: some DataProtocol, signatureAlgorithm: X509.Certificate.SignatureAlgorithm
    ) throws -> X509.Certificate.Signature {
        guard let privateKey = key.privateKey, signatureAlgorithm == defaultSignatureAlgorithm else {
            throw KMSError.internalError
        }
        let isRSA = key.object.objType == .rsa
        let rules = try SignatureRules(
            key: key, hashAlg: digest, hash: nil, data: Data(bytes), mode: isRSA ? .pkcs1V15 : nil, engine: engine)
        let signature = try privateKey.sign(rules.input, algorithm: rules.algorithm)
        return try .init(signatureAlgorithm: signatureAlgorithm, signatureBytes: ASN1BitString(bytes: signature[...]))
    }

    // MARK: What the protocol asks for besides

    static var defaultPEMDiscriminator: String { "PRIVATE KEY" }

    /// The key does not leave.
    func serialize(into coder: inout DER.Serializer) throws { throw KMSError.operationNotAllowed }

    static func == (one: IssuingKey, other: IssuingKey) -> Bool { one.publicKey == other.publicKey }

    func hash(into hasher: inout Hasher) { hasher.combine(publicKey) }
}
