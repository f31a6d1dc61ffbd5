public import CPKCS11

// PKCS#11 3.0 section 5.17, two operations over the same data.

@c @implementation
public func C_DigestEncryptUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG, _ pEncryptedPart: CK_BYTE_PTR?,
    _ pulEncryptedPartLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_DigestEncryptUpdate") { library throws(CKError) in
        try library.session(hSession).digestEncryptUpdate(
            Input(pPart, ulPartLen), into: Output(pEncryptedPart, pulEncryptedPartLen))
    }
}

@c @implementation
public func C_DecryptDigestUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pEncryptedPart: CK_BYTE_PTR?, _ ulEncryptedPartLen: CK_ULONG,
    _ pPart: CK_BYTE_PTR?, _ pulPartLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_DecryptDigestUpdate") { library throws(CKError) in
        try library.session(hSession).decryptDigestUpdate(
            Input(pEncryptedPart, ulEncryptedPartLen), into: Output(pPart, pulPartLen))
    }
}

@c @implementation
public func C_SignEncryptUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG, _ pEncryptedPart: CK_BYTE_PTR?,
    _ pulEncryptedPartLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_SignEncryptUpdate") { library throws(CKError) in
        try library.session(hSession).signEncryptUpdate(
            Input(pPart, ulPartLen), into: Output(pEncryptedPart, pulEncryptedPartLen))
    }
}

@c @implementation
public func C_DecryptVerifyUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pEncryptedPart: CK_BYTE_PTR?, _ ulEncryptedPartLen: CK_ULONG,
    _ pPart: CK_BYTE_PTR?, _ pulPartLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_DecryptVerifyUpdate") { library throws(CKError) in
        try library.session(hSession).decryptVerifyUpdate(
            Input(pEncryptedPart, ulEncryptedPartLen), into: Output(pPart, pulPartLen))
    }
}
