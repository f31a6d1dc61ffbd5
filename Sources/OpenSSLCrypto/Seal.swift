internal import COpenSSL
package import KMSSupport

/// AES-256-GCM with a fresh random nonce, for what must not be read or swapped at rest.
///
/// A sealed box is a format byte, the nonce (12 bytes), the ciphertext and the tag (16 bytes). The associated data
/// names what is sealed, so that a box copied to another row does not open there.
package final class Seal: @unchecked Sendable {
    // @unchecked: the fetched cipher and the key never change.
    private static var format: UInt8 { 1 }
    private static var nonceLength: Int { 12 }
    private static var tagLength: Int { 16 }

    private let context: LibraryContext
    private let cipher: OpaquePointer
    private let key: Secret

    /// - Parameter key: 32 bytes.
    package init(key: Secret, in context: LibraryContext) throws(CryptoError) {
        guard key.count == 32 else { throw CryptoError("a sealing key has 32 bytes") }
        guard let cipher = EVP_CIPHER_fetch(context.pointer, "AES-256-GCM", nil) else {
            throw CryptoError("OpenSSL has no AES-256-GCM")
        }
        self.context = context
        self.cipher = cipher
        self.key = key
    }

    deinit { EVP_CIPHER_free(cipher) }

    package func seal(_ plaintext: Secret, for name: String) throws(CryptoError) -> [UInt8] {
        let nonce = try Random.bytes(Seal.nonceLength, in: context)
        let associated = Array(name.utf8)
        let start = 1 + nonce.count
        var box = [Seal.format] + nonce + [UInt8](repeating: 0, count: plaintext.count + Seal.tagLength)
        let done = box.withUnsafeMutableBytes { box in
            run(encrypting: true, nonce: nonce, associated: associated) { context in
                var written: Int32 = 0
                guard let base = box.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return false }
                return plaintext.withBytes { plain in
                    EVP_EncryptUpdate(context, base + start, &written, plain.bytes, Int32(clamping: plain.count)) == 1
                        && Int(written) == plain.count
                        && EVP_EncryptFinal_ex(context, base + start + plain.count, &written) == 1
                        && EVP_CIPHER_CTX_ctrl(
                            context, EVP_CTRL_AEAD_GET_TAG, Int32(Seal.tagLength), base + start + plain.count) == 1
                }
            }
        }
        guard done else { throw CryptoError("sealing failed") }
        return box
    }

    /// - Throws: `CryptoError` when the key, the name or a byte of the box differs from what was sealed.
    package func open(_ box: [UInt8], for name: String) throws(CryptoError) -> Secret {
        let start = 1 + Seal.nonceLength
        guard box.count >= start + Seal.tagLength, box.first == Seal.format else {
            throw CryptoError("not a sealed box")
        }
        let nonce = Array(box[1..<start])
        let ciphertext = Array(box[start..<(box.count - Seal.tagLength)])
        var tag = Array(box.suffix(Seal.tagLength))
        var plaintext = [UInt8](repeating: 0, count: ciphertext.count)
        let done = run(encrypting: false, nonce: nonce, associated: Array(name.utf8)) { context in
            var written: Int32 = 0
            guard EVP_DecryptUpdate(context, &plaintext, &written, ciphertext, Int32(clamping: ciphertext.count)) == 1,
                Int(written) == ciphertext.count,
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1
            else { return false }
            var nothing: UInt8 = 0
            return EVP_DecryptFinal_ex(context, &nothing, &written) == 1
        }
        let secret = Secret(copying: &plaintext)
        guard done else { throw CryptoError("a sealed box does not open") }
        return secret
    }

    private func run(
        encrypting: Bool, nonce: [UInt8], associated: [UInt8], _ body: (OpaquePointer) -> Bool
    ) -> Bool {
        context.asDefault {
            guard let operation = EVP_CIPHER_CTX_new() else { return false }
            defer { EVP_CIPHER_CTX_free(operation) }
            var written: Int32 = 0
            let ready = key.withBytes { key in
                EVP_CipherInit_ex2(operation, cipher, key.bytes, nonce, encrypting ? 1 : 0, nil) == 1
            }
            return ready
                && EVP_CipherUpdate(operation, nil, &written, associated, Int32(clamping: associated.count)) == 1
                && body(operation)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes as C functions want them; nil when there are none.
    var bytes: UnsafePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}
