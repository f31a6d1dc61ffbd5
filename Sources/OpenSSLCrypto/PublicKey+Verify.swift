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
        try SignatureParameters.check(algorithm, fits: pointer)
        return try context.asDefault { () throws(CryptoError) in
            if algorithm == .eddsa { return try verifyMessage(input, signature: signature) }
            return try verifyDigest(input, signature: signature) { operation throws(CryptoError) in
                try SignatureParameters.set(algorithm, on: operation, in: context)
            }
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
        let algorithm = SigningAlgorithm.rsaPSS(hash, mgf: mgf)
        try SignatureParameters.check(algorithm, fits: pointer)
        return try context.asDefault { () throws(CryptoError) in
            try verifyDigest(input, signature: signature) { operation throws(CryptoError) in
                try SignatureParameters.set(algorithm, on: operation, in: context)
                guard EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, salt) == 1 else {
                    throw CryptoError("OpenSSL refuses a PSS salt of \(saltLength) bytes")
                }
            }
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

    private func verifyDigest(
        _ digest: [UInt8], signature: [UInt8], _ prepare: (OpaquePointer) throws(CryptoError) -> Void
    ) throws(CryptoError) -> Bool {
        guard let operation = EVP_PKEY_CTX_new_from_pkey(context.pointer, pointer, nil) else {
            throw CryptoError("out of memory")
        }
        defer { EVP_PKEY_CTX_free(operation) }
        guard EVP_PKEY_verify_init(operation) == 1 else { throw CryptoError("this key cannot verify") }
        try prepare(operation)
        return EVP_PKEY_verify(operation, signature, signature.count, digest, digest.count) == 1
    }

    private func verifyMessage(_ message: [UInt8], signature: [UInt8]) throws(CryptoError) -> Bool {
        guard let operation = EVP_MD_CTX_new() else { throw CryptoError("out of memory") }
        defer { EVP_MD_CTX_free(operation) }
        guard EVP_DigestVerifyInit_ex(operation, nil, nil, context.pointer, nil, pointer, nil) == 1 else {
            throw CryptoError("this key cannot verify")
        }
        return EVP_DigestVerify(operation, signature, signature.count, message, message.count) == 1
    }
}
