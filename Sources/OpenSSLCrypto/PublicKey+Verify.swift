internal import COpenSSL
package import KMSModel

extension PublicKey {
    /// Whether `signature` over `input` verifies. ECDSA signatures are DER.
    ///
    /// - Parameter input: the digest, or the message itself where `algorithm.hash` is nil.
    /// - Throws: `CryptoError` when the algorithm does not fit the key; never for a wrong signature.
    package func verify(
        _ input: [UInt8], signature: [UInt8], algorithm: SigningAlgorithm
    ) throws(CryptoError) -> Bool {
        try context.asDefault { () throws(CryptoError) in
            if algorithm == .eddsa { return try verifyMessage(input, signature: signature) }
            let operation: OpaquePointer
            if let ready = verifying.take(algorithm) {
                operation = ready
            } else {
                operation = try newOperation(algorithm)
            }
            let isValid = EVP_PKEY_verify(operation, signature, signature.count, input, input.count) == 1
            if isValid { verifying.give(operation, algorithm) } else { EVP_PKEY_CTX_free(operation) }
            return isValid
        }
    }

    /// Whether an RSA-PSS signature with any salt verifies.
    ///
    /// - Parameters:
    ///   - input: the digest made with `hash`.
    ///   - mgf: MGF1's hash.
    ///   - saltLength: in bytes.
    package func verify(
        _ input: [UInt8], signature: [UInt8], pss hash: HashAlgorithm, mgf: HashAlgorithm, saltLength: Int
    ) throws(CryptoError) -> Bool {
        // OpenSSL gives negative lengths a meaning of their own.
        guard let salt = Int32(exactly: saltLength), salt >= 0 else {
            throw CryptoError("a PSS salt cannot have \(saltLength) bytes")
        }
        return try context.asDefault { () throws(CryptoError) in
            let operation = try newOperation(.rsaPSS(hash, mgf: mgf))
            defer { EVP_PKEY_CTX_free(operation) }
            guard EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, salt) == 1 else {
                throw CryptoError("OpenSSL refuses a PSS salt of \(saltLength) bytes")
            }
            return EVP_PKEY_verify(operation, signature, signature.count, input, input.count) == 1
        }
    }

    /// What an RSA signature signs (C_VerifyRecover).
    ///
    /// - Parameters:
    ///   - signature: as long as the modulus.
    ///   - padding: `.pkcs1V15`: what is behind the padding, for instance a DigestInfo. `.raw`: as long as the modulus.
    /// - Returns: nil when the signature does not verify.
    package func recover(_ signature: [UInt8], padding: RSAPadding) throws(CryptoError) -> [UInt8]? {
        if case .oaep = padding { throw CryptoError("OAEP is no signature padding") }
        guard EVP_PKEY_is_a(pointer, "RSA") == 1 else { throw CryptoError("only RSA signatures can be recovered from") }
        return try context.asDefault { () throws(CryptoError) in
            guard let operation = EVP_PKEY_CTX_new_from_pkey(context.pointer, pointer, nil) else {
                throw CryptoError("out of memory")
            }
            defer { EVP_PKEY_CTX_free(operation) }
            guard EVP_PKEY_verify_recover_init(operation) == 1,
                EVP_PKEY_CTX_set_rsa_padding(
                    operation, padding == .raw ? RSA_NO_PADDING : RSA_PKCS1_PADDING) == 1
            else { throw CryptoError("this key cannot verify") }
            var content = [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(pointer)))
            var count = content.count
            guard signature.count == content.count,
                EVP_PKEY_verify_recover(operation, &content, &count, signature, signature.count) == 1
            else { return nil }
            return Array(content.prefix(count))
        }
    }

    /// One that the caller frees.
    private func newOperation(_ algorithm: SigningAlgorithm) throws(CryptoError) -> OpaquePointer {
        try SignatureParameters.check(algorithm, fits: pointer)
        guard let operation = EVP_PKEY_CTX_new_from_pkey(context.pointer, pointer, nil) else {
            throw CryptoError("out of memory")
        }
        do throws(CryptoError) {
            guard EVP_PKEY_verify_init(operation) == 1 else { throw CryptoError("this key cannot verify") }
            try SignatureParameters.set(algorithm, on: operation, in: context)
        } catch {
            EVP_PKEY_CTX_free(operation)
            throw error
        }
        return operation
    }

    private func verifyMessage(_ message: [UInt8], signature: [UInt8]) throws(CryptoError) -> Bool {
        try SignatureParameters.check(.eddsa, fits: pointer)
        guard let operation = EVP_MD_CTX_new() else { throw CryptoError("out of memory") }
        defer { EVP_MD_CTX_free(operation) }
        guard EVP_DigestVerifyInit_ex(operation, nil, nil, context.pointer, nil, pointer, nil) == 1 else {
            throw CryptoError("this key cannot verify")
        }
        return EVP_DigestVerify(operation, signature, signature.count, message, message.count) == 1
    }
}
