internal import FoundationEssentials
package import KMSModel
package import KMSSupport
package import OpenSSLCrypto

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
    /// Key check value of an AES or DES3 key, 6 hexadecimal digits.
    package var kcv: String?

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

    package init(_ key: PrivateKey) throws(CryptoError) {
        self.init(type: key.kind.objectType, kind: key.kind)
        publicKey = try key.subjectPublicKeyInfo()
        secret = try key.der()
    }

    package init(_ key: PublicKey) throws(CryptoError) {
        let kind = try key.kind()
        self.init(type: kind.objectType, kind: kind)
        publicKey = try key.subjectPublicKeyInfo()
    }

    init(_ certificate: Certificate) {
        self.init(type: .certificate)
        publicKey = certificate.subjectPublicKeyInfo
        publicValue = certificate.der
    }

    /// Raw bytes: a symmetric key, SECRET or OPAQUE.
    ///
    /// - Throws: `KMSError` 400 for a length that the type does not have.
    package init(raw: Secret, type: ObjectType, in context: LibraryContext) throws {
        self.init(type: type)
        bits = try KeySizes.bits(type, bytes: raw.count)
        secret = raw
        kcv = try KeyMaterial.checkValue(raw, type, in: context)
    }

    /// Only for ciphers, as the API has it. Everybody who sees the object sees this: for a SECRET it would be a digest
    /// of what may be a password.
    private static func checkValue(
        _ raw: Secret, _ type: ObjectType, in context: LibraryContext
    ) throws(CryptoError) -> String? {
        guard type == .aes || type == .des3, let value = try KeyCheckValue.of(raw, type: type, in: context) else {
            return nil
        }
        return Hex.text(value)
    }
}
