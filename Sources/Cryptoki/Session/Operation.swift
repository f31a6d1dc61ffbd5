internal import CPKCS11
internal import KMSModel
internal import OpenSSLCrypto

/// A signature between C_SignInit and its end. Everything that can be known beforehand was looked up by C_SignInit.
struct SignOperation: Sendable {
    let key: Object
    let mechanism: Mechanism
    let scheme: any SignatureScheme
    /// Whether C_SignUpdate has been called; C_Sign may not follow then.
    var isMultiPart = false
    /// Data of a mechanism without a digest, or nothing.
    var block: [UInt8] = []
    var digest: DigestBox?

    /// A digest belongs to the one session that is using it, whose lock the caller holds.
    final class DigestBox: @unchecked Sendable {
        let digest: Digest

        init(_ digest: Digest) { self.digest = digest }
    }

    /// - Throws: what section 5.13.1 prescribes for a key that does not fit.
    init(_ request: MechanismRequest, key: Object, token: Token) throws(CKError) {
        let mechanism = try token.mechanisms.row(request.type)
        guard mechanism.flags & CKF_SIGN != 0 else { throw CKError(CKR_MECHANISM_INVALID) }
        guard key.objectClass == CKO_PRIVATE_KEY, let privateKey = key.key, privateKey.type == mechanism.keyType else {
            throw CKError(CKR_KEY_TYPE_INCONSISTENT)
        }
        guard mechanism.bits.contains(privateKey.bits) else { throw CKError(CKR_KEY_SIZE_RANGE) }
        guard privateKey.operations.contains(.sign), privateKey.isUsable else {
            throw CKError(CKR_KEY_FUNCTION_NOT_PERMITTED)
        }
        scheme = try mechanism.signature(request, mechanism, privateKey)
        if let hash = mechanism.digest {
            do throws(CryptoError) {
                digest = DigestBox(try Digest(hash, in: token.context))
            } catch {
                throw CKError(CKR_FUNCTION_FAILED)
            }
        }
        self.key = key
        self.mechanism = mechanism
    }

    /// The longest block of a mechanism that does not hash, in bytes: no key signs more.
    private var blockLimit: Int { 1_024 }

    mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CKError) {
        if let digest {
            do throws(CryptoError) {
                try digest.digest.update(bytes)
            } catch {
                throw CKError(CKR_FUNCTION_FAILED)
            }
        } else {
            guard bytes.count <= blockLimit - block.count else { throw CKError(CKR_DATA_LEN_RANGE) }
            block.append(contentsOf: bytes)
        }
    }

    /// What goes to the KMS.
    func prepare() throws(CKError) -> (algorithm: SigningAlgorithm, digest: [UInt8]) {
        guard let digest else { return try scheme.prepare(block) }
        let value: [UInt8]
        do throws(CryptoError) {
            value = try digest.digest.finish()
        } catch {
            throw CKError(CKR_FUNCTION_FAILED)
        }
        return try scheme.prepare(value)
    }
}
