package import FoundationEssentials
package import KMSModel
package import KMSSupport
package import OpenSSLCrypto

/// What the KMS does with key material: seals it and parses it once.
package final class CryptoEngine: Sendable {
    package let context: LibraryContext
    private let seal: Seal

    package init(masterKey: MasterKey, in context: LibraryContext) throws(CryptoError) {
        self.context = context
        seal = try Seal(key: try masterKey.sealingKey(in: context), in: context)
    }

    // MARK: At rest

    package enum Sealed: Sendable {
        case masterKeyCheck
        /// The keys of the audit log's chain and of transient keys.
        case auditKey
        case transientKey
        case object(kid: String, type: ObjectType)
        case appSecret(id: String)
        case tlsKey(name: String)
        /// The body of a request that waits for approval, and the answer to it.
        case approvalBody(id: String)
        case approvalResult(id: String)
        /// What a client carries from part to part of an encryption or decryption.
        case cipherState(owner: String, direction: CipherRules.Direction)

        /// The associated data: a box moved to another row or kind does not open.
        fileprivate var name: String {
            switch self {
            case .masterKeyCheck: "check"
            case .auditKey: "audit-key"
            case .transientKey: "transient-key"
            case .object(let kid, let type): "object/\(type.rawValue)/\(kid)"
            case .appSecret(let id): "app/\(id)"
            case .tlsKey(let name): "tls/\(name)"
            case .approvalBody(let id): "approval/body/\(id)"
            case .approvalResult(let id): "approval/result/\(id)"
            case .cipherState(let owner, .encrypt): "state/encrypt/\(owner)"
            case .cipherState(let owner, .decrypt): "state/decrypt/\(owner)"
            }
        }
    }

    package func seal(_ secret: Secret, as what: Sealed) throws(CryptoError) -> [UInt8] {
        try seal.seal(secret, for: what.name)
    }

    package func open(_ box: [UInt8], as what: Sealed) throws(CryptoError) -> Secret {
        try seal.open(box, for: what.name)
    }

    // MARK: Keys

    /// The key of a stored object, ready for use.
    package func load(_ record: KeyRecord) throws(CryptoError) -> LoadedKey {
        let type = record.object.objType
        guard let box = record.sealedValue, type.isAsymmetric || type.isSymmetric(length: box.count) else {
            return try load(record.object, nil)
        }
        return try load(record.object, try open(box, as: .object(kid: record.kid, type: type)))
    }

    /// The key of an object whose value has been opened, ready for use; without keys for objects that are none.
    package func load(_ object: Sobject, _ secret: Secret?) throws(CryptoError) -> LoadedKey {
        let isAsymmetric = object.objType.isAsymmetric
        // A certificate may be for a kind of key that we cannot use; it is still there to be read.
        let publicKey = object.pubKey.flatMap { try? PublicKey(subjectPublicKeyInfo: Array($0), in: context) }
        let privateKey: PrivateKey? =
            if let secret, isAsymmetric { try PrivateKey(der: secret, in: context) } else { nil }
        return LoadedKey(
            object: object, privateKey: privateKey, publicKey: publicKey,
            secret: secret.flatMap { !isAsymmetric && object.objType.isSymmetric(length: $0.count) ? $0 : nil })
    }

    package func digest(_ data: Data, _ algorithm: HashAlgorithm) throws(CryptoError) -> [UInt8] {
        try Digest.hash(data, algorithm, in: context)
    }

    package func randomBytes(_ count: Int) throws(CryptoError) -> [UInt8] { try Random.bytes(count, in: context) }
}

/// A security object with its parsed keys. A class, because to copy an object's many fields for each use takes longer
/// than to look it up.
package final class LoadedKey: Sendable {
    package let object: Sobject
    package let privateKey: PrivateKey?
    package let publicKey: PublicKey?
    /// Of the public key; nil without one and for kinds that cannot be used.
    package let kind: KeyKind?
    /// The bytes of an AES, DES3, HMAC or SECRET object. nil for a SECRET of more than about 4000 bytes, which serves
    /// no operation but export and wrapping: such do not belong into a cache.
    package let secret: Secret?

    fileprivate init(object: Sobject, privateKey: PrivateKey?, publicKey: PublicKey?, secret: Secret?) {
        self.object = object
        self.privateKey = privateKey
        self.publicKey = publicKey
        kind = try? publicKey?.kind()
        self.secret = secret
    }
}

extension ObjectType {
    /// Types whose value is a private or public key.
    package var isAsymmetric: Bool { self == .rsa || self == .ec }

    /// Types whose bytes are used as a key.
    ///
    /// - Parameter length: of the value, sealed or not, in bytes.
    fileprivate func isSymmetric(length: Int) -> Bool {
        switch self {
        case .aes, .des3, .hmac, .secret: length <= 4096
        case .rsa, .ec, .certificate, .opaque, .des, .other: false
        }
    }
}
