public import CPKCS11

// PKCS#11 3.0 sections 5.8 and 5.9, encryption and decryption.

@c @implementation
public func C_EncryptInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_EncryptInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.encrypting.cancel() }
        try session.encryptInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_Encrypt(
    _ hSession: CK_SESSION_HANDLE, _ pData: CK_BYTE_PTR?, _ ulDataLen: CK_ULONG, _ pEncryptedData: CK_BYTE_PTR?,
    _ pulEncryptedDataLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_Encrypt") { library throws(CKError) in
        try library.session(hSession).encrypt(
            Input(pData, ulDataLen), into: Output(pEncryptedData, pulEncryptedDataLen))
    }
}

@c @implementation
public func C_EncryptUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG, _ pEncryptedPart: CK_BYTE_PTR?,
    _ pulEncryptedPartLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_EncryptUpdate") { library throws(CKError) in
        try library.session(hSession).encryptUpdate(
            Input(pPart, ulPartLen), into: Output(pEncryptedPart, pulEncryptedPartLen))
    }
}

@c @implementation
public func C_EncryptFinal(
    _ hSession: CK_SESSION_HANDLE, _ pLastEncryptedPart: CK_BYTE_PTR?, _ pulLastEncryptedPartLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_EncryptFinal") { library throws(CKError) in
        try library.session(hSession).encryptFinal(into: Output(pLastEncryptedPart, pulLastEncryptedPartLen))
    }
}

@c @implementation
public func C_DecryptInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_DecryptInit") { library throws(CKError) in
        let session = try library.session(hSession)
        // Section 5.2: a null mechanism ends the active operation.
        guard let pMechanism else { return session.decrypting.cancel() }
        try session.decryptInit(MechanismRequest(pMechanism), key: hKey)
    }
}

@c @implementation
public func C_Decrypt(
    _ hSession: CK_SESSION_HANDLE, _ pEncryptedData: CK_BYTE_PTR?, _ ulEncryptedDataLen: CK_ULONG,
    _ pData: CK_BYTE_PTR?, _ pulDataLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_Decrypt") { library throws(CKError) in
        try library.session(hSession).decrypt(
            Input(pEncryptedData, ulEncryptedDataLen), into: Output(pData, pulDataLen))
    }
}

@c @implementation
public func C_DecryptUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pEncryptedPart: CK_BYTE_PTR?, _ ulEncryptedPartLen: CK_ULONG,
    _ pPart: CK_BYTE_PTR?, _ pulPartLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_DecryptUpdate") { library throws(CKError) in
        try library.session(hSession).decryptUpdate(
            Input(pEncryptedPart, ulEncryptedPartLen), into: Output(pPart, pulPartLen))
    }
}

@c @implementation
public func C_DecryptFinal(
    _ hSession: CK_SESSION_HANDLE, _ pLastPart: CK_BYTE_PTR?, _ pulLastPartLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_DecryptFinal") { library throws(CKError) in
        try library.session(hSession).decryptFinal(into: Output(pLastPart, pulLastPartLen))
    }
}
