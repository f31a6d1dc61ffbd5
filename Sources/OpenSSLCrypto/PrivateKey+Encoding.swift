internal import COpenSSL
package import KMSSupport

extension PrivateKey {
    /// PKCS#1 RSAPrivateKey, RFC 5915 ECPrivateKey with parameters and public key, or RFC 8410 PKCS#8 for Edwards and
    /// Montgomery curves: what an export answers.
    ///
    /// - Throws: `CryptoError` also for an RSA key that came without its primes: PKCS#1 cannot say that.
    package func der() throws(CryptoError) -> Secret { try encode { i2d_PrivateKey($0, $1) } }

    /// PKCS#8 PrivateKeyInfo (RFC 5208), not encrypted.
    package func pkcs8() throws(CryptoError) -> Secret {
        try encode { key, output in
            guard let info = EVP_PKEY2PKCS8(key) else { return 0 }
            defer { PKCS8_PRIV_KEY_INFO_free(info) }
            return i2d_PKCS8_PRIV_KEY_INFO(info, output)
        }
    }

    /// DER SubjectPublicKeyInfo of the public half.
    package func subjectPublicKeyInfo() throws(CryptoError) -> [UInt8] {
        try context.asDefault { () throws(CryptoError) in try KeyEncoding.encode(pointer) { i2d_PUBKEY($0, $1) } }
    }

    private func encode(_ i2d: KeyEncoding.Encoder) throws(CryptoError) -> Secret {
        guard hasPrimes else {
            throw CryptoError("the RSA key has no primes, which PKCS#1 and PKCS#8 need: give them when it is imported")
        }
        var bytes = try context.asDefault { () throws(CryptoError) in try KeyEncoding.encode(pointer, i2d) }
        return Secret(copying: &bytes)
    }
}
