public import CPKCS11

// PKCS#11 3.0 sections 5.10 and 5.11, message-based encryption and decryption.

@c @implementation
public func C_MessageEncryptInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_MessageEncryptInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.messageEncrypting.cancel() }
        try session.messageEncryptInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_EncryptMessage(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pAssociatedData: CK_BYTE_PTR?, _ ulAssociatedDataLen: CK_ULONG, _ pPlaintext: CK_BYTE_PTR?,
    _ ulPlaintextLen: CK_ULONG, _ pCiphertext: CK_BYTE_PTR?, _ pulCiphertextLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_EncryptMessage") { library throws(CKError) in
        try library.session(hSession).encryptMessage(
            Session.MessageParameter(pParameter, ulParameterLen), Input(pAssociatedData, ulAssociatedDataLen),
            Input(pPlaintext, ulPlaintextLen), into: Output(pCiphertext, pulCiphertextLen))
    }
}

@c @implementation
public func C_EncryptMessageBegin(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pAssociatedData: CK_BYTE_PTR?, _ ulAssociatedDataLen: CK_ULONG
) -> CK_RV {
    entry("C_EncryptMessageBegin") { library throws(CKError) in
        try library.session(hSession).cipherMessageBegin(
            isEncrypting: true, Session.MessageParameter(pParameter, ulParameterLen),
            Input(pAssociatedData, ulAssociatedDataLen))
    }
}

@c @implementation
public func C_EncryptMessageNext(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pPlaintextPart: CK_BYTE_PTR?, _ ulPlaintextPartLen: CK_ULONG, _ pCiphertextPart: CK_BYTE_PTR?,
    _ pulCiphertextPartLen: CK_ULONG_PTR?, _ flags: CK_FLAGS
) -> CK_RV {
    entry("C_EncryptMessageNext") { library throws(CKError) in
        try library.session(hSession).encryptMessageNext(
            Session.MessageParameter(pParameter, ulParameterLen), Input(pPlaintextPart, ulPlaintextPartLen),
            into: Output(pCiphertextPart, pulCiphertextPartLen), isLast: flags & CKF_END_OF_MESSAGE != 0)
    }
}

@c @implementation
public func C_MessageEncryptFinal(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_MessageEncryptFinal") { library throws(CKError) in
        let session = try library.session(hSession)
        try session.messageFinal(session.messageEncrypting)
    }
}

@c @implementation
public func C_MessageDecryptInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_MessageDecryptInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.messageDecrypting.cancel() }
        try session.messageDecryptInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_DecryptMessage(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pAssociatedData: CK_BYTE_PTR?, _ ulAssociatedDataLen: CK_ULONG, _ pCiphertext: CK_BYTE_PTR?,
    _ ulCiphertextLen: CK_ULONG, _ pPlaintext: CK_BYTE_PTR?, _ pulPlaintextLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_DecryptMessage") { library throws(CKError) in
        try library.session(hSession).decryptMessage(
            Session.MessageParameter(pParameter, ulParameterLen), Input(pAssociatedData, ulAssociatedDataLen),
            Input(pCiphertext, ulCiphertextLen), into: Output(pPlaintext, pulPlaintextLen))
    }
}

@c @implementation
public func C_DecryptMessageBegin(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pAssociatedData: CK_BYTE_PTR?, _ ulAssociatedDataLen: CK_ULONG
) -> CK_RV {
    entry("C_DecryptMessageBegin") { library throws(CKError) in
        try library.session(hSession).cipherMessageBegin(
            isEncrypting: false, Session.MessageParameter(pParameter, ulParameterLen),
            Input(pAssociatedData, ulAssociatedDataLen))
    }
}

@c @implementation
public func C_DecryptMessageNext(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pCiphertextPart: CK_BYTE_PTR?, _ ulCiphertextPartLen: CK_ULONG, _ pPlaintextPart: CK_BYTE_PTR?,
    _ pulPlaintextPartLen: CK_ULONG_PTR?, _ flags: CK_FLAGS
) -> CK_RV {
    entry("C_DecryptMessageNext") { library throws(CKError) in
        try library.session(hSession).decryptMessageNext(
            Session.MessageParameter(pParameter, ulParameterLen), Input(pCiphertextPart, ulCiphertextPartLen),
            into: Output(pPlaintextPart, pulPlaintextPartLen), isLast: flags & CKF_END_OF_MESSAGE != 0)
    }
}

@c @implementation
public func C_MessageDecryptFinal(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_MessageDecryptFinal") { library throws(CKError) in
        let session = try library.session(hSession)
        try session.messageFinal(session.messageDecrypting)
    }
}
