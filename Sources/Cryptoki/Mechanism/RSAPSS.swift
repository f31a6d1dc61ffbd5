internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import OpenSSLCrypto

/// PSS signatures (mechanisms specification 2.1.10), which TLS 1.3 needs.
enum RSAPSS: MechanismFamily {
    static var mechanisms: [Mechanism] {
        [row(CKM_RSA_PKCS_PSS, nil)] + HashTable.rows.map { row($0.rsaPSS, $0.hash) }
    }

    private static func row(_ type: CK_MECHANISM_TYPE, _ digest: HashAlgorithm?) -> Mechanism {
        var row = Mechanism(type, [CKK_RSA], KeySizes.rsa, .bits)
        row.setSignature(needs: .signRSAPSS) { request, key throws(CKError) in
            let parameters = try request.parameter(as: CK_RSA_PKCS_PSS_PARAMS.self)
            let outputLength = (key.facts.bits + 7) / 8
            guard let hash = HashTable.hash(mechanism: parameters.hashAlg),
                let mgf = HashTable.hash(mgf: parameters.mgf), digest == nil || digest == hash,
                let salt = Int(exactly: parameters.sLen), salt <= outputLength - hash.length - 2
            else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
            // The API has no field for the salt's length: it is the digest's. A public key verifies any.
            guard salt == hash.length || key.object.objectClass == CKO_PUBLIC_KEY else {
                throw CKError(CKR_MECHANISM_PARAM_INVALID)
            }
            return Scheme(digest: digest, hash: hash, mgf: mgf, saltLength: salt, outputLength: outputLength)
        }
        return row
    }

    private struct Scheme: SignatureScheme {
        let digest: HashAlgorithm?
        let hash: HashAlgorithm
        let mgf: HashAlgorithm
        /// In bytes.
        let saltLength: Int
        let outputLength: Int

        func prepare(_ data: [UInt8]) throws(CKError) -> (algorithm: SigningAlgorithm, input: [UInt8]) {
            guard data.count == hash.length else { throw CKError(CKR_DATA_LEN_RANGE) }
            return (.rsaPSS(hash, mgf: mgf), data)
        }

        func verifyUnprepared(
            _ data: [UInt8], _ signature: [UInt8], _ key: PublicKey
        ) throws(CKError) -> Bool? {
            guard saltLength != hash.length else { return nil }
            guard data.count == hash.length else { throw CKError(CKR_DATA_LEN_RANGE) }
            return try CKError.failing { () throws(CryptoError) in
                try key.verify(data, signature: signature, pss: hash, mgf: mgf, saltLength: saltLength)
            }
        }
    }
}
