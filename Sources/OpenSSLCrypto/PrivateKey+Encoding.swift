internal import COpenSSL
package import KMSSupport

extension PrivateKey {
    /// PKCS#1 RSAPrivateKey, or RFC 5915 ECPrivateKey with parameters and public key: what an export answers.
    package func der() throws(CryptoError) -> Secret {
        var bytes = try context.asDefault { () throws(CryptoError) in
            try KeyEncoding.encode(pointer) { i2d_PrivateKey($0, $1) }
        }
        return Secret(copying: &bytes)
    }

    /// DER SubjectPublicKeyInfo of the public half.
    package func subjectPublicKeyInfo() throws(CryptoError) -> [UInt8] {
        try context.asDefault { () throws(CryptoError) in try KeyEncoding.encode(pointer) { i2d_PUBKEY($0, $1) } }
    }
}
