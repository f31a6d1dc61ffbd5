package import KMSModel
package import KMSSupport

/// CKA_CHECK_VALUE of secret keys: three bytes that tell two keys apart without giving one away.
package enum KeyCheckValue {
    /// - Returns: for AES and DES3 the beginning of a block of zeros, encrypted; for HMAC and SECRET of the SHA-1 of
    ///   the value; nil for other types.
    package static func of(_ key: Secret, type: ObjectType, in context: LibraryContext) throws(CryptoError) -> [UInt8]?
    {
        switch type {
        case .aes, .des3:
            let zeros = Secret([UInt8](repeating: 0, count: SymmetricCipher.blockSize(of: type)))
            let block = try SymmetricCipher.encrypt(zeros, type, .ecb, key: key, iv: [], in: context).ciphertext
            return Array(block.prefix(3))
        case .hmac, .secret:
            let digest = try Digest(.sha1, in: context)
            try key.withBytes { bytes throws(CryptoError) in try digest.update(bytes) }
            return Array(try digest.finish().prefix(3))
        default:
            return nil
        }
    }
}
