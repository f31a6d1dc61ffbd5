internal import COpenSSL
package import KMSModel
package import KMSSupport

extension PublicKey {
    /// - Parameters:
    ///   - plaintext: PKCS #1 v1.5: at most the modulus less 11 bytes; OAEP: at most the modulus less two digests and
    ///     2 bytes; raw: as long as the modulus and numerically smaller.
    ///   - label: OAEP only.
    /// - Returns: as long as the modulus.
    package func encrypt(
        _ plaintext: Secret, padding: RSAPadding, label: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        let setting = try RSAEncryption(padding, label: label, key: pointer, in: context)
        let size = Int(EVP_PKEY_get_size(pointer))
        guard padding != .raw || plaintext.count == size else {
            throw CryptoError("raw RSA takes \(size) bytes, not \(plaintext.count)")
        }
        var ciphertext = [UInt8](repeating: 0, count: size)
        var count = size
        let done = context.asDefault {
            plaintext.withBytes { plain in
                setting.run(pointer) { operation in
                    EVP_PKEY_encrypt_init(operation) == 1 && setting.apply(to: operation)
                        && EVP_PKEY_encrypt(operation, &ciphertext, &count, plain.bytes, plain.count) == 1
                }
            }
        }
        guard done, count == size else {
            throw CryptoError("the plaintext of \(plaintext.count) bytes does not fit this RSA key and padding")
        }
        return ciphertext
    }
}

extension PrivateKey {
    /// - Parameters:
    ///   - ciphertext: as long as the modulus.
    ///   - label: OAEP only.
    /// - Throws: `CryptoError`, the same whatever was wrong with the padding.
    package func decrypt(
        _ ciphertext: [UInt8], padding: RSAPadding, label: [UInt8] = []
    ) throws(CryptoError) -> Secret {
        let setting = try RSAEncryption(padding, label: label, key: pointer, in: context)
        let size = Int(EVP_PKEY_get_size(pointer))
        guard ciphertext.count == size else {
            throw CryptoError("the ciphertext has \(ciphertext.count) bytes instead of \(size)")
        }
        var plaintext = [UInt8](repeating: 0, count: size)
        defer { plaintext.withUnsafeMutableBytes { Secret.wipe($0) } }
        var count = size
        let done = context.asDefault {
            setting.run(pointer) { operation in
                EVP_PKEY_decrypt_init(operation) == 1 && setting.apply(to: operation)
                    && EVP_PKEY_decrypt(operation, &plaintext, &count, ciphertext, ciphertext.count) == 1
            }
        }
        guard done, (0...size).contains(count) else { throw CryptoError("the ciphertext does not decrypt") }
        return plaintext.withUnsafeBytes { Secret(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
    }
}

/// What encrypting and decrypting with RSA have in common.
///
/// Each parameter is set by a function of its own: a default engine would ignore a list of them (`ProviderName`).
private struct RSAEncryption {
    private let context: LibraryContext
    private let padding: Int32
    private let hash: OpaquePointer?
    private let mgf: OpaquePointer?
    private let label: [UInt8]

    init(
        _ padding: RSAPadding, label: [UInt8], key: OpaquePointer, in context: LibraryContext
    ) throws(CryptoError) {
        guard EVP_PKEY_is_a(key, "RSA") == 1 else { throw CryptoError("only RSA keys encrypt") }
        self.context = context
        self.label = label
        switch padding {
        case .pkcs1V15: (self.padding, hash, mgf) = (RSA_PKCS1_PADDING, nil, nil)
        case .raw: (self.padding, hash, mgf) = (RSA_NO_PADDING, nil, nil)
        case .oaep(let hash, let mgf):
            guard let digest = context.digest(hash), let mask = context.digest(mgf) else {
                throw CryptoError("OAEP cannot use \(hash.rawValue) with MGF1 \(mgf.rawValue)")
            }
            (self.padding, self.hash, self.mgf) = (RSA_PKCS1_OAEP_PADDING, digest, mask)
            return
        }
        guard label.isEmpty else { throw CryptoError("only OAEP has a label") }
    }

    func run(_ key: OpaquePointer, _ body: (OpaquePointer) -> Bool) -> Bool {
        guard let operation = EVP_PKEY_CTX_new_from_pkey(context.pointer, key, nil) else { return false }
        defer { EVP_PKEY_CTX_free(operation) }
        return body(operation)
    }

    func apply(to operation: OpaquePointer) -> Bool {
        guard EVP_PKEY_CTX_set_rsa_padding(operation, padding) == 1 else { return false }
        guard let hash, let mgf else { return true }
        return EVP_PKEY_CTX_set_rsa_oaep_md(operation, hash) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(operation, mgf) == 1
            && setLabel(on: operation)
    }

    private func setLabel(on operation: OpaquePointer) -> Bool {
        guard !label.isEmpty else { return true }
        guard let length = Int32(exactly: label.count), let copy = CRYPTO_memdup(label, label.count, #file, #line)
        else { return false }
        // The operation owns the copy only when it takes it.
        guard EVP_PKEY_CTX_set0_rsa_oaep_label(operation, copy, length) == 1 else {
            CRYPTO_free(copy, #file, #line)
            return false
        }
        return true
    }
}
