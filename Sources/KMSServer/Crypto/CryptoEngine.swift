package import FoundationEssentials
package import KMSModel
package import KMSSupport
package import OpenSSLCrypto

/// What the KMS does with key material: seals it, parses it once, signs and verifies with it.
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
        case object(kid: String, type: ObjectType)
        case appSecret(id: String)
        case tlsKey(name: String)

        /// The associated data: a box moved to another row or kind does not open.
        fileprivate var name: String {
            switch self {
            case .masterKeyCheck: "check"
            case .object(let kid, let type): "object/\(type.rawValue)/\(kid)"
            case .appSecret(let id): "app/\(id)"
            case .tlsKey(let name): "tls/\(name)"
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

    /// The key of a stored object, ready for use; both halves nil for objects that are not keys.
    package func load(_ record: KeyRecord) throws(CryptoError) -> LoadedKey {
        var key = LoadedKey(object: record.object)
        if let box = record.sealedValue, record.object.objType.isAsymmetric {
            let der = try open(box, as: .object(kid: record.kid, type: record.object.objType))
            key.privateKey = try PrivateKey(der: der, in: context)
        }
        if let info = record.object.pubKey {
            // A certificate may be for a kind of key that we cannot use; it is still there to be read.
            key.publicKey = try? PublicKey(subjectPublicKeyInfo: Array(info), in: context)
        }
        return key
    }

    package func digest(_ data: Data, _ algorithm: HashAlgorithm) throws(CryptoError) -> [UInt8] {
        try Digest.hash(data, algorithm, in: context)
    }

    package func randomBytes(_ count: Int) throws(CryptoError) -> [UInt8] { try Random.bytes(count, in: context) }
}

/// A security object with its parsed keys.
package struct LoadedKey: Sendable {
    package var object: Sobject
    package var privateKey: PrivateKey?
    package var publicKey: PublicKey?
}

extension ObjectType {
    /// Types whose value is a private or public key.
    package var isAsymmetric: Bool { self == .rsa || self == .ec }
}
