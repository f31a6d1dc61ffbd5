internal import COpenSSL

extension PublicKey {
    /// - Throws: `CryptoError` when the key is neither RSA nor on a named curve that we know.
    package func kind() throws(CryptoError) -> KeyKind { try KeyKind(of: pointer) }

    /// DER SubjectPublicKeyInfo, with an uncompressed point, however the key came in.
    package func subjectPublicKeyInfo() throws(CryptoError) -> [UInt8] {
        try KeyEncoding.encode(pointer) { i2d_PUBKEY($0, $1) }
    }
}
