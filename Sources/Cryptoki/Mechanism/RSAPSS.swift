internal import CPKCS11
internal import KMSBackend
internal import KMSModel

/// PSS signatures (mechanisms specification 2.1.10), which TLS 1.3 needs.
enum RSAPSS: MechanismFamily {
    static var mechanisms: [Mechanism] {
        [
            row(CKM_RSA_PKCS_PSS, nil),
            row(CKM_SHA1_RSA_PKCS_PSS, .sha1),
            row(CKM_SHA224_RSA_PKCS_PSS, .sha224),
            row(CKM_SHA256_RSA_PKCS_PSS, .sha256),
            row(CKM_SHA384_RSA_PKCS_PSS, .sha384),
            row(CKM_SHA512_RSA_PKCS_PSS, .sha512),
        ]
    }

    private static func row(_ type: CK_MECHANISM_TYPE, _ digest: HashAlgorithm?) -> Mechanism {
        Mechanism(
            type: type, keyType: CKK_RSA, bits: 2048...4096, flags: CKF_SIGN | CKF_HW, digest: digest,
            needs: .signRSAPSS
        ) { request, mechanism, key throws(CKError) in
            let parameters = try request.parameter(as: CK_RSA_PKCS_PSS_PARAMS.self)
            guard let hash = hash(parameters.hashAlg), let mgf = maskHash(parameters.mgf),
                mechanism.digest == nil || mechanism.digest == hash,
                // The API has no field for the salt's length: it is the digest's.
                parameters.sLen == CK_ULONG(hash.length)
            else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
            return Scheme(hash: hash, mgf: mgf, outputLength: (key.bits + 7) / 8)
        }
    }

    private struct Scheme: SignatureScheme {
        let hash: HashAlgorithm
        let mgf: HashAlgorithm
        let outputLength: Int

        func prepare(_ data: [UInt8]) throws(CKError) -> (algorithm: SigningAlgorithm, digest: [UInt8]) {
            guard data.count == hash.length else { throw CKError(CKR_DATA_LEN_RANGE) }
            return (.rsaPSS(hash, mgf: mgf), data)
        }

        func finish(_ signature: [UInt8]) throws(CKError) -> [UInt8] {
            guard signature.count == outputLength else { throw CKError(CKR_DEVICE_ERROR) }
            return signature
        }
    }

    private static func hash(_ type: CK_MECHANISM_TYPE) -> HashAlgorithm? {
        switch type {
        case CKM_SHA_1: .sha1
        case CKM_SHA224: .sha224
        case CKM_SHA256: .sha256
        case CKM_SHA384: .sha384
        case CKM_SHA512: .sha512
        default: nil
        }
    }

    private static func maskHash(_ type: CK_RSA_PKCS_MGF_TYPE) -> HashAlgorithm? {
        switch type {
        case CKG_MGF1_SHA1: .sha1
        case CKG_MGF1_SHA224: .sha224
        case CKG_MGF1_SHA256: .sha256
        case CKG_MGF1_SHA384: .sha384
        case CKG_MGF1_SHA512: .sha512
        default: nil
        }
    }
}
