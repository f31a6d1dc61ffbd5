internal import COpenSSL
package import KMSModel
package import KMSSupport

/// One encryption or decryption with a symmetric key, in as many parts as one likes. One thread at a time.
package final class SymmetricCipher {
    package enum Direction: Sendable { case encrypt, decrypt }

    /// What EVP takes in one call is limited by C's `int`.
    private static var longestStep: Int { 1 << 30 }

    private let context: LibraryContext
    private let pointer: OpaquePointer
    private let direction: Direction
    private let mode: CipherMode
    /// In bytes.
    private let blockSize: Int
    /// In bytes; GCM only.
    private let tagLength: Int
    private var isFinished = false
    /// The key wrap modes need their whole input at once.
    private var parts: [Secret] = []

    /// - Parameters:
    ///   - type: `.aes` with a key of 16, 24 or 32 bytes; `.des3` with 24, or 16 for two-key triple DES.
    ///   - mode: `.des3` has only `.ecb`, `.cbc` and `.cbcNoPad`. `.ecb` pads nothing, `.cbc` as PKCS #7 says.
    ///   - iv: as long as a block for `.cbc`, `.cbcNoPad` and `.ctr` (the first counter block); 1 to 128 bytes for
    ///     `.gcm`; empty for the rest.
    ///   - associatedData: GCM only.
    ///   - tagLength: GCM only; 4, 8 or 12 to 16 bytes.
    package init(
        _ direction: Direction, _ type: ObjectType, _ mode: CipherMode, key: Secret, iv: [UInt8],
        associatedData: [UInt8] = [], tagLength: Int = 16, in context: LibraryContext
    ) throws(CryptoError) {
        let name = try CipherName.of(type, mode, keyLength: key.count)
        try SymmetricCipher.check(type, mode, iv: iv, associatedData: associatedData, tagLength: tagLength)
        guard let pointer = EVP_CIPHER_CTX_new() else { throw CryptoError("out of memory") }
        self.context = context
        self.pointer = pointer
        self.direction = direction
        self.mode = mode
        self.tagLength = tagLength
        blockSize = SymmetricCipher.blockSize(of: type)
        let isReady = context.asDefault {
            begin(name, key: CipherName.expanded(key, of: type), iv: iv, associatedData: associatedData)
        }
        guard isReady else { throw CryptoError("OpenSSL cannot begin \(name)") }
    }

    deinit { EVP_CIPHER_CTX_free(pointer) }

    /// The next part; answers what is ready of the output, which the caller wipes when it is secret.
    package func update(_ bytes: UnsafeRawBufferPointer) throws(CryptoError) -> [UInt8] {
        guard !isFinished else { throw CryptoError("the cipher has been finished") }
        guard !isKeyWrap else {
            if !bytes.isEmpty { parts.append(Secret(bytes)) }
            return []
        }
        return try run(bytes)
    }

    /// The rest of the output; nothing may follow but `tag()`.
    ///
    /// - Throws: `CryptoError` also when the input ends inside a block in a mode that does not pad, when the padding
    ///   or the wrapped key's integrity check is wrong, and for a GCM decryption, which needs its tag.
    package func finish() throws(CryptoError) -> [UInt8] {
        guard mode != .gcm || direction == .encrypt else { throw CryptoError("GCM cannot end without its tag") }
        return try end()
    }

    /// The rest of a GCM decryption. The output of `update` may not be used before this has returned.
    ///
    /// - Throws: `CryptoError` when the tag has another length than was announced, or is wrong.
    package func finish(tag: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard mode == .gcm, direction == .decrypt else { throw CryptoError("only a GCM decryption takes a tag") }
        guard tag.count == tagLength else {
            throw CryptoError("the tag has \(tag.count) bytes instead of \(tagLength)")
        }
        guard !isFinished else { throw CryptoError("the cipher has been finished") }
        var tag = tag
        let isSet = context.asDefault {
            EVP_CIPHER_CTX_ctrl(pointer, EVP_CTRL_AEAD_SET_TAG, Int32(clamping: tag.count), &tag) == 1
        }
        guard isSet else { throw CryptoError("OpenSSL refuses the tag") }
        return try end()
    }

    /// The tag of a GCM encryption, after `finish()`.
    package func tag() throws(CryptoError) -> [UInt8] {
        guard mode == .gcm, direction == .encrypt, isFinished else {
            throw CryptoError("there is no tag: only a finished GCM encryption has one")
        }
        var tag = [UInt8](repeating: 0, count: tagLength)
        let isThere = context.asDefault {
            EVP_CIPHER_CTX_ctrl(pointer, EVP_CTRL_AEAD_GET_TAG, Int32(clamping: tagLength), &tag) == 1
        }
        guard isThere else { throw CryptoError("OpenSSL gives no tag") }
        return tag
    }

    private var isKeyWrap: Bool { mode == .kw || mode == .kwp }

    private func begin(_ name: String, key: Secret, iv: [UInt8], associatedData: [UInt8]) -> Bool {
        guard let cipher = EVP_CIPHER_fetch(context.pointer, name, nil) else { return false }
        defer { EVP_CIPHER_free(cipher) }
        let encrypting: Int32 = direction == .encrypt ? 1 : 0
        EVP_CIPHER_CTX_set_flags(pointer, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW)
        // First the cipher, then the IV's length, then key and IV: the length must be known by then.
        guard EVP_CipherInit_ex2(pointer, cipher, nil, nil, encrypting, nil) == 1,
            mode != .gcm
                || EVP_CIPHER_CTX_ctrl(pointer, EVP_CTRL_AEAD_SET_IVLEN, Int32(clamping: iv.count), nil) == 1,
            Int(EVP_CIPHER_CTX_get_key_length(pointer)) == key.count,
            isKeyWrap || Int(EVP_CIPHER_CTX_get_iv_length(pointer)) == iv.count
        else { return false }
        let isKeyed = key.withBytes { key in
            EVP_CipherInit_ex2(pointer, nil, key.bytes, iv.isEmpty ? nil : iv, encrypting, nil) == 1
        }
        guard isKeyed, EVP_CIPHER_CTX_set_padding(pointer, mode == .cbc ? 1 : 0) == 1 else { return false }
        return associatedData.withUnsafeBytes { data in
            SymmetricCipher.steps(data).allSatisfy { step in
                var written: Int32 = 0
                return EVP_CipherUpdate(pointer, nil, &written, step.bytes, Int32(step.count)) == 1
            }
        }
    }

    private func end() throws(CryptoError) -> [UInt8] {
        guard !isFinished else { throw CryptoError("the cipher has been finished") }
        isFinished = true
        if isKeyWrap { return try wrapOrUnwrap() }
        var written: Int32 = 0
        var rest = [UInt8](repeating: 0, count: blockSize)
        let done = context.asDefault { EVP_CipherFinal_ex(pointer, &rest, &written) == 1 }
        guard done, Int(written) <= rest.count else { throw CryptoError(whyNot) }
        let last = Array(rest.prefix(Int(written)))
        rest.withUnsafeMutableBytes { Secret.wipe($0) }
        return last
    }

    private func wrapOrUnwrap() throws(CryptoError) -> [UInt8] {
        let count = parts.reduce(0) { $0 + $1.count }
        // RFC 3394 wraps two or more blocks of 8 bytes; RFC 5649 anything that is not empty.
        let isPossible =
            switch (mode, direction) {
            case (.kw, .encrypt): count >= 16 && count.isMultiple(of: 8)
            case (.kw, .decrypt): count >= 24 && count.isMultiple(of: 8)
            case (_, .encrypt): count >= 1
            case (_, .decrypt): count >= 16 && count.isMultiple(of: 8)
            }
        guard isPossible, count <= SymmetricCipher.longestStep else {
            throw CryptoError("key wrap cannot take an input of \(count) bytes")
        }
        var input: [UInt8] = []
        input.reserveCapacity(count)
        for part in parts { part.withBytes { input.append(contentsOf: $0) } }
        parts = []
        defer { input.withUnsafeMutableBytes { Secret.wipe($0) } }
        return try input.withBytes { bytes throws(CryptoError) in try run(bytes) }
    }

    /// One pass of EVP_CipherUpdate over all of `bytes`.
    private func run(_ bytes: UnsafeRawBufferPointer) throws(CryptoError) -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        var done = true
        let output = context.asDefault {
            // Exactly the output's bytes are counted as initialised, so nothing secret is copied and left behind.
            [UInt8](unsafeUninitializedCapacity: bytes.count + 2 * blockSize) { buffer, count in
                for step in SymmetricCipher.steps(bytes) where done {
                    var written: Int32 = 0
                    done =
                        EVP_CipherUpdate(
                            pointer, buffer.baseAddress.map { $0 + count }, &written, step.bytes, Int32(step.count))
                        == 1
                    if done { count += Int(written) }
                }
            }
        }
        guard done else {
            isFinished = true
            throw CryptoError(whyNot)
        }
        return output
    }

    /// One text for each direction: a decryption does not tell what was wrong.
    private var whyNot: String {
        switch direction {
        case .encrypt: "the input cannot be encrypted: its length does not fit \(mode.rawValue)"
        case .decrypt: "the input does not decrypt"
        }
    }

    private static func steps(_ bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
        stride(from: 0, to: bytes.count, by: longestStep).map { start in
            UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + longestStep, bytes.count)])
        }
    }
}
