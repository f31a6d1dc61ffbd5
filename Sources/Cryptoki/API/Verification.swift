public import CPKCS11

// PKCS#11 3.0 sections 5.14 to 5.16, signatures with recovery, and verification.

@c @implementation
public func C_SignRecoverInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_SignRecoverInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.signRecovering.cancel() }
        try session.signRecoverInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_SignRecover(
    _ hSession: CK_SESSION_HANDLE, _ pData: CK_BYTE_PTR?, _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?,
    _ pulSignatureLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_SignRecover") { library throws(CKError) in
        try library.session(hSession).signRecover(
            Input(pData, ulDataLen), into: Output(pSignature, pulSignatureLen))
    }
}

@c @implementation
public func C_VerifyInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_VerifyInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.verifying.cancel() }
        try session.verifyInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_Verify(
    _ hSession: CK_SESSION_HANDLE, _ pData: CK_BYTE_PTR?, _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?,
    _ ulSignatureLen: CK_ULONG
) -> CK_RV {
    entry("C_Verify") { library throws(CKError) in
        try library.session(hSession).verify(
            Input(pData, ulDataLen), signature: Input(pSignature, ulSignatureLen))
    }
}

@c @implementation
public func C_VerifyUpdate(_ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG) -> CK_RV {
    entry("C_VerifyUpdate") { library throws(CKError) in
        try library.session(hSession).verifyUpdate(Input(pPart, ulPartLen))
    }
}

@c @implementation
public func C_VerifyFinal(
    _ hSession: CK_SESSION_HANDLE, _ pSignature: CK_BYTE_PTR?, _ ulSignatureLen: CK_ULONG
) -> CK_RV {
    entry("C_VerifyFinal") { library throws(CKError) in
        try library.session(hSession).verifyFinal(signature: Input(pSignature, ulSignatureLen))
    }
}

@c @implementation
public func C_VerifyRecoverInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_VerifyRecoverInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.verifyRecovering.cancel() }
        try session.verifyRecoverInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_VerifyRecover(
    _ hSession: CK_SESSION_HANDLE, _ pSignature: CK_BYTE_PTR?, _ ulSignatureLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ pulDataLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_VerifyRecover") { library throws(CKError) in
        try library.session(hSession).verifyRecover(
            Input(pSignature, ulSignatureLen), into: Output(pData, pulDataLen))
    }
}
