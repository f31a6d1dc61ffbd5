internal import FoundationEssentials
package import KMSModel
package import KMSSupport
internal import OpenSSLCrypto

/// The value of a new security object, checked and in the form in which it is kept.
package struct KeyMaterial: Sendable {
    package var type: ObjectType
    /// In bits; nil for certificates.
    package var bits: Int?
    package var curve: EllipticCurve?
    package var exponent: Int?
    /// DER SubjectPublicKeyInfo.
    package var publicKey: [UInt8]?
    /// What must be sealed; nil for public material.
    package var secret: Secret?
    /// A certificate's DER, which everybody may see.
    package var publicValue: [UInt8]?

    package var isPublicOnly: Bool { secret == nil }

    private init(type: ObjectType) { self.type = type }

    private init(type: ObjectType, kind: KeyKind) {
        self.type = type
        bits = kind.bits
        switch kind {
        case .rsa(_, let exponent): self.exponent = exponent
        case .ec(let curve): self.curve = curve
        }
    }

    init(_ key: PrivateKey) throws(CryptoError) {
        self.init(type: key.kind.objectType, kind: key.kind)
        publicKey = try key.subjectPublicKeyInfo()
        secret = try key.der()
    }

    init(_ key: PublicKey) throws(CryptoError) {
        let kind = try key.kind()
        self.init(type: kind.objectType, kind: kind)
        publicKey = try key.subjectPublicKeyInfo()
    }

    init(_ certificate: Certificate) {
        self.init(type: .certificate)
        publicKey = certificate.subjectPublicKeyInfo
        publicValue = certificate.der
    }

    init(raw: Secret, type: ObjectType) {
        self.init(type: type)
        bits = raw.count * 8
        secret = raw
    }
}
