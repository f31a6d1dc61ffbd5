package import CPKCS11
internal import KMSModel
internal import KMSSupport

// C_Digest… (section 5.12).
extension Session {
    package func digestInit(_ request: MechanismRequest) throws(CKError) {
        try digesting.requireIdle()
        let row = try token.mechanisms.row(request.type)
        guard let role = row.mechanism.digest else { throw CKError(CKR_MECHANISM_INVALID) }
        try request.requireNoParameter()
        try digesting.begin(try DigestOperation(request.type, role.make, in: token.context))
    }

    package func digest(_ data: Input, into output: Output) throws(CKError) {
        try digesting.use(.onePart) { operation throws(CKError) in
            guard try output.wants(operation.outputLength) else { return false }
            try operation.update(data.bytes())
            output.put(try operation.finish())
            return true
        }
    }

    package func digestUpdate(_ part: Input) throws(CKError) {
        try digesting.use(.update) { operation throws(CKError) in
            try operation.update(part.bytes())
            return false
        }
    }

    /// The value of a secret key. Only of one that may be read: the KMS does not hash keys into what this process has
    /// hashed so far.
    ///
    /// - Throws: CKR_KEY_INDIGESTIBLE, CKR_KEY_HANDLE_INVALID.
    package func digestKey(_ handle: CK_OBJECT_HANDLE) throws(CKError) {
        try digesting.use(.update) { operation throws(CKError) in
            let key = try token.object(handle, or: CKR_KEY_HANDLE_INVALID)
            guard key.objectClass == CKO_SECRET_KEY, case .exported = key.attributes[CKA_VALUE] else {
                throw CKError(CKR_KEY_INDIGESTIBLE)
            }
            try token.value(of: key).withBytes { bytes throws(CKError) in try operation.update(bytes) }
            return false
        }
    }

    package func digestFinal(into output: Output) throws(CKError) {
        try digesting.use(.final) { operation throws(CKError) in
            guard try output.wants(operation.outputLength) else { return false }
            output.put(try operation.finish())
            return true
        }
    }
}
