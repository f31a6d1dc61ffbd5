package import CPKCS11
internal import KMSBackend
internal import KMSSupport

// C_SignInit, C_Sign, C_SignUpdate, C_SignFinal (section 5.13).
extension Session {
    package func signInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        guard state.withLock({ $0.sign == nil }) else { throw CKError(CKR_OPERATION_ACTIVE) }
        guard token.login.isLoggedIn else { throw CKError(CKR_USER_NOT_LOGGED_IN) }
        let key = try token.object(handle, or: CKR_KEY_HANDLE_INVALID)
        let operation = try SignOperation(request, key: key, token: token)
        try state.withLock { state throws(CKError) in
            guard state.sign == nil else { throw CKError(CKR_OPERATION_ACTIVE) }
            state.sign = operation
        }
    }

    package func endSign() { state.withLock { $0.sign = nil } }

    /// One part. Ends the operation, except for a size query and a buffer that is too small.
    package func sign(_ data: Input, into output: Output) throws(CKError) {
        guard var operation = try takeSign(for: output, isFinal: false) else { return }
        try operation.update(data.bytes())
        output.put(try perform(operation))
    }

    /// - Throws: an error ends the operation.
    package func signUpdate(_ part: Input) throws(CKError) {
        try state.withLock { state throws(CKError) in
            guard var operation = state.sign else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
            state.sign = nil
            operation.isMultiPart = true
            try operation.update(part.bytes())
            state.sign = operation
        }
    }

    package func signFinal(into output: Output) throws(CKError) {
        guard let operation = try takeSign(for: output, isFinal: true) else { return }
        output.put(try perform(operation))
    }

    /// The active operation, no longer the session's; nil after a size query.
    private func takeSign(for output: Output, isFinal: Bool) throws(CKError) -> SignOperation? {
        try state.withLock { state throws(CKError) in
            guard let operation = state.sign else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
            guard isFinal || !operation.isMultiPart else { throw CKError(CKR_OPERATION_ACTIVE) }
            do throws(CKError) {
                guard try output.wants(operation.scheme.outputLength) else { return nil }
            } catch {
                if error.rv != CKR_BUFFER_TOO_SMALL { state.sign = nil }
                throw error
            }
            state.sign = nil
            return operation
        }
    }

    /// The one round trip.
    private func perform(_ operation: SignOperation) throws(CKError) -> [UInt8] {
        let (algorithm, digest) = try operation.prepare()
        do throws(BackendError) {
            let deadline = token.deadline()
            let signature = try token.login.renewing(deadline) { () throws(BackendError) in
                try token.backend.sign(
                    digest: digest, with: algorithm, key: operation.key.keyID, deadline: deadline)
            }
            return try finish(operation, signature)
        } catch {
            let line = "C_Sign with key \"\(operation.key.name)\": \(error.message)"
            // A C_Logout of another thread is the host's own doing.
            if error.kind == .unauthenticated, !token.login.isLoggedIn { Log.info(line) } else { Log.error(line) }
            // The key may be gone or changed: let the next search ask.
            if error.kind == .notFound { token.invalidateObjects() }
            throw CKError(error)
        }
    }

    private func finish(_ operation: SignOperation, _ signature: [UInt8]) throws(BackendError) -> [UInt8] {
        do throws(CKError) {
            return try operation.scheme.finish(signature)
        } catch {
            throw BackendError(.protocolViolation, "the KMS's signature does not have the form of this key's")
        }
    }
}
