internal import CPKCS11
internal import KMSBackend
package import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// ECDSA (mechanisms specification 2.3.6 and 2.3.7). Signatures are r ‖ s of the order's width.
package enum ECDSA: MechanismFamily {
    package static var mechanisms: [Mechanism] {
        [row(CKM_ECDSA, nil)] + HashTable.rows.map { row($0.ecdsa, $0.hash) }
    }

    static var traits: CK_FLAGS { CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS }

    private static func row(_ type: CK_MECHANISM_TYPE, _ digest: HashAlgorithm?) -> Mechanism {
        var row = Mechanism(type, [CKK_EC], KeySizes.ec, .bits)
        row.traits = traits
        row.setSignature(needs: .signECDSA) { request, key throws(CKError) in
            try request.requireNoParameter()
            return Scheme(digest: digest, orderBits: key.facts.bits)
        }
        return row
    }

    private struct Scheme: SignatureScheme {
        let digest: HashAlgorithm?
        let orderBits: Int

        private var width: Int { (orderBits + 7) / 8 }
        var outputLength: Int { width * 2 }

        func prepare(_ data: [UInt8]) throws(CKError) -> (algorithm: SigningAlgorithm, input: [UInt8]) {
            if let digest { return (.ecdsa(digest), data) }
            return try ECDSA.digest(ofBlock: data, orderBits: orderBits)
        }

        func finish(_ signature: [UInt8]) throws(CKError) -> [UInt8] {
            do throws(CryptoError) {
                return try ECDSASignature.fixedWidth(der: signature, width: width)
            } catch {
                Log.error("the KMS's signature is none of this key's: \(error)")
                throw CKError(CKR_DEVICE_ERROR)
            }
        }

        /// Java pads r and s only to the longer of the two, and the standard allows that (2.3.1).
        func accepts(signatureLength: Int) -> Bool {
            signatureLength.isMultiple(of: 2) && (2...outputLength).contains(signatureLength)
        }

        func encoded(_ signature: [UInt8]) throws(CKError) -> [UInt8] {
            try CKError.failing(CKR_SIGNATURE_INVALID) { () throws(CryptoError) in
                try ECDSASignature.der(fixedWidth: signature)
            }
        }
    }

    /// CKM_ECDSA signs any block; the KMS wants a digest of a hash's length. ECDSA uses the block as a number of at most
    /// as many bits as the order has (FIPS 186-5 section 6.4.1), so a longer block may be cut and a shorter one padded
    /// with zeros on the left without changing the signature's meaning.
    package static func digest(
        ofBlock block: [UInt8], orderBits: Int
    ) throws(CKError) -> (algorithm: SigningAlgorithm, input: [UInt8]) {
        guard !block.isEmpty else { throw CKError(CKR_DATA_LEN_RANGE) }
        let hashes: [HashAlgorithm] = [.sha1, .sha224, .sha256, .sha384, .sha512]
        if let exact = hashes.first(where: { $0.length == block.count }) { return (.ecdsa(exact), block) }
        var number = block
        if number.count * 8 > orderBits {
            guard orderBits % 8 == 0 else { throw CKError(CKR_DATA_LEN_RANGE) }
            number = Array(number.prefix(orderBits / 8))
        }
        guard let hash = hashes.first(where: { $0.length >= number.count && $0.length * 8 <= orderBits }) else {
            throw CKError(CKR_DATA_LEN_RANGE)
        }
        return (.ecdsa(hash), [UInt8](repeating: 0, count: hash.length - number.count) + number)
    }
}
