public import CPKCS11

// PKCS#11 3.0 section 5.13, signing and MACing.

@c @implementation
public func C_SignInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_SignInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.signing.cancel() }
        try session.signInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_Sign(
    _ hSession: CK_SESSION_HANDLE, _ pData: CK_BYTE_PTR?, _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?,
    _ pulSignatureLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_Sign") { library throws(CKError) in
        try library.session(hSession).sign(Input(pData, ulDataLen), into: Output(pSignature, pulSignatureLen))
    }
}

@c @implementation
public func C_SignUpdate(_ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG) -> CK_RV {
    entry("C_SignUpdate") { library throws(CKError) in
        try library.session(hSession).signUpdate(Input(pPart, ulPartLen))
    }
}

@c @implementation
public func C_SignFinal(
    _ hSession: CK_SESSION_HANDLE, _ pSignature: CK_BYTE_PTR?, _ pulSignatureLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_SignFinal") { library throws(CKError) in
        try library.session(hSession).signFinal(into: Output(pSignature, pulSignatureLen))
    }
}
