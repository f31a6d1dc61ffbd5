internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// Diffie-Hellman on an elliptic curve: the raw shared secret, or for a smaller key its leading bytes.
struct Agreement: Sendable {
    let curve: EllipticCurve
    private let privateKey: PrivateKey
    private let publicKey: PublicKey
    /// In bytes.
    private let length: Int

    /// - Parameter bits: of the key that is wanted; nil: all of the secret.
    /// - Throws: `KMSError` 400 when the objects cannot agree or the secret is shorter than the key.
    init(_ own: LoadedKey, _ peer: LoadedKey, bits: Int?, type: ObjectType) throws {
        guard let privateKey = own.privateKey, let curve = own.object.ellipticCurve, curve.family != .edwards else {
            throw KMSError.badRequest("Field \"private_key\" must name an EC private key that is not Ed25519 or Ed448")
        }
        guard let publicKey = peer.publicKey, case .ec(let other)? = try? publicKey.kind() else {
            throw KMSError.badRequest("Field \"public_key\" must name an EC key")
        }
        guard other == curve else {
            throw KMSError.badRequest(
                "The keys are on different curves: \(curve.rawValue) (private) and \(other.rawValue) (public)")
        }
        self.curve = curve
        self.privateKey = privateKey
        self.publicKey = publicKey
        let available = curve.sharedSecretLength
        length = try bits.map { bits throws(KMSError) in try KeySizes.bytes(type, bits: bits) } ?? available
        guard length <= available else {
            throw KMSError.badRequest(
                "Field \"key_size\": \(curve.rawValue) makes shared secrets of \(available * 8) bits, and not "
                    + "\(length * 8)")
        }
    }

    func run() throws -> Secret {
        let secret: Secret
        do {
            secret = try privateKey.agree(with: publicKey)
        } catch {
            throw KMSError.badRequest("Field \"public_key\": there is no shared secret with such a public key")
        }
        return secret.withBytes { Secret(UnsafeRawBufferPointer(rebasing: $0.prefix(length))) }
    }
}

extension EllipticCurve {
    /// In bytes: as long as a field element, which for P-521 is more than 512 bits.
    fileprivate var sharedSecretLength: Int {
        switch self {
        case .x25519, .ed25519: 32
        case .x448: 56
        case .nistP224, .nistP256, .nistP384, .nistP521, .secP256K1, .ed448: (bits + 7) / 8
        }
    }
}
