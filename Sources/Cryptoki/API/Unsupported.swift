public import CPKCS11

// Functions that a remote KMS cannot do, or that are not built yet. Each answers CKR_FUNCTION_NOT_SUPPORTED, as section
// 5.1 of the standard asks; building one means deleting it here.

private func unsupported(_ name: StaticString) -> CK_RV {
    entry(name) { _ throws(CKError) in throw CKError(CKR_FUNCTION_NOT_SUPPORTED) }
}

@c @implementation
public func C_InitToken(
    _ slotID: CK_SLOT_ID, _ pPin: CK_UTF8CHAR_PTR?, _ ulPinLen: CK_ULONG, _ pLabel: CK_UTF8CHAR_PTR?
) -> CK_RV {
    unsupported("C_InitToken")
}

@c @implementation
public func C_InitPIN(_ hSession: CK_SESSION_HANDLE, _ pPin: CK_UTF8CHAR_PTR?, _ ulPinLen: CK_ULONG) -> CK_RV {
    unsupported("C_InitPIN")
}

@c @implementation
public func C_SetPIN(
    _ hSession: CK_SESSION_HANDLE, _ pOldPin: CK_UTF8CHAR_PTR?, _ ulOldLen: CK_ULONG, _ pNewPin: CK_UTF8CHAR_PTR?,
    _ ulNewLen: CK_ULONG
) -> CK_RV {
    unsupported("C_SetPIN")
}

@c @implementation
public func C_GetOperationState(
    _ hSession: CK_SESSION_HANDLE, _ pOperationState: CK_BYTE_PTR?, _ pulOperationStateLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_GetOperationState")
}

@c @implementation
public func C_SetOperationState(
    _ hSession: CK_SESSION_HANDLE, _ pOperationState: CK_BYTE_PTR?, _ ulOperationStateLen: CK_ULONG,
    _ hEncryptionKey: CK_OBJECT_HANDLE, _ hAuthenticationKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_SetOperationState")
}

@c @implementation
public func C_CreateObject(
    _ hSession: CK_SESSION_HANDLE, _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulCount: CK_ULONG,
    _ phObject: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    unsupported("C_CreateObject")
}

@c @implementation
public func C_CopyObject(
    _ hSession: CK_SESSION_HANDLE, _ hObject: CK_OBJECT_HANDLE, _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulCount: CK_ULONG,
    _ phNewObject: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    unsupported("C_CopyObject")
}

@c @implementation
public func C_DestroyObject(_ hSession: CK_SESSION_HANDLE, _ hObject: CK_OBJECT_HANDLE) -> CK_RV {
    unsupported("C_DestroyObject")
}

@c @implementation
public func C_SetAttributeValue(
    _ hSession: CK_SESSION_HANDLE, _ hObject: CK_OBJECT_HANDLE, _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulCount: CK_ULONG
) -> CK_RV {
    unsupported("C_SetAttributeValue")
}

@c @implementation
public func C_EncryptInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_EncryptInit")
}

@c @implementation
public func C_Encrypt(
    _ hSession: CK_SESSION_HANDLE, _ pData: CK_BYTE_PTR?, _ ulDataLen: CK_ULONG, _ pEncryptedData: CK_BYTE_PTR?,
    _ pulEncryptedDataLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_Encrypt")
}

@c @implementation
public func C_EncryptUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG, _ pEncryptedPart: CK_BYTE_PTR?,
    _ pulEncryptedPartLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_EncryptUpdate")
}

@c @implementation
public func C_EncryptFinal(
    _ hSession: CK_SESSION_HANDLE, _ pLastEncryptedPart: CK_BYTE_PTR?, _ pulLastEncryptedPartLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_EncryptFinal")
}

@c @implementation
public func C_DecryptInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_DecryptInit")
}

@c @implementation
public func C_Decrypt(
    _ hSession: CK_SESSION_HANDLE, _ pEncryptedData: CK_BYTE_PTR?, _ ulEncryptedDataLen: CK_ULONG,
    _ pData: CK_BYTE_PTR?, _ pulDataLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_Decrypt")
}

@c @implementation
public func C_DecryptUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pEncryptedPart: CK_BYTE_PTR?, _ ulEncryptedPartLen: CK_ULONG,
    _ pPart: CK_BYTE_PTR?, _ pulPartLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_DecryptUpdate")
}

@c @implementation
public func C_DecryptFinal(
    _ hSession: CK_SESSION_HANDLE, _ pLastPart: CK_BYTE_PTR?, _ pulLastPartLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_DecryptFinal")
}

@c @implementation
public func C_DigestInit(_ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?) -> CK_RV {
    unsupported("C_DigestInit")
}

@c @implementation
public func C_Digest(
    _ hSession: CK_SESSION_HANDLE, _ pData: CK_BYTE_PTR?, _ ulDataLen: CK_ULONG, _ pDigest: CK_BYTE_PTR?,
    _ pulDigestLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_Digest")
}

@c @implementation
public func C_DigestUpdate(_ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG) -> CK_RV {
    unsupported("C_DigestUpdate")
}

@c @implementation
public func C_DigestKey(_ hSession: CK_SESSION_HANDLE, _ hKey: CK_OBJECT_HANDLE) -> CK_RV {
    unsupported("C_DigestKey")
}

@c @implementation
public func C_DigestFinal(
    _ hSession: CK_SESSION_HANDLE, _ pDigest: CK_BYTE_PTR?, _ pulDigestLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_DigestFinal")
}

@c @implementation
public func C_SignRecoverInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_SignRecoverInit")
}

@c @implementation
public func C_SignRecover(
    _ hSession: CK_SESSION_HANDLE, _ pData: CK_BYTE_PTR?, _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?,
    _ pulSignatureLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_SignRecover")
}

@c @implementation
public func C_VerifyInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_VerifyInit")
}

@c @implementation
public func C_Verify(
    _ hSession: CK_SESSION_HANDLE, _ pData: CK_BYTE_PTR?, _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?,
    _ ulSignatureLen: CK_ULONG
) -> CK_RV {
    unsupported("C_Verify")
}

@c @implementation
public func C_VerifyUpdate(_ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG) -> CK_RV {
    unsupported("C_VerifyUpdate")
}

@c @implementation
public func C_VerifyFinal(
    _ hSession: CK_SESSION_HANDLE, _ pSignature: CK_BYTE_PTR?, _ ulSignatureLen: CK_ULONG
) -> CK_RV {
    unsupported("C_VerifyFinal")
}

@c @implementation
public func C_VerifyRecoverInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_VerifyRecoverInit")
}

@c @implementation
public func C_VerifyRecover(
    _ hSession: CK_SESSION_HANDLE, _ pSignature: CK_BYTE_PTR?, _ ulSignatureLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ pulDataLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_VerifyRecover")
}

@c @implementation
public func C_DigestEncryptUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG, _ pEncryptedPart: CK_BYTE_PTR?,
    _ pulEncryptedPartLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_DigestEncryptUpdate")
}

@c @implementation
public func C_DecryptDigestUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pEncryptedPart: CK_BYTE_PTR?, _ ulEncryptedPartLen: CK_ULONG,
    _ pPart: CK_BYTE_PTR?, _ pulPartLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_DecryptDigestUpdate")
}

@c @implementation
public func C_SignEncryptUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pPart: CK_BYTE_PTR?, _ ulPartLen: CK_ULONG, _ pEncryptedPart: CK_BYTE_PTR?,
    _ pulEncryptedPartLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_SignEncryptUpdate")
}

@c @implementation
public func C_DecryptVerifyUpdate(
    _ hSession: CK_SESSION_HANDLE, _ pEncryptedPart: CK_BYTE_PTR?, _ ulEncryptedPartLen: CK_ULONG,
    _ pPart: CK_BYTE_PTR?, _ pulPartLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_DecryptVerifyUpdate")
}

@c @implementation
public func C_GenerateKey(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ pTemplate: CK_ATTRIBUTE_PTR?,
    _ ulCount: CK_ULONG, _ phKey: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    unsupported("C_GenerateKey")
}

@c @implementation
public func C_GenerateKeyPair(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ pPublicKeyTemplate: CK_ATTRIBUTE_PTR?,
    _ ulPublicKeyAttributeCount: CK_ULONG, _ pPrivateKeyTemplate: CK_ATTRIBUTE_PTR?,
    _ ulPrivateKeyAttributeCount: CK_ULONG, _ phPublicKey: CK_OBJECT_HANDLE_PTR?,
    _ phPrivateKey: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    unsupported("C_GenerateKeyPair")
}

@c @implementation
public func C_WrapKey(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hWrappingKey: CK_OBJECT_HANDLE,
    _ hKey: CK_OBJECT_HANDLE, _ pWrappedKey: CK_BYTE_PTR?, _ pulWrappedKeyLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_WrapKey")
}

@c @implementation
public func C_UnwrapKey(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hUnwrappingKey: CK_OBJECT_HANDLE,
    _ pWrappedKey: CK_BYTE_PTR?, _ ulWrappedKeyLen: CK_ULONG, _ pTemplate: CK_ATTRIBUTE_PTR?,
    _ ulAttributeCount: CK_ULONG, _ phKey: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    unsupported("C_UnwrapKey")
}

@c @implementation
public func C_DeriveKey(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hBaseKey: CK_OBJECT_HANDLE,
    _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulAttributeCount: CK_ULONG, _ phKey: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    unsupported("C_DeriveKey")
}

@c @implementation
public func C_WaitForSlotEvent(_ flags: CK_FLAGS, _ pSlot: CK_SLOT_ID_PTR?, _ pReserved: CK_VOID_PTR?) -> CK_RV {
    unsupported("C_WaitForSlotEvent")
}

@c @implementation
public func C_LoginUser(
    _ hSession: CK_SESSION_HANDLE, _ userType: CK_USER_TYPE, _ pPin: CK_UTF8CHAR_PTR?, _ ulPinLen: CK_ULONG,
    _ pUsername: CK_UTF8CHAR_PTR?, _ ulUsernameLen: CK_ULONG
) -> CK_RV {
    unsupported("C_LoginUser")
}

@c @implementation
public func C_MessageEncryptInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_MessageEncryptInit")
}

@c @implementation
public func C_EncryptMessage(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pAssociatedData: CK_BYTE_PTR?, _ ulAssociatedDataLen: CK_ULONG, _ pPlaintext: CK_BYTE_PTR?,
    _ ulPlaintextLen: CK_ULONG, _ pCiphertext: CK_BYTE_PTR?, _ pulCiphertextLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_EncryptMessage")
}

@c @implementation
public func C_EncryptMessageBegin(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pAssociatedData: CK_BYTE_PTR?, _ ulAssociatedDataLen: CK_ULONG
) -> CK_RV {
    unsupported("C_EncryptMessageBegin")
}

@c @implementation
public func C_EncryptMessageNext(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pPlaintextPart: CK_BYTE_PTR?, _ ulPlaintextPartLen: CK_ULONG, _ pCiphertextPart: CK_BYTE_PTR?,
    _ pulCiphertextPartLen: CK_ULONG_PTR?, _ flags: CK_FLAGS
) -> CK_RV {
    unsupported("C_EncryptMessageNext")
}

@c @implementation
public func C_MessageEncryptFinal(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    unsupported("C_MessageEncryptFinal")
}

@c @implementation
public func C_MessageDecryptInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_MessageDecryptInit")
}

@c @implementation
public func C_DecryptMessage(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pAssociatedData: CK_BYTE_PTR?, _ ulAssociatedDataLen: CK_ULONG, _ pCiphertext: CK_BYTE_PTR?,
    _ ulCiphertextLen: CK_ULONG, _ pPlaintext: CK_BYTE_PTR?, _ pulPlaintextLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_DecryptMessage")
}

@c @implementation
public func C_DecryptMessageBegin(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pAssociatedData: CK_BYTE_PTR?, _ ulAssociatedDataLen: CK_ULONG
) -> CK_RV {
    unsupported("C_DecryptMessageBegin")
}

@c @implementation
public func C_DecryptMessageNext(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG,
    _ pCiphertextPart: CK_BYTE_PTR?, _ ulCiphertextPartLen: CK_ULONG, _ pPlaintextPart: CK_BYTE_PTR?,
    _ pulPlaintextPartLen: CK_ULONG_PTR?, _ flags: CK_FLAGS
) -> CK_RV {
    unsupported("C_DecryptMessageNext")
}

@c @implementation
public func C_MessageDecryptFinal(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    unsupported("C_MessageDecryptFinal")
}

@c @implementation
public func C_MessageSignInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_MessageSignInit")
}

@c @implementation
public func C_SignMessage(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?, _ pulSignatureLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_SignMessage")
}

@c @implementation
public func C_SignMessageBegin(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG
) -> CK_RV {
    unsupported("C_SignMessageBegin")
}

@c @implementation
public func C_SignMessageNext(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?, _ pulSignatureLen: CK_ULONG_PTR?
) -> CK_RV {
    unsupported("C_SignMessageNext")
}

@c @implementation
public func C_MessageSignFinal(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    unsupported("C_MessageSignFinal")
}

@c @implementation
public func C_MessageVerifyInit(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hKey: CK_OBJECT_HANDLE
) -> CK_RV {
    unsupported("C_MessageVerifyInit")
}

@c @implementation
public func C_VerifyMessage(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?, _ ulSignatureLen: CK_ULONG
) -> CK_RV {
    unsupported("C_VerifyMessage")
}

@c @implementation
public func C_VerifyMessageBegin(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG
) -> CK_RV {
    unsupported("C_VerifyMessageBegin")
}

@c @implementation
public func C_VerifyMessageNext(
    _ hSession: CK_SESSION_HANDLE, _ pParameter: CK_VOID_PTR?, _ ulParameterLen: CK_ULONG, _ pData: CK_BYTE_PTR?,
    _ ulDataLen: CK_ULONG, _ pSignature: CK_BYTE_PTR?, _ ulSignatureLen: CK_ULONG
) -> CK_RV {
    unsupported("C_VerifyMessageNext")
}

@c @implementation
public func C_MessageVerifyFinal(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    unsupported("C_MessageVerifyFinal")
}
