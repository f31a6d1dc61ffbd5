public import CPKCS11

// PKCS#11 3.0 section 5.21: left over from version 1; the standard prescribes the answer.

@c @implementation
public func C_GetFunctionStatus(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_GetFunctionStatus") { library throws(CKError) in
        _ = try library.session(hSession)
        throw CKError(CKR_FUNCTION_NOT_PARALLEL)
    }
}

@c @implementation
public func C_CancelFunction(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_CancelFunction") { library throws(CKError) in
        _ = try library.session(hSession)
        throw CKError(CKR_FUNCTION_NOT_PARALLEL)
    }
}
