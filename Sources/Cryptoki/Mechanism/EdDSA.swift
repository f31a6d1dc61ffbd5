internal import CPKCS11
internal import KMSBackend
internal import KMSModel

/// Ed25519 and Ed448 (mechanisms specification 2.3.12), pure and without a context: all that a KMS does.
enum EdDSA: MechanismFamily {
    static var mechanisms: [Mechanism] {
        var row = Mechanism(CKM_EDDSA, [CKK_EC_EDWARDS], KeySizes.edwards, .bits)
        row.traits = CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME
        row.setSignature(needs: .signEdDSA) { request, key throws(CKError) in
            if request.hasParameter {
                let parameters = try request.parameter(as: CK_EDDSA_PARAMS.self)
                guard parameters.phFlag == CK_FALSE, parameters.ulContextDataLen == 0 else {
                    throw CKError(CKR_MECHANISM_PARAM_INVALID)
                }
            }
            return Scheme(outputLength: key.facts.curve == .ed448 ? 114 : 64)
        }
        return [row]
    }

    private struct Scheme: SignatureScheme {
        let outputLength: Int
        var digest: HashAlgorithm? { nil }
        /// The whole message goes to the KMS, whose limits are lower than this one.
        var longestData: Int { 16 << 20 }

        func prepare(_ data: [UInt8]) throws(CKError) -> (algorithm: SigningAlgorithm, input: [UInt8]) {
            (.eddsa, data)
        }
    }
}
