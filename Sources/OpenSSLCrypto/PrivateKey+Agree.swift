internal import COpenSSL
internal import KMSModel
package import KMSSupport

extension PrivateKey {
    /// ECDH (SEC 1 section 3.3.1), X25519 or X448 (RFC 7748): the raw shared secret, for ECDH the x coordinate as wide
    /// as the field.
    ///
    /// - Throws: `CryptoError` when the keys are not on one curve, when the curve is for signatures only, and for a
    ///   secret of zeros, which a peer's key of small order gives (RFC 7748 section 6).
    package func agree(with peer: PublicKey) throws(CryptoError) -> Secret {
        guard case .ec(let curve) = kind, curve.family != .edwards else {
            throw CryptoError("only EC, X25519 and X448 keys agree on a secret")
        }
        guard try peer.kind() == kind else { throw CryptoError("the peer's key is not on \(curve.rawValue)") }
        var output = [UInt8](repeating: 0, count: (curve.bits + 7) / 8)
        var count = output.count
        let done = context.asDefault { () -> Bool in
            guard let operation = EVP_PKEY_CTX_new_from_pkey(context.pointer, pointer, nil) else { return false }
            defer { EVP_PKEY_CTX_free(operation) }
            return EVP_PKEY_derive_init(operation) == 1
                && EVP_PKEY_derive_set_peer_ex(operation, peer.pointer, 1) == 1
                && EVP_PKEY_derive(operation, &output, &count) == 1
        }
        let isWhole = count == output.count
        let secret = Secret(copying: &output)
        guard done, isWhole, !secret.equals(Secret([UInt8](repeating: 0, count: secret.count))) else {
            throw CryptoError("no shared secret with this peer's key")
        }
        return secret
    }
}
