public import CPKCS11

// PKCS#11 3.0 sections 5.14 and 5.16, message-based signing and verification.

/// No mechanism here has a parameter for each message. The state comes first: nothing is wrong with the parameter of a
/// message that cannot be.
private func refuse(_ parameterLength: CK_ULONG, isActive: Bool) throws(CKError) {
    guard isActive else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
    guard parameterLength == 0 else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
}

@c @implementation
public func C_MessageSignInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_MessageSignInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.messageSigning.cancel() }
        try session.messageSignInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_SignMessage(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?, _ pulSignatureLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_SignMessage") { library throws(CKError) in
        let session = try library.session(hSession)
        try refuse(ulParameterLen, isActive: session.messageSigning.isActive)
        try session.signMessage(Input(pData, ulDataLen), into: Output(pSignature, pulSignatureLen))
    }
}

@c @implementation
public func C_SignMessageBegin(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG
) -> CK_RV {
    entry("C_SignMessageBegin") { library throws(CKError) in
        let session = try library.session(hSession)
        try refuse(ulParameterLen, isActive: session.messageSigning.isActive)
        try session.signMessageBegin()
    }
}

@c @implementation
public func C_SignMessageNext(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?, _ pulSignatureLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_SignMessageNext") { library throws(CKError) in
        let session = try library.session(hSession)
        try refuse(ulParameterLen, isActive: session.messageSigning.isActive)
        // Without a place for the length of a signature, more parts follow.
        try session.signMessageNext(
            Input(pData, ulDataLen), into: pulSignatureLen.map { Output(pSignature, $0) })
    }
}

@c @implementation
public func C_MessageSignFinal(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_MessageSignFinal") { library throws(CKError) in
        let session = try library.session(hSession)
        try session.messageFinal(session.messageSigning)
    }
}

@c @implementation
public func C_MessageVerifyInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_MessageVerifyInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.messageVerifying.cancel() }
        try session.messageVerifyInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_VerifyMessage(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?, _ ulSignatureLen: CK_ULONG
) -> CK_RV {
    entry("C_VerifyMessage") { library throws(CKError) in
        let session = try library.session(hSession)
        try refuse(ulParameterLen, isActive: session.messageVerifying.isActive)
        try session.verifyMessage(Input(pData, ulDataLen), signature: Input(pSignature, ulSignatureLen))
    }
}

@c @implementation
public func C_VerifyMessageBegin(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG
) -> CK_RV {
    entry("C_VerifyMessageBegin") { library throws(CKError) in
        let session = try library.session(hSession)
        try refuse(ulParameterLen, isActive: session.messageVerifying.isActive)
        try session.verifyMessageBegin()
    }
}

@c @implementation
public func C_VerifyMessageNext(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?, _ ulSignatureLen: CK_ULONG
) -> CK_RV {
    entry("C_VerifyMessageNext") { library throws(CKError) in
        let session = try library.session(hSession)
        try refuse(ulParameterLen, isActive: session.messageVerifying.isActive)
        // Without a signature, more parts follow.
        try session.verifyMessageNext(
            Input(pData, ulDataLen),
            signature: pSignature == nil ? nil : Input(pSignature, ulSignatureLen))
    }
}

@c @implementation
public func C_MessageVerifyFinal(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_MessageVerifyFinal") { library throws(CKError) in
        let session = try library.session(hSession)
        try session.messageFinal(session.messageVerifying)
    }
}
