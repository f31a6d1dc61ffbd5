package import CPKCS11

// C_Verify… and C_VerifyRecover… (sections 5.15 and 5.16).
extension Session {
    package func verifyInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try begin(verifying, request, handle, CKA_VERIFY) { $0.mechanism.verify }
    }

    package func verifyRecoverInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try begin(verifyRecovering, request, handle, CKA_VERIFY_RECOVER) { $0.mechanism.verifyRecover }
    }

    private func begin(
        _ slot: OperationSlot<PendingOperation<any Verifying>>, _ request: MechanismRequest,
        _ handle: CK_OBJECT_HANDLE, _ usage: CK_ATTRIBUTE_TYPE,
        _ role: (MechanismTable.Row) -> Mechanism.Role<Mechanism.MakeVerifying>?
    ) throws(CKError) {
        try slot.requireIdle()
        let row = try token.mechanisms.row(request.type)
        guard let role = role(row) else { throw CKError(CKR_MECHANISM_INVALID) }
        let key = try verifyingKey(usage, handle, row)
        try slot.begin(PendingOperation(try role.make(request, key), key))
    }

    /// A public key, or the secret key of a MAC.
    func verifyingKey(
        _ usage: CK_ATTRIBUTE_TYPE, _ handle: CK_OBJECT_HANDLE, _ row: MechanismTable.Row
    ) throws(CKError) -> KeyInUse {
        try requireLogin(for: handle)
        return try token.key(handle, for: usage, [CKO_PUBLIC_KEY, CKO_SECRET_KEY], row)
    }

    package func verify(_ data: Input, signature: Input) throws(CKError) {
        try verifying.use(.onePart) { active throws(CKError) in
            try active.operation.update(data.bytes())
            try active.operation.finish(signature: signature.signature())
            return true
        }
    }

    package func verifyUpdate(_ part: Input) throws(CKError) {
        try verifying.use(.update) { active throws(CKError) in
            try active.operation.update(part.bytes())
            return false
        }
    }

    package func verifyFinal(signature: Input) throws(CKError) {
        try verifying.use(.final) { active throws(CKError) in
            try active.operation.finish(signature: signature.signature())
            return true
        }
    }

    package func verifyRecover(_ signature: Input, into output: Output) throws(CKError) {
        try verifyRecovering.use(.onePart) { active throws(CKError) in
            let signature = try signature.signature()
            // What is recovered is shorter than the signature.
            return try output.fill(bound: signature.count) { () throws(CKError) in
                try active.operation.recover(signature: signature)
            }
        }
    }
}
