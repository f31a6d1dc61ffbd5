internal import CPKCS11

// The dual-function calls (section 5.17): each runs two operations over the same data.
extension Session {
    package func digestEncryptUpdate(_ part: Input, into output: Output) throws(CKError) {
        guard digesting.isActive else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
        // The encryption first: when its buffer is too small, nothing must have happened.
        guard try Session.update(encrypting, part, output) != nil else { return }
        try digestUpdate(part)
    }

    package func signEncryptUpdate(_ part: Input, into output: Output) throws(CKError) {
        guard signing.isActive else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
        guard try Session.update(encrypting, part, output) != nil else { return }
        try signUpdate(part)
    }

    package func decryptDigestUpdate(_ part: Input, into output: Output) throws(CKError) {
        guard digesting.isActive else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
        guard let plaintext = try Session.update(decrypting, part, output) else { return }
        try plaintext.withBytes { bytes throws(CKError) in
            try digestUpdate(Input(raw: bytes.baseAddress, CK_ULONG(bytes.count)))
        }
    }

    package func decryptVerifyUpdate(_ part: Input, into output: Output) throws(CKError) {
        guard verifying.isActive else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
        guard let plaintext = try Session.update(decrypting, part, output) else { return }
        try plaintext.withBytes { bytes throws(CKError) in
            try verifyUpdate(Input(raw: bytes.baseAddress, CK_ULONG(bytes.count)))
        }
    }
}
