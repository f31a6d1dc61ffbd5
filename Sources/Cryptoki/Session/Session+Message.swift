package import CPKCS11
internal import KMSBackend

// The message-based functions of version 3.0 (sections 5.10, 5.11, 5.14 and 5.16).
extension Session {
    // MARK: Signatures

    package func messageSignInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try messageSigning.requireIdle()
        let row = try messageMechanism(request, CKF_MESSAGE_SIGN)
        guard let role = row.mechanism.sign else { throw CKError(CKR_MECHANISM_INVALID) }
        let key = try signingKey(CKA_SIGN, handle, row)
        guard !key.needsAuthentication else { throw CKError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
        let saved = SavedRequest(request)
        try messageSigning.begin(
            try MessageOperation { () throws(CKError) -> any Signing in
                try saved.with { request throws(CKError) in try role.make(request, key) }
            })
    }

    package func messageVerifyInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try messageVerifying.requireIdle()
        let row = try messageMechanism(request, CKF_MESSAGE_VERIFY)
        guard let role = row.mechanism.verify else { throw CKError(CKR_MECHANISM_INVALID) }
        let key = try verifyingKey(CKA_VERIFY, handle, row)
        let saved = SavedRequest(request)
        try messageVerifying.begin(
            try MessageOperation { () throws(CKError) -> any Verifying in
                try saved.with { request throws(CKError) in try role.make(request, key) }
            })
    }

    private func messageMechanism(
        _ request: MechanismRequest, _ flag: CK_FLAGS
    ) throws(CKError) -> MechanismTable.Row {
        let row = try token.mechanisms.row(request.type)
        guard row.mechanism.messages & flag != 0 else { throw CKError(CKR_MECHANISM_INVALID) }
        return row
    }

    package func signMessage(_ data: Input, into output: Output) throws(CKError) {
        try messageSigning.useForMessage { active throws(CKError) in
            let operation = try active.begin()
            guard try output.wants(operation.outputLength) else { return }
            try operation.update(data.bytes())
            output.put(try operation.finish())
        }
    }

    package func signMessageBegin() throws(CKError) {
        try messageSigning.useForMessage { active throws(CKError) in active.current = try active.begin() }
    }

    /// - Parameter output: nil: more parts follow.
    package func signMessageNext(_ part: Input, into output: Output?) throws(CKError) {
        try messageSigning.useForMessage { active throws(CKError) in
            guard let operation = active.current else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
            if let output {
                guard try output.wants(operation.outputLength) else { return }
            }
            active.current = nil
            try operation.update(part.bytes())
            guard let output else {
                active.current = operation
                return
            }
            output.put(try operation.finish())
        }
    }

    package func verifyMessage(_ data: Input, signature: Input) throws(CKError) {
        try messageVerifying.useForMessage { active throws(CKError) in
            let operation = try active.begin()
            try operation.update(data.bytes())
            try operation.finish(signature: signature.signature())
        }
    }

    package func verifyMessageBegin() throws(CKError) {
        try messageVerifying.useForMessage { active throws(CKError) in active.current = try active.begin() }
    }

    /// - Parameter signature: nil: more parts follow.
    package func verifyMessageNext(_ part: Input, signature: Input?) throws(CKError) {
        try messageVerifying.useForMessage { active throws(CKError) in
            guard let operation = active.current else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
            active.current = nil
            try operation.update(part.bytes())
            guard let signature else {
                active.current = operation
                return
            }
            try operation.finish(signature: signature.signature())
        }
    }

    // MARK: AES-GCM

    package func messageEncryptInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try messageEncrypting.requireIdle()
        let key = try messageKey(request, handle, CKF_MESSAGE_ENCRYPT, CKA_ENCRYPT)
        try messageEncrypting.begin(MessageCiphering(.encrypt, key))
    }

    package func messageDecryptInit(_ request: MechanismRequest, key handle: CK_OBJECT_HANDLE) throws(CKError) {
        try messageDecrypting.requireIdle()
        let key = try messageKey(request, handle, CKF_MESSAGE_DECRYPT, CKA_DECRYPT)
        try messageDecrypting.begin(MessageCiphering(.decrypt, key))
    }

    private func messageKey(
        _ request: MechanismRequest, _ handle: CK_OBJECT_HANDLE, _ flag: CK_FLAGS, _ usage: CK_ATTRIBUTE_TYPE
    ) throws(CKError) -> KeyInUse {
        let row = try messageMechanism(request, flag)
        // What counts is the parameter of each message. Hosts give one here as well, of which nothing is used.
        if request.hasParameter { _ = try request.parameter(as: CK_GCM_MESSAGE_PARAMS.self) }
        try requireLogin(for: handle)
        let key = try token.key(handle, for: usage, [CKO_SECRET_KEY], row)
        guard !key.needsAuthentication else { throw CKError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
        return key
    }

    package struct MessageParameter {
        package let pointer: CK_VOID_PTR?
        package let length: CK_ULONG

        package init(_ pointer: CK_VOID_PTR?, _ length: CK_ULONG) {
            self.pointer = pointer
            self.length = length
        }
    }

    package func encryptMessage(
        _ parameter: MessageParameter, _ associated: Input, _ plaintext: Input, into output: Output
    ) throws(CKError) {
        try messageEncrypting.useForMessage { active throws(CKError) in
            let bytes = try plaintext.bytes()
            guard try output.wants(bytes.count) else { return }
            let parameters = try gcm(parameter, isEncrypting: true)
            let operation = try active.begin(parameters, associated.associatedData())
            let sealed = try operation.once(bytes)
            parameters.writeIV()
            parameters.writeTag(sealed.suffix(parameters.tagLength))
            output.put(Array(sealed.dropLast(parameters.tagLength)))
        }
    }

    package func decryptMessage(
        _ parameter: MessageParameter, _ associated: Input, _ ciphertext: Input, into output: Output
    ) throws(CKError) {
        try messageDecrypting.useForMessage { active throws(CKError) in
            let bytes = try ciphertext.bytes()
            guard try output.wants(bytes.count) else { return }
            let parameters = try gcm(parameter, isEncrypting: false)
            let operation = try active.begin(parameters, associated.associatedData())
            try authenticated { () throws(CKError) in
                let sealed = Array(bytes) + parameters.readTag()
                output.put(try sealed.withBytes { bytes throws(CKError) in try operation.once(bytes) })
            }
        }
    }

    private func gcm(_ parameter: MessageParameter, isEncrypting: Bool) throws(CKError) -> GCMMessageParameters {
        try GCMMessageParameters(
            parameter.pointer, parameter.length, isEncrypting: isEncrypting, in: token.context)
    }

    private func authenticated(_ body: () throws(CKError) -> Void) throws(CKError) {
        do throws(CKError) {
            try body()
        } catch {
            throw error.rv == CKR_ENCRYPTED_DATA_INVALID ? CKError(CKR_AEAD_DECRYPT_FAILED) : error
        }
    }

    package func cipherMessageBegin(
        isEncrypting: Bool, _ parameter: MessageParameter, _ associated: Input
    ) throws(CKError) {
        try (isEncrypting ? messageEncrypting : messageDecrypting).useForMessage { active throws(CKError) in
            guard active.current == nil else { throw CKError(CKR_OPERATION_ACTIVE) }
            let parameters = try gcm(parameter, isEncrypting: isEncrypting)
            let operation = try active.begin(parameters, associated.associatedData())
            parameters.writeIV()
            active.current = (operation, parameters.tagLength)
        }
    }

    /// The parameter of the call that ends a message, which says where the tag is.
    private func gcm(
        ending parameter: MessageParameter, isEncrypting: Bool, tagLength: Int
    ) throws(CKError) -> GCMMessageParameters {
        let parameters = try gcm(parameter, isEncrypting: isEncrypting)
        guard parameters.tagLength == tagLength else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
        return parameters
    }

    package func encryptMessageNext(
        _ parameter: MessageParameter, _ part: Input, into output: Output, isLast: Bool
    ) throws(CKError) {
        try messageEncrypting.useForMessage { active throws(CKError) in
            guard let (operation, tagLength) = active.current else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
            let bytes = try part.bytes()
            let all = operation.bound(all: bytes.count) - tagLength
            guard try output.wants(isLast ? all : operation.required(adding: bytes.count), query: { all }) else {
                return
            }
            active.current = nil
            guard isLast else {
                output.put(try operation.update(bytes, room: output.room))
                active.current = (operation, tagLength)
                return
            }
            let parameters = try gcm(ending: parameter, isEncrypting: true, tagLength: tagLength)
            let begin = try operation.update(bytes, room: .max)
            let rest = try operation.finish()
            parameters.writeTag(rest.suffix(tagLength))
            output.put(begin + rest.dropLast(tagLength))
        }
    }

    package func decryptMessageNext(
        _ parameter: MessageParameter, _ part: Input, into output: Output, isLast: Bool
    ) throws(CKError) {
        try messageDecrypting.useForMessage { active throws(CKError) in
            guard let (operation, tagLength) = active.current else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
            let bytes = try part.bytes()
            // The tag is not part of the data, so nothing is cut off for it.
            let all = operation.bound(all: bytes.count) + tagLength
            guard try output.wants(isLast ? all : 0, query: { all }) else { return }
            active.current = nil
            _ = try operation.update(bytes, room: 0)
            guard isLast else {
                output.put([])
                active.current = (operation, tagLength)
                return
            }
            try authenticated { () throws(CKError) in
                let tag = try gcm(ending: parameter, isEncrypting: false, tagLength: tagLength).readTag()
                _ = try tag.withBytes { bytes throws(CKError) in try operation.update(bytes, room: 0) }
                output.put(try operation.finish())
            }
        }
    }

    /// C_Message…Final: ends the operation; a message that was begun and not ended is lost.
    func messageFinal<Operation>(_ slot: OperationSlot<Operation>) throws(CKError) {
        try slot.use(.final) { _ in true }
    }
}
