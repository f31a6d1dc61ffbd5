package import KMSSupport
package import OpenSSLCrypto

/// The secret that everything at rest hangs on: 32 random bytes, as 64 hexadecimal digits.
///
/// It is never used itself; each purpose has a key derived from it.
package struct MasterKey: Sendable {
    private let secret: Secret

    package static func generate(in context: LibraryContext) throws(CryptoError) -> MasterKey {
        var bytes = try Random.bytes(32, in: context)
        return MasterKey(secret: Secret(copying: &bytes))
    }

    private init(secret: Secret) { self.secret = secret }

    /// - Parameter text: content of a master key file or variable; nil when it is damaged.
    package init?(text: some Collection<UInt8>) {
        var digits = Array(text)
        defer { digits.withUnsafeMutableBytes { Secret.wipe($0) } }
        while let last = digits.last, last == 0x0A || last == 0x0D || last == 0x20 { digits.removeLast() }
        guard digits.count == 64, var bytes = Hex.decode(digits) else { return nil }
        secret = Secret(copying: &bytes)
    }

    /// Content of the master key file.
    package var text: Secret { secret.withBytes { Secret(Hex.encode($0) + [0x0A]) } }

    package func sealingKey(in context: LibraryContext) throws(CryptoError) -> Secret {
        try KeyDerivation.hkdf(secret, info: "kms-pkcs11 kmsd seal 1", in: context)
    }

    /// Of a data directory that a kmsd without `audit_head` made; newer ones have a random key, sealed (`StoreKeys`).
    package func transientKey(in context: LibraryContext) throws(CryptoError) -> Secret {
        try KeyDerivation.hkdf(secret, info: "kms-pkcs11 kmsd transient 1", in: context)
    }

    /// See `transientKey`.
    package func auditKey(in context: LibraryContext) throws(CryptoError) -> Secret {
        try KeyDerivation.hkdf(secret, info: "kms-pkcs11 kmsd audit 1", in: context)
    }

    /// Tells one master key from another and nothing else about it: 16 hexadecimal digits.
    package func id(in context: LibraryContext) throws(CryptoError) -> String {
        let key = try KeyDerivation.hkdf(secret, info: "kms-pkcs11 kmsd id 1", in: context)
        return key.withBytes { Hex.text($0.prefix(8)) }
    }
}
