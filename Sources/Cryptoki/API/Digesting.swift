public import CPKCS11

// PKCS#11 3.0 section 5.12, message digesting.

@c @implementation
public func C_DigestInit(_ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?) -> CK_RV {
    entry("C_DigestInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.digesting.cancel() }
        try session.digestInit(MechanismRequest(pMechanism))
    }
}

@c @implementation
public func C_Digest(
    _ hSession: CK_SESSION_HANDLE, _ pData: CK_BYTE_PTR?, _ ulDataLen: CK_ULONG, _ pDigest: CK_BYTE_PTR?,
    _ pulDigestLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_Digest") { library throws(CKError) in
        try library.session(hSession).digest(Input(pData, ulDataLen), into: Output(pDigest, pulDigestLen))
    }
}

@c @implementation
public func C_DigestUpdate(_ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG) -> CK_RV {
    entry("C_DigestUpdate") { library throws(CKError) in
        try library.session(hSession).digestUpdate(Input(pPart, ulPartLen))
    }
}

@c @implementation
public func C_DigestKey(_ hSession: CK_SESSION_HANDLE, _ hKey: CK_OBJECT_HANDLE) -> CK_RV {
    entry("C_DigestKey") { library throws(CKError) in
        try library.session(hSession).digestKey(hKey)
    }
}

@c @implementation
public func C_DigestFinal(
    _ hSession: CK_SESSION_HANDLE, _ pDigest: CK_BYTE_PTR?, _ pulDigestLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_DigestFinal") { library throws(CKError) in
        try library.session(hSession).digestFinal(into: Output(pDigest, pulDigestLen))
    }
}
