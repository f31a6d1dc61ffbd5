internal import COpenSSL
package import KMSModel

extension PrivateKey {
    /// A new RSA key. Takes up to seconds for 4096 bits.
    ///
    /// - Parameters:
    ///   - bits: size of the modulus.
    ///   - exponent: odd and at least 3.
    package static func generateRSA(
        bits: Int, exponent: Int, in context: LibraryContext
    ) throws(CryptoError) -> PrivateKey {
        try generate("RSA", in: context) { operation in
            guard let number = BN_new() else { return false }
            defer { BN_free(number) }
            return EVP_PKEY_CTX_set_rsa_keygen_bits(operation, Int32(clamping: bits)) == 1
                && BN_set_word(number, UInt(clamping: exponent)) == 1
                && EVP_PKEY_CTX_set1_rsa_keygen_pubexp(operation, number) == 1
        }
    }

    /// A new key on any of the curves, Edwards and Montgomery ones included.
    package static func generateEC(_ curve: EllipticCurve, in context: LibraryContext) throws(CryptoError) -> PrivateKey
    {
        try generate(curve.algorithmName, in: context) { operation in
            curve.openSSLName.map { EVP_PKEY_CTX_set_group_name(operation, $0) == 1 } ?? true
        }
    }

    private static func generate(
        _ algorithm: String, in context: LibraryContext, _ prepare: (OpaquePointer) -> Bool
    ) throws(CryptoError) -> PrivateKey {
        let key = context.asDefault { () -> OpaquePointer? in
            guard let operation = EVP_PKEY_CTX_new_from_name(context.pointer, algorithm, nil) else { return nil }
            defer { EVP_PKEY_CTX_free(operation) }
            var key: OpaquePointer?
            guard EVP_PKEY_keygen_init(operation) == 1, prepare(operation), EVP_PKEY_generate(operation, &key) == 1
            else { return nil }
            return key
        }
        guard let key else { throw CryptoError("OpenSSL cannot generate this \(algorithm) key") }
        return try PrivateKey(takingOwnership: key, in: context)
    }
}
