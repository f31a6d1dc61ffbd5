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
        let parameters = try RSAEncryption.parameters(padding, label: label, key: pointer)
        let size = Int(EVP_PKEY_get_size(pointer))
        guard padding != .raw || plaintext.count == size else {
            throw CryptoError("raw RSA takes \(size) bytes, not \(plaintext.count)")
        }
        var ciphertext = [UInt8](repeating: 0, count: size)
        var count = size
        let done = context.asDefault {
            plaintext.withBytes { plain in
                RSAEncryption.run(pointer, in: context) { operation in
                    parameters.withPointer { EVP_PKEY_encrypt_init_ex(operation, $0) } == 1
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
        let parameters = try RSAEncryption.parameters(padding, label: label, key: pointer)
        let size = Int(EVP_PKEY_get_size(pointer))
        guard ciphertext.count == size else {
            throw CryptoError("the ciphertext has \(ciphertext.count) bytes instead of \(size)")
        }
        var plaintext = [UInt8](repeating: 0, count: size)
        defer { plaintext.withUnsafeMutableBytes { Secret.wipe($0) } }
        var count = size
        let done = context.asDefault {
            RSAEncryption.run(pointer, in: context) { operation in
                parameters.withPointer { EVP_PKEY_decrypt_init_ex(operation, $0) } == 1
                    && EVP_PKEY_decrypt(operation, &plaintext, &count, ciphertext, ciphertext.count) == 1
            }
        }
        guard done, (0...size).contains(count) else { throw CryptoError("the ciphertext does not decrypt") }
        return plaintext.withUnsafeBytes { Secret(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
    }
}

/// What encrypting and decrypting with RSA have in common.
private enum RSAEncryption {
    static func parameters(
        _ padding: RSAPadding, label: [UInt8], key: OpaquePointer
    ) throws(CryptoError) -> Parameters {
        guard EVP_PKEY_is_a(key, "RSA") == 1 else { throw CryptoError("only RSA keys encrypt") }
        let parameters = Parameters()
        switch padding {
        case .pkcs1V15: parameters.add(OSSL_PKEY_PARAM_PAD_MODE, text: OSSL_PKEY_RSA_PAD_MODE_PKCSV15)
        case .raw: parameters.add(OSSL_PKEY_PARAM_PAD_MODE, text: OSSL_PKEY_RSA_PAD_MODE_NONE)
        case .oaep(let hash, let mgf):
            guard let hash = hash.openSSLName, let mgf = mgf.openSSLName else {
                throw CryptoError("OAEP cannot use \(hash.rawValue) with MGF1 \(mgf.rawValue)")
            }
            parameters.add(OSSL_PKEY_PARAM_PAD_MODE, text: OSSL_PKEY_RSA_PAD_MODE_OAEP)
                .add(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, text: hash)
                .add(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, text: mgf)
            if !label.isEmpty { parameters.add(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, bytes: label) }
            return parameters
        }
        guard label.isEmpty else { throw CryptoError("only OAEP has a label") }
        return parameters
    }

    static func run(_ key: OpaquePointer, in context: LibraryContext, _ body: (OpaquePointer) -> Bool) -> Bool {
        guard let operation = EVP_PKEY_CTX_new_from_pkey(context.pointer, key, nil) else { return false }
        defer { EVP_PKEY_CTX_free(operation) }
        return body(operation)
    }
}
