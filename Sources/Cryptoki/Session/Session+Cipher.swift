package import CPKCS11

// C_Encrypt… and C_Decrypt… (sections 5.8 and 5.9).
extension Session {
    package func encryptInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try begin(encrypting, request, handle, CKA_ENCRYPT, [CKO_PUBLIC_KEY, CKO_SECRET_KEY]) {
            $0.mechanism.encrypt
        }
    }

    package func decryptInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try begin(decrypting, request, handle, CKA_DECRYPT, [CKO_PRIVATE_KEY, CKO_SECRET_KEY]) {
            $0.mechanism.decrypt
        }
    }

    private func begin(
        _ slot: OperationSlot<PendingOperation<any Ciphering>>, _ request: MechanismRequest,
        _ handle: CK_OBJECT_HANDLE, _ usage: CK_ATTRIBUTE_TYPE, _ classes: [CK_OBJECT_CLASS],
        _ role: (MechanismTable.Row) -> Mechanism.Role<Mechanism.MakeCiphering>?
    ) throws(CKError) {
        try slot.requireIdle()
        let row = try token.mechanisms.row(request.type)
        guard let role = role(row) else { throw CKError(CKR_MECHANISM_INVALID) }
        try requireLogin(for: handle)
        let key = try token.key(handle, for: usage, classes, row)
        try slot.begin(PendingOperation(try role.make(request, key), key))
    }

    package func encrypt(_ data: Input, into output: Output) throws(CKError) {
        try Session.once(encrypting, data, output)
    }

    package func decrypt(_ data: Input, into output: Output) throws(CKError) {
        try Session.once(decrypting, data, output)
    }

    package func encryptUpdate(_ part: Input, into output: Output) throws(CKError) {
        _ = try Session.update(encrypting, part, output)
    }

    package func decryptUpdate(_ part: Input, into output: Output) throws(CKError) {
        _ = try Session.update(decrypting, part, output)
    }

    package func encryptFinal(into output: Output) throws(CKError) { try Session.final(encrypting, output) }
    package func decryptFinal(into output: Output) throws(CKError) { try Session.final(decrypting, output) }

    private static func once(
        _ slot: OperationSlot<PendingOperation<any Ciphering>>, _ data: Input, _ output: Output
    ) throws(CKError) {
        try slot.use(.onePart) { active throws(CKError) in
            let bytes = try data.bytes()
            return try output.fill(bound: active.operation.bound(all: bytes.count)) { () throws(CKError) in
                try active.authentication?.require()
                return try active.operation.once(bytes)
            }
        }
    }

    /// - Returns: what was handed out; nil after a size query.
    static func update(
        _ slot: OperationSlot<PendingOperation<any Ciphering>>, _ part: Input, _ output: Output
    ) throws(CKError) -> [UInt8]? {
        var given: [UInt8]?
        try slot.use(.update) { active throws(CKError) in
            let bytes = try part.bytes()
            guard
                try output.wants(
                    active.operation.required(adding: bytes.count),
                    query: {
                        active.operation.bound(adding: bytes.count)
                    })
            else { return false }
            try active.authentication?.require()
            let result = try active.operation.update(bytes, room: output.room)
            output.put(result)
            given = result
            return false
        }
        return given
    }

    private static func final(
        _ slot: OperationSlot<PendingOperation<any Ciphering>>, _ output: Output
    ) throws(CKError) {
        try slot.use(.final) { active throws(CKError) in
            try output.fill(bound: active.operation.bound(all: 0)) { () throws(CKError) in
                try active.authentication?.require()
                return try active.operation.finish()
            }
        }
    }
}
