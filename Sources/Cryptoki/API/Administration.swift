public import CPKCS11
internal import KMSSupport

// PKCS#11 3.0 sections 5.5.7 to 5.5.9: what only an administrator of the KMS can do, with the KMS's own tools. The
// arguments are looked at all the same, so that a host learns of its mistake first.

private func refuse(_ what: StaticString) throws(CKError) {
    Log.warning("\(what) is up to the KMS's administrator: apps and their API keys are made there")
    throw CKError(CKR_FUNCTION_NOT_SUPPORTED)
}

@c @implementation
public func C_InitToken(
    _ slotID: CK_SLOT_ID, _ pPin: CK_UTF8CHAR_PTR?, _ ulPinLen: CK_ULONG, _ pLabel: CK_UTF8CHAR_PTR?
) -> CK_RV {
    entry("C_InitToken") { library throws(CKError) in
        _ = try library.token(slotID)
        try refuse("initialising a token")
    }
}

@c @implementation
public func C_InitPIN(_ hSession: CK_SESSION_HANDLE, _ pPin: CK_UTF8CHAR_PTR?, _ ulPinLen: CK_ULONG) -> CK_RV {
    entry("C_InitPIN") { library throws(CKError) in
        _ = try library.session(hSession)
        try refuse("setting a PIN")
    }
}

@c @implementation
public func C_SetPIN(
    _ hSession: CK_SESSION_HANDLE, _ pOldPin: CK_UTF8CHAR_PTR?, _ ulOldLen: CK_ULONG, _ pNewPin: CK_UTF8CHAR_PTR?,
    _ ulNewLen: CK_ULONG
) -> CK_RV {
    entry("C_SetPIN") { library throws(CKError) in
        guard try library.session(hSession).isReadWrite else { throw CKError(CKR_SESSION_READ_ONLY) }
        try refuse("changing a PIN")
    }
}
