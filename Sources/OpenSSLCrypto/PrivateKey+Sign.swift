internal import COpenSSL
package import KMSModel

extension PrivateKey {
    /// RSA: as long as the modulus; ECDSA: DER; EdDSA: 64 bytes (Ed25519) or 114 (Ed448).
    ///
    /// - Parameter input: the digest, whose length the caller has checked, or the message itself where
    ///   `algorithm.hash` is nil.
    package func sign(_ input: [UInt8], algorithm: SigningAlgorithm) throws(CryptoError) -> [UInt8] {
        try context.asDefault { () throws(CryptoError) in
            algorithm == .eddsa ? try signMessage(input) : try signDigest(input, algorithm)
        }
    }

    private func signDigest(_ digest: [UInt8], _ algorithm: SigningAlgorithm) throws(CryptoError) -> [UInt8] {
        let operation: OpaquePointer
        if let ready = signing.take(algorithm) { operation = ready } else { operation = try newOperation(algorithm) }
        var length = Int(EVP_PKEY_get_size(pointer))
        var signature = [UInt8](repeating: 0, count: length)
        guard EVP_PKEY_sign(operation, &signature, &length, digest, digest.count) == 1 else {
            EVP_PKEY_CTX_free(operation)
            throw CryptoError("OpenSSL cannot sign")
        }
        signing.give(operation, algorithm)
        signature.removeLast(signature.count - length)
        return signature
    }

    private func newOperation(_ algorithm: SigningAlgorithm) throws(CryptoError) -> OpaquePointer {
        try SignatureParameters.check(algorithm, fits: pointer)
        guard let operation = EVP_PKEY_CTX_new_from_pkey(context.pointer, pointer, nil) else {
            throw CryptoError("out of memory")
        }
        do throws(CryptoError) {
            guard EVP_PKEY_sign_init(operation) == 1 else { throw CryptoError("this key cannot sign") }
            try SignatureParameters.set(algorithm, on: operation, in: context)
        } catch {
            EVP_PKEY_CTX_free(operation)
            throw error
        }
        return operation
    }

    private func signMessage(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
        try SignatureParameters.check(.eddsa, fits: pointer)
        guard let operation = EVP_MD_CTX_new() else { throw CryptoError("out of memory") }
        defer { EVP_MD_CTX_free(operation) }
        var length = Int(EVP_PKEY_get_size(pointer))
        var signature = [UInt8](repeating: 0, count: length)
        guard EVP_DigestSignInit_ex(operation, nil, nil, context.pointer, nil, pointer, nil) == 1,
            EVP_DigestSign(operation, &signature, &length, message, message.count) == 1
        else { throw CryptoError("OpenSSL cannot sign") }
        return Array(signature.prefix(length))
    }
}
