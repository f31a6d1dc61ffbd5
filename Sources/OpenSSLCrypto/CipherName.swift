internal import KMSModel
internal import KMSSupport

/// OpenSSL's names of the symmetric ciphers.
enum CipherName {
    /// - Parameter keyLength: in bytes.
    static func of(_ type: ObjectType, _ mode: CipherMode, keyLength: Int) throws(CryptoError) -> String {
        guard type == .aes || type == .des3 else {
            throw CryptoError("a key of type \(type.rawValue) does not encrypt; AES and DES3 keys do")
        }
        guard SymmetricCipher.isKeyLength(keyLength, of: type) else {
            throw CryptoError("an \(type.rawValue) key cannot have \(keyLength) bytes")
        }
        let family = type == .aes ? "AES-\(keyLength * 8)" : "DES-EDE3"
        switch mode {
        case .ecb: return "\(family)-ECB"
        case .cbc, .cbcNoPad: return "\(family)-CBC"
        case .ctr where type == .aes: return "\(family)-CTR"
        case .gcm where type == .aes: return "\(family)-GCM"
        case .kw where type == .aes: return "\(family)-WRAP"
        case .kwp where type == .aes: return "\(family)-WRAP-PAD"
        case .ctr, .gcm, .kw, .kwp: throw CryptoError("\(type.rawValue) has no mode \(mode.rawValue)")
        }
    }

    /// Two-key triple DES is K1 ‖ K2 ‖ K1 (NIST SP 800-67, keying option 2). Every other key is itself.
    static func expanded(_ key: Secret, of type: ObjectType) -> Secret {
        guard type == .des3, key.count == 16 else { return key }
        return key.withBytes { bytes in
            var expanded: [UInt8] = []
            expanded.reserveCapacity(24)
            expanded.append(contentsOf: bytes)
            expanded.append(contentsOf: bytes.prefix(8))
            return Secret(copying: &expanded)
        }
    }
}
