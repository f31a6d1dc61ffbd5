internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// RSA without padding (mechanisms specification 2.1.11): the KMS's bare operation with the private key, for keys that
/// it lets decrypt so.
enum RSARaw: MechanismFamily {
    static var mechanisms: [Mechanism] {
        var row = Mechanism(CKM_RSA_X_509, [CKK_RSA], KeySizes.rsa, .bits)
        row.setSignature(needs: .decryptRSARaw, recovers: true) { request, key throws(CKError) in
            try request.requireNoParameter()
            return Scheme(outputLength: (key.facts.bits + 7) / 8)
        }
        row.setRSACipher(needs: .decryptRSARaw, wraps: false) { request throws(CKError) in
            try request.requireNoParameter()
            return .rsa(.raw, label: [])
        }
        return [row]
    }

    /// The private operation on a block that is as long as the modulus, as a signature.
    ///
    /// - Throws: CKR_DATA_INVALID for a block that is no number below the modulus.
    static func sign(_ block: [UInt8], _ key: KeyInUse) throws(CKError) -> [UInt8] {
        do throws(CKError) {
            let result = try key.decrypt(Ciphertext(block), .rsa(.raw, label: []))
            return padded(result.withBytes { Array($0) }, to: block.count)
        } catch {
            throw error.rv == CKR_ENCRYPTED_DATA_INVALID ? CKError(CKR_DATA_INVALID) : error
        }
    }

    static func padded(_ block: [UInt8], to length: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: max(0, length - block.count)) + block
    }

    private struct Scheme: RecoveringScheme {
        let outputLength: Int
        var digest: HashAlgorithm? { nil }
        var padding: RSAPadding { .raw }

        func prepare(_ data: [UInt8]) throws(CKError) -> (algorithm: SigningAlgorithm, input: [UInt8]) {
            throw CKError(CKR_DATA_LEN_RANGE)
        }

        /// Shorter data is a smaller number: zeros on the left.
        func signUnprepared(_ data: [UInt8], _ key: KeyInUse) throws(CKError) -> [UInt8]? {
            guard data.count <= outputLength else { throw CKError(CKR_DATA_LEN_RANGE) }
            return try RSARaw.sign(RSARaw.padded(data, to: outputLength), key)
        }

        func verifyUnprepared(
            _ data: [UInt8], _ signature: [UInt8], _ key: PublicKey
        ) throws(CKError) -> Bool? {
            guard data.count <= outputLength else { throw CKError(CKR_DATA_LEN_RANGE) }
            return try CKError.failing { () throws(CryptoError) in
                try key.recover(signature, padding: .raw) == RSARaw.padded(data, to: outputLength)
            }
        }
    }
}
