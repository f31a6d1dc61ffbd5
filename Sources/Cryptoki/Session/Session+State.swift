package import CPKCS11
internal import KMSModel
internal import OpenSSLCrypto

// C_GetOperationState and C_SetOperationState (section 5.6.5 and 5.6.6): digests, in whose state is no key.
extension Session {
    /// In front of a saved state: what it is, and of which version.
    private static var magic: [UInt8] { Array("kms-pkcs11 digest 1\n".utf8) }

    /// - Throws: CKR_OPERATION_NOT_INITIALIZED, CKR_STATE_UNSAVEABLE beside another operation, or for more data than
    ///   `DigestOperation.longestState`.
    package func getState(into output: Output) throws(CKError) {
        let others =
            signing.isActive || verifying.isActive || encrypting.isActive || decrypting.isActive
            || signRecovering.isActive || verifyRecovering.isActive || messageSigning.isActive
            || messageVerifying.isActive || messageEncrypting.isActive || messageDecrypting.isActive
        guard !others else { throw CKError(CKR_STATE_UNSAVEABLE) }
        guard let operation = digesting.current else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
        guard let data = operation.data else { throw CKError(CKR_STATE_UNSAVEABLE) }
        let content = Session.magic + operation.mechanism.bytes + data
        let state = content + (try checksum(content))
        guard try output.wants(state.count) else { return }
        output.put(state)
    }

    /// - Throws: CKR_SAVED_STATE_INVALID, CKR_KEY_NOT_NEEDED.
    package func setState(
        _ state: Input, encryptionKey: CK_OBJECT_HANDLE, authenticationKey: CK_OBJECT_HANDLE
    ) throws(CKError) {
        let saved = try state.copy(atMost: DigestOperation.longestState + 1_024, or: CKR_SAVED_STATE_INVALID)
        let bytes = Array(saved.dropLast(HashAlgorithm.sha256.length))
        guard saved.count > bytes.count, Array(saved.suffix(HashAlgorithm.sha256.length)) == (try checksum(bytes))
        else {
            throw CKError(CKR_SAVED_STATE_INVALID)
        }
        let size = MemoryLayout<CK_MECHANISM_TYPE>.size
        let rest = bytes.dropFirst(Session.magic.count)
        guard bytes.starts(with: Session.magic), let type = rest.prefix(size).number,
            rest.count - size <= DigestOperation.longestState,
            let role = try? token.mechanisms.row(type).mechanism.digest
        else { throw CKError(CKR_SAVED_STATE_INVALID) }
        guard encryptionKey == CK_INVALID_HANDLE, authenticationKey == CK_INVALID_HANDLE else {
            throw CKError(CKR_KEY_NOT_NEEDED)
        }
        let operation = try DigestOperation(type, role.make, in: token.context)
        try Array(rest.dropFirst(size)).withBytes { data throws(CKError) in try operation.update(data) }
        // What was active is replaced (section 5.6.6), the search too.
        endAll()
        try digesting.begin(operation)
    }

    /// Against states that were cut or mixed up. There is no secret in it to protect.
    private func checksum(_ bytes: [UInt8]) throws(CKError) -> [UInt8] {
        try CKError.failing { () throws(CryptoError) in try Digest.hash(bytes, .sha256, in: token.context) }
    }
}
