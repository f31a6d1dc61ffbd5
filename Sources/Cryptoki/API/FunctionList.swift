public import CPKCS11

// The tables that a host gets its functions from (section 5.4). They are lent out for ever and never change. As constant
// structures of function addresses they need no initialiser that would run through swift_once.

private nonisolated(unsafe) var functionList = CK_FUNCTION_LIST(
    version: CK_VERSION(major: 2, minor: 40),
    C_Initialize: C_Initialize, C_Finalize: C_Finalize, C_GetInfo: C_GetInfo, C_GetFunctionList: C_GetFunctionList,
    C_GetSlotList: C_GetSlotList, C_GetSlotInfo: C_GetSlotInfo, C_GetTokenInfo: C_GetTokenInfo,
    C_GetMechanismList: C_GetMechanismList, C_GetMechanismInfo: C_GetMechanismInfo, C_InitToken: C_InitToken,
    C_InitPIN: C_InitPIN, C_SetPIN: C_SetPIN, C_OpenSession: C_OpenSession, C_CloseSession: C_CloseSession,
    C_CloseAllSessions: C_CloseAllSessions, C_GetSessionInfo: C_GetSessionInfo,
    C_GetOperationState: C_GetOperationState, C_SetOperationState: C_SetOperationState, C_Login: C_Login,
    C_Logout: C_Logout, C_CreateObject: C_CreateObject, C_CopyObject: C_CopyObject, C_DestroyObject: C_DestroyObject,
    C_GetObjectSize: C_GetObjectSize, C_GetAttributeValue: C_GetAttributeValue,
    C_SetAttributeValue: C_SetAttributeValue, C_FindObjectsInit: C_FindObjectsInit, C_FindObjects: C_FindObjects,
    C_FindObjectsFinal: C_FindObjectsFinal, C_EncryptInit: C_EncryptInit, C_Encrypt: C_Encrypt,
    C_EncryptUpdate: C_EncryptUpdate, C_EncryptFinal: C_EncryptFinal, C_DecryptInit: C_DecryptInit,
    C_Decrypt: C_Decrypt, C_DecryptUpdate: C_DecryptUpdate, C_DecryptFinal: C_DecryptFinal,
    C_DigestInit: C_DigestInit, C_Digest: C_Digest, C_DigestUpdate: C_DigestUpdate, C_DigestKey: C_DigestKey,
    C_DigestFinal: C_DigestFinal, C_SignInit: C_SignInit, C_Sign: C_Sign, C_SignUpdate: C_SignUpdate,
    C_SignFinal: C_SignFinal, C_SignRecoverInit: C_SignRecoverInit, C_SignRecover: C_SignRecover,
    C_VerifyInit: C_VerifyInit, C_Verify: C_Verify, C_VerifyUpdate: C_VerifyUpdate, C_VerifyFinal: C_VerifyFinal,
    C_VerifyRecoverInit: C_VerifyRecoverInit, C_VerifyRecover: C_VerifyRecover,
    C_DigestEncryptUpdate: C_DigestEncryptUpdate, C_DecryptDigestUpdate: C_DecryptDigestUpdate,
    C_SignEncryptUpdate: C_SignEncryptUpdate, C_DecryptVerifyUpdate: C_DecryptVerifyUpdate,
    C_GenerateKey: C_GenerateKey, C_GenerateKeyPair: C_GenerateKeyPair, C_WrapKey: C_WrapKey,
    C_UnwrapKey: C_UnwrapKey, C_DeriveKey: C_DeriveKey, C_SeedRandom: C_SeedRandom,
    C_GenerateRandom: C_GenerateRandom, C_GetFunctionStatus: C_GetFunctionStatus, C_CancelFunction: C_CancelFunction,
    C_WaitForSlotEvent: C_WaitForSlotEvent)

private nonisolated(unsafe) var functionList30 = CK_FUNCTION_LIST_3_0(
    version: CK_VERSION(major: 3, minor: 0),
    C_Initialize: C_Initialize, C_Finalize: C_Finalize, C_GetInfo: C_GetInfo, C_GetFunctionList: C_GetFunctionList,
    C_GetSlotList: C_GetSlotList, C_GetSlotInfo: C_GetSlotInfo, C_GetTokenInfo: C_GetTokenInfo,
    C_GetMechanismList: C_GetMechanismList, C_GetMechanismInfo: C_GetMechanismInfo, C_InitToken: C_InitToken,
    C_InitPIN: C_InitPIN, C_SetPIN: C_SetPIN, C_OpenSession: C_OpenSession, C_CloseSession: C_CloseSession,
    C_CloseAllSessions: C_CloseAllSessions, C_GetSessionInfo: C_GetSessionInfo,
    C_GetOperationState: C_GetOperationState, C_SetOperationState: C_SetOperationState, C_Login: C_Login,
    C_Logout: C_Logout, C_CreateObject: C_CreateObject, C_CopyObject: C_CopyObject, C_DestroyObject: C_DestroyObject,
    C_GetObjectSize: C_GetObjectSize, C_GetAttributeValue: C_GetAttributeValue,
    C_SetAttributeValue: C_SetAttributeValue, C_FindObjectsInit: C_FindObjectsInit, C_FindObjects: C_FindObjects,
    C_FindObjectsFinal: C_FindObjectsFinal, C_EncryptInit: C_EncryptInit, C_Encrypt: C_Encrypt,
    C_EncryptUpdate: C_EncryptUpdate, C_EncryptFinal: C_EncryptFinal, C_DecryptInit: C_DecryptInit,
    C_Decrypt: C_Decrypt, C_DecryptUpdate: C_DecryptUpdate, C_DecryptFinal: C_DecryptFinal,
    C_DigestInit: C_DigestInit, C_Digest: C_Digest, C_DigestUpdate: C_DigestUpdate, C_DigestKey: C_DigestKey,
    C_DigestFinal: C_DigestFinal, C_SignInit: C_SignInit, C_Sign: C_Sign, C_SignUpdate: C_SignUpdate,
    C_SignFinal: C_SignFinal, C_SignRecoverInit: C_SignRecoverInit, C_SignRecover: C_SignRecover,
    C_VerifyInit: C_VerifyInit, C_Verify: C_Verify, C_VerifyUpdate: C_VerifyUpdate, C_VerifyFinal: C_VerifyFinal,
    C_VerifyRecoverInit: C_VerifyRecoverInit, C_VerifyRecover: C_VerifyRecover,
    C_DigestEncryptUpdate: C_DigestEncryptUpdate, C_DecryptDigestUpdate: C_DecryptDigestUpdate,
    C_SignEncryptUpdate: C_SignEncryptUpdate, C_DecryptVerifyUpdate: C_DecryptVerifyUpdate,
    C_GenerateKey: C_GenerateKey, C_GenerateKeyPair: C_GenerateKeyPair, C_WrapKey: C_WrapKey,
    C_UnwrapKey: C_UnwrapKey, C_DeriveKey: C_DeriveKey, C_SeedRandom: C_SeedRandom,
    C_GenerateRandom: C_GenerateRandom, C_GetFunctionStatus: C_GetFunctionStatus, C_CancelFunction: C_CancelFunction,
    C_WaitForSlotEvent: C_WaitForSlotEvent, C_GetInterfaceList: C_GetInterfaceList, C_GetInterface: C_GetInterface,
    C_LoginUser: C_LoginUser, C_SessionCancel: C_SessionCancel, C_MessageEncryptInit: C_MessageEncryptInit,
    C_EncryptMessage: C_EncryptMessage, C_EncryptMessageBegin: C_EncryptMessageBegin,
    C_EncryptMessageNext: C_EncryptMessageNext, C_MessageEncryptFinal: C_MessageEncryptFinal,
    C_MessageDecryptInit: C_MessageDecryptInit, C_DecryptMessage: C_DecryptMessage,
    C_DecryptMessageBegin: C_DecryptMessageBegin, C_DecryptMessageNext: C_DecryptMessageNext,
    C_MessageDecryptFinal: C_MessageDecryptFinal, C_MessageSignInit: C_MessageSignInit, C_SignMessage: C_SignMessage,
    C_SignMessageBegin: C_SignMessageBegin, C_SignMessageNext: C_SignMessageNext,
    C_MessageSignFinal: C_MessageSignFinal, C_MessageVerifyInit: C_MessageVerifyInit,
    C_VerifyMessage: C_VerifyMessage, C_VerifyMessageBegin: C_VerifyMessageBegin,
    C_VerifyMessageNext: C_VerifyMessageNext, C_MessageVerifyFinal: C_MessageVerifyFinal)

@c @implementation
public func C_GetFunctionList(_ ppFunctionList: CK_FUNCTION_LIST_PTR_PTR?) -> CK_RV {
    guard let ppFunctionList else { return CKR_ARGUMENTS_BAD }
    ppFunctionList.pointee = FunctionTables.version240
    return CKR_OK
}

/// The addresses of the tables.
enum FunctionTables {
    static var version240: CK_FUNCTION_LIST_PTR { withUnsafeMutablePointer(to: &functionList) { $0 } }
    static var version30: CK_FUNCTION_LIST_3_0_PTR { withUnsafeMutablePointer(to: &functionList30) { $0 } }
}
