package import KMSModel
package import KMSSupport

extension SymmetricCipher {
    /// Encrypts all at once; see `init` for the sizes.
    ///
    /// - Returns: `tag` is empty in modes without one.
    package static func encrypt(
        _ plaintext: Secret, _ type: ObjectType, _ mode: CipherMode, key: Secret, iv: [UInt8],
        associatedData: [UInt8] = [], tagLength: Int = 16, in context: LibraryContext
    ) throws(CryptoError) -> (ciphertext: [UInt8], tag: [UInt8]) {
        let cipher = try SymmetricCipher(
            .encrypt, type, mode, key: key, iv: iv, associatedData: associatedData, tagLength: tagLength, in: context)
        var ciphertext = try plaintext.withBytes { bytes throws(CryptoError) in try cipher.update(bytes) }
        ciphertext += try cipher.finish()
        return (ciphertext, mode == .gcm ? try cipher.tag() : [])
    }

    /// Decrypts all at once; see `init` for the sizes.
    ///
    /// - Parameter tag: GCM only; its length is what the caller expects of a tag, not what the sender chose.
    package static func decrypt(
        _ ciphertext: [UInt8], _ type: ObjectType, _ mode: CipherMode, key: Secret, iv: [UInt8],
        associatedData: [UInt8] = [], tag: [UInt8] = [], in context: LibraryContext
    ) throws(CryptoError) -> Secret {
        guard mode == .gcm || tag.isEmpty else { throw CryptoError("\(mode.rawValue) has no tag") }
        let cipher = try SymmetricCipher(
            .decrypt, type, mode, key: key, iv: iv, associatedData: associatedData,
            tagLength: mode == .gcm ? tag.count : 16, in: context)
        var first = try ciphertext.withBytes { bytes throws(CryptoError) in try cipher.update(bytes) }
        defer { first.withUnsafeMutableBytes { Secret.wipe($0) } }
        var last = mode == .gcm ? try cipher.finish(tag: tag) : try cipher.finish()
        defer { last.withUnsafeMutableBytes { Secret.wipe($0) } }
        var plaintext = first + last
        return Secret(copying: &plaintext)
    }
}
