package import CPKCS11
internal import KMSSupport

// C_Sign… and C_SignRecover… (sections 5.13 and 5.14).
extension Session {
    package func signInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try begin(signing, request, handle, CKA_SIGN) { $0.mechanism.sign }
    }

    package func signRecoverInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try begin(signRecovering, request, handle, CKA_SIGN_RECOVER) { $0.mechanism.signRecover }
    }

    private func begin(
        _ slot: OperationSlot<PendingOperation<any Signing>>, _ request: MechanismRequest,
        _ handle: CK_OBJECT_HANDLE, _ usage: CK_ATTRIBUTE_TYPE,
        _ role: (MechanismTable.Row) -> Mechanism.Role<Mechanism.MakeSigning>?
    ) throws(CKError) {
        try slot.requireIdle()
        let row = try token.mechanisms.row(request.type)
        guard let role = role(row) else { throw CKError(CKR_MECHANISM_INVALID) }
        let key = try signingKey(usage, handle, row)
        try slot.begin(PendingOperation(try role.make(request, key), key))
    }

    /// A private key, or the secret key of a MAC.
    func signingKey(
        _ usage: CK_ATTRIBUTE_TYPE, _ handle: CK_OBJECT_HANDLE, _ row: MechanismTable.Row
    ) throws(CKError) -> KeyInUse {
        try requireLogin(for: handle)
        return try token.key(handle, for: usage, [CKO_PRIVATE_KEY, CKO_SECRET_KEY], row)
    }

    /// Private keys are invisible before the login, and hosts that forget it want to be told so.
    func requireLogin(for handle: CK_OBJECT_HANDLE) throws(CKError) {
        guard token.login.isLoggedIn || token.isVisible(handle) else { throw CKError(CKR_USER_NOT_LOGGED_IN) }
    }

    /// One part. Ends the operation, except for a size query and a buffer that is too small.
    package func sign(_ data: Input, into output: Output) throws(CKError) {
        try signing.use(.onePart) { active throws(CKError) in try Session.sign(active, data, output) }
    }

    package func signRecover(_ data: Input, into output: Output) throws(CKError) {
        try signRecovering.use(.onePart) { active throws(CKError) in try Session.sign(active, data, output) }
    }

    private static func sign(
        _ active: PendingOperation<any Signing>, _ data: Input, _ output: Output
    ) throws(CKError) -> Bool {
        let operation = active.operation
        guard try output.wants(operation.outputLength) else { return false }
        try active.authentication?.require()
        try operation.update(data.bytes())
        output.put(try operation.finish())
        return true
    }

    package func signUpdate(_ part: Input) throws(CKError) {
        try signing.use(.update) { active throws(CKError) in
            try active.authentication?.require()
            try active.operation.update(part.bytes())
            return false
        }
    }

    package func signFinal(into output: Output) throws(CKError) {
        try signing.use(.final) { active throws(CKError) in
            guard try output.wants(active.operation.outputLength) else { return false }
            try active.authentication?.require()
            output.put(try active.operation.finish())
            return true
        }
    }
}
