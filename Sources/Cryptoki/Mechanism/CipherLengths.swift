internal import KMSBackend
internal import KMSModel
internal import OpenSSLCrypto

/// What a symmetric mode says of the lengths of plaintext and ciphertext, in bytes. The tag counts as ciphertext, as in
/// PKCS#11.
struct CipherLengths {
    let mode: CipherMode
    /// Of the cipher; of no matter to the modes that make a stream.
    let block: Int
    /// 0 without a tag.
    let tag: Int

    /// nil for RSA.
    init?(_ cipher: Cipher) {
        guard case .symmetric(let type, let mode, _, _, let tagLength) = cipher else { return nil }
        self.mode = mode
        block = SymmetricCipher.blockSize(of: type)
        tag = tagLength
    }

    func ciphertext(of plaintext: Int) -> Int {
        switch mode {
        case .ecb, .cbcNoPad, .ctr: plaintext
        case .cbc: (plaintext / block + 1) * block
        case .gcm: plaintext + tag
        case .kw: plaintext + 8
        case .kwp: (plaintext + 7) / 8 * 8 + 8
        }
    }

    /// The most that a ciphertext may hold: padding is told only by decrypting.
    func longestPlaintext(in ciphertext: Int) -> Int {
        switch mode {
        case .ecb, .cbc, .cbcNoPad, .ctr: ciphertext
        case .gcm: max(0, ciphertext - tag)
        case .kw, .kwp: max(0, ciphertext - 8)
        }
    }

    func accepts(plaintext count: Int) -> Bool {
        switch mode {
        case .ecb, .cbcNoPad: count.isMultiple(of: block)
        case .cbc, .ctr, .gcm: true
        case .kw: count.isMultiple(of: 8) && count >= 16
        case .kwp: count >= 1
        }
    }

    func accepts(ciphertext count: Int) -> Bool {
        switch mode {
        case .ecb, .cbcNoPad: count.isMultiple(of: block)
        case .cbc: count.isMultiple(of: block) && count > 0
        case .ctr: true
        case .gcm: count >= tag
        case .kw: count.isMultiple(of: 8) && count >= 24
        case .kwp: count.isMultiple(of: 8) && count >= 16
        }
    }
}
