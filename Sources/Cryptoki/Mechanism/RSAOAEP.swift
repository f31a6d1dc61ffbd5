internal import CPKCS11
internal import KMSBackend
internal import KMSModel

/// OAEP encryption and wrapping (mechanisms specification 2.1.8).
enum RSAOAEP: MechanismFamily {
    static var mechanisms: [Mechanism] {
        var row = Mechanism(CKM_RSA_PKCS_OAEP, [CKK_RSA], KeySizes.rsa, .bits)
        row.setRSACipher(needs: .decryptRSAOAEP) { request throws(CKError) in try cipher(request) }
        return [row]
    }

    private static func cipher(_ request: MechanismRequest) throws(CKError) -> Cipher {
        let parameters = try request.parameter(as: CK_RSA_PKCS_OAEP_PARAMS.self)
        guard let hash = HashTable.hash(mechanism: parameters.hashAlg),
            let mgf = HashTable.hash(mgf: parameters.mgf),
            // Hosts that give no label leave the source 0.
            parameters.source == CKZ_DATA_SPECIFIED || (parameters.source == 0 && parameters.ulSourceDataLen == 0)
        else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
        let label = try MechanismRequest.bytes(parameters.pSourceData, parameters.ulSourceDataLen, atMost: 1 << 16)
        return .rsa(.oaep(hash: hash, mgf: mgf), label: label)
    }
}
