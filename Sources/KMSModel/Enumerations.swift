/// The kind of a security object (`obj_type`).
package enum ObjectType: String, WireEnum {
    case aes = "AES"
    case des = "DES"
    case des3 = "DES3"
    case rsa = "RSA"
    case ec = "EC"
    case hmac = "HMAC"
    case secret = "SECRET"
    case opaque = "OPAQUE"
    case certificate = "CERTIFICATE"
    case other = "OTHER"

    /// A type that a newer KMS knows and we do not is `other`, so that one such object does not spoil a listing.
    package init(from decoder: any Decoder) throws {
        self = ObjectType(wire: try decoder.singleValueContainer().decode(String.self)) ?? .other
    }
}

/// `elliptic_curve`.
package enum EllipticCurve: String, WireEnum {
    case nistP224 = "NistP224"
    case nistP256 = "NistP256"
    case nistP384 = "NistP384"
    case nistP521 = "NistP521"
    case secP256K1 = "SecP256K1"
    case ed25519 = "Ed25519"
    case ed448 = "Ed448"
    case x25519 = "X25519"
    case x448 = "X448"

    /// Size of the curve's order in bits; `key_size` of an EC object.
    package var bits: Int {
        switch self {
        case .nistP224: 224
        case .nistP256, .secP256K1: 256
        case .nistP384: 384
        case .nistP521: 521
        case .ed25519, .x25519: 256
        case .ed448, .x448: 448
        }
    }

    package enum Family: Sendable {
        /// Short Weierstrass: ECDSA and ECDH.
        case weierstrass
        /// EdDSA.
        case edwards
        /// ECDH with X25519 and X448.
        case montgomery
    }

    package var family: Family {
        switch self {
        case .nistP224, .nistP256, .nistP384, .nistP521, .secP256K1: .weierstrass
        case .ed25519, .ed448: .edwards
        case .x25519, .x448: .montgomery
        }
    }

    /// Curves that sign with ECDSA.
    package var isECDSA: Bool { family == .weierstrass }
}

/// `hash_alg`, `alg` of a digest.
package enum HashAlgorithm: String, WireEnum {
    case sha1 = "SHA1"
    case sha224 = "SHA224"
    case sha256 = "SHA256"
    case sha384 = "SHA384"
    case sha512 = "SHA512"
    case sha3_224 = "SHA3_224"
    case sha3_256 = "SHA3_256"
    case sha3_384 = "SHA3_384"
    case sha3_512 = "SHA3_512"
    /// MD5 ‖ SHA-1, 36 bytes, signed with PKCS#1 v1.5 and without DigestInfo: TLS 1.0 and 1.1.
    case ssl3 = "SSL3"

    /// Length of the digest in bytes.
    package var length: Int {
        switch self {
        case .sha1: 20
        case .sha224, .sha3_224: 28
        case .sha256, .sha3_256: 32
        case .sha384, .sha3_384: 48
        case .sha512, .sha3_512: 64
        case .ssl3: 36
        }
    }
}

/// One entry of `key_ops`: what a security object may be used for.
package enum KeyOperation: String, WireEnum {
    case sign = "SIGN"
    case verify = "VERIFY"
    case encrypt = "ENCRYPT"
    case decrypt = "DECRYPT"
    case wrapKey = "WRAPKEY"
    case unwrapKey = "UNWRAPKEY"
    case deriveKey = "DERIVEKEY"
    case transform = "TRANSFORM"
    case macGenerate = "MACGENERATE"
    case macVerify = "MACVERIFY"
    case export = "EXPORT"
    case appManageable = "APPMANAGEABLE"
    case highVolume = "HIGHVOLUME"
    case agreeKey = "AGREEKEY"
    case encapsulate = "ENCAPSULATE"
    case decapsulate = "DECAPSULATE"
}

/// `state` of a security object.
package enum ObjectState: String, WireEnum {
    case preActive = "PreActive"
    case active = "Active"
    case deactivated = "Deactivated"
    case compromised = "Compromised"
    case destroyed = "Destroyed"
    case deleted = "Deleted"
}

/// `origin`: where the key material came from.
package enum ObjectOrigin: String, WireEnum {
    case fortanixHSM = "FortanixHSM"
    case external = "External"
    case transient = "Transient"
}
