internal import FoundationEssentials
internal import KMSModel
internal import X509

/// The public key that a certificate is about.
struct SubjectKey: Sendable {
    let publicKey: X509.Certificate.PublicKey
    let type: KeyUsages.KeyType

    init(_ key: LoadedKey) throws {
        guard key.object.objType.isAsymmetric, let info = key.object.pubKey else {
            throw KMSError.badRequest("Field \"subject_key\": the object is no RSA or EC key")
        }
        publicKey = try SubjectKey.publicKey(info, field: "subject_key")
        type = key.object.objType == .rsa ? .rsa : key.object.ellipticCurve == .ed25519 ? .ed25519 : .ecdsa
    }

    /// - Parameter info: DER SubjectPublicKeyInfo.
    static func publicKey(_ info: Data, field: String) throws(KMSError) -> X509.Certificate.PublicKey {
        guard let key = try? X509.Certificate.PublicKey(derEncoded: Array(info)) else {
            throw .badRequest(
                "Field \"\(field)\": certificates are made with RSA keys of 2048 bits or more, P-256, P-384, P-521 and "
                    + "Ed25519; this key is none of them")
        }
        return key
    }
}
