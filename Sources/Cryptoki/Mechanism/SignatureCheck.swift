internal import CPKCS11
internal import KMSBackend
internal import KMSSupport
internal import OpenSSLCrypto

/// Whether a signature that comes from the KMS is verified with the public key before the host gets it.
package enum VerifiedSignatures: String, Sendable, CaseIterable {
    case on
    /// RSA only: verifying costs little there, and a faulty RSA signature would give the private key away.
    case rsa
    case off
}

/// Keeps wrong signatures from the host: of another key, over another digest, damaged.
final class SignatureCheck: Sendable {
    private let which: VerifiedSignatures
    private let context: LibraryContext
    /// Reading a key costs more than some verifications do.
    private let keys = Locked<[KeyID: PublicKey]>([:])

    private static var maximumKeys: Int { 256 }

    init(_ which: VerifiedSignatures, in context: LibraryContext) {
        self.which = which
        self.context = context
    }

    /// - Parameter value: the data that was signed, or its digest where the mechanism hashes.
    /// - Throws: CKR_DEVICE_ERROR.
    func check(
        _ signature: [UInt8], over value: [UInt8], by key: KeyInUse, _ scheme: any SignatureScheme
    ) throws(CKError) {
        guard concerns(key) else { return }
        do throws(CKError) {
            if try scheme.isValid(signature, over: value, try publicKey(of: key)) { return }
        } catch {
            Log.debug("verification: \(error.name)")
        }
        Log.error(
            "C_Sign with key \"\(key.object.label)\": the KMS's signature is not one of this key over this data; it is "
                + "not handed out")
        throw CKError(CKR_DEVICE_ERROR)
    }

    private func concerns(_ key: KeyInUse) -> Bool {
        // What this process signed itself came over no network.
        guard key.object.keyID.kind != .local else { return false }
        switch which {
        case .on: return true
        case .rsa: return key.facts.type == .rsa
        case .off: return false
        }
    }

    private func publicKey(of key: KeyInUse) throws(CKError) -> PublicKey {
        let id = key.object.keyID
        if let known = keys.withLock({ $0[id] }) { return known }
        let new = try key.publicKey()
        keys.withLock { keys in
            if keys.count >= SignatureCheck.maximumKeys { keys = [:] }
            keys[id] = new
        }
        return new
    }
}
