public import CPKCS11

// PKCS#11 3.0 section 5.6, session management.

@c @implementation
public func C_OpenSession(
    _ slotID: CK_SLOT_ID, _ flags: CK_FLAGS, _ pApplication: CK_VOID_PTR?, _ Notify: CK_NOTIFY?,
    _ phSession: CK_SESSION_HANDLE_PTR?
) -> CK_RV {
    entry("C_OpenSession") { library throws(CKError) in
        guard let phSession else { throw CKError(CKR_ARGUMENTS_BAD) }
        phSession.pointee = try library.openSession(slotID, flags: flags)
    }
}

@c @implementation
public func C_CloseSession(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_CloseSession") { library throws(CKError) in try library.closeSession(hSession) }
}

@c @implementation
public func C_CloseAllSessions(_ slotID: CK_SLOT_ID) -> CK_RV {
    entry("C_CloseAllSessions") { library throws(CKError) in try library.closeAllSessions(slotID) }
}

@c @implementation
public func C_GetSessionInfo(_ hSession: CK_SESSION_HANDLE, _ pInfo: CK_SESSION_INFO_PTR?) -> CK_RV {
    entry("C_GetSessionInfo") { library throws(CKError) in
        let session = try library.session(hSession)
        guard let pInfo else { throw CKError(CKR_ARGUMENTS_BAD) }
        pInfo.pointee = session.info
    }
}

@c @implementation
public func C_SessionCancel(_ hSession: CK_SESSION_HANDLE, _ flags: CK_FLAGS) -> CK_RV {
    entry("C_SessionCancel") { library throws(CKError) in try library.session(hSession).cancel(flags) }
}

@c @implementation
public func C_Login(
    _ hSession: CK_SESSION_HANDLE, _ userType: CK_USER_TYPE, _ pPin: CK_UTF8CHAR_PTR?, _ ulPinLen: CK_ULONG
) -> CK_RV {
    entry("C_Login") { library throws(CKError) in
        try library.session(hSession).login(userType, pin: Input(pPin, ulPinLen))
    }
}

@c @implementation
public func C_Logout(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_Logout") { library throws(CKError) in
        let session = try library.session(hSession)
        try session.token.logout()
        library.endOperations(of: session.token)
    }
}

@c @implementation
public func C_GetOperationState(
    _ hSession: CK_SESSION_HANDLE, _ pOperationState: CK_BYTE_PTR?, _ pulOperationStateLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_GetOperationState") { library throws(CKError) in
        try library.session(hSession).getState(into: Output(pOperationState, pulOperationStateLen))
    }
}

@c @implementation
public func C_SetOperationState(
    _ hSession: CK_SESSION_HANDLE, _ pOperationState: CK_BYTE_PTR?, _ ulOperationStateLen: CK_ULONG,
    _ hEncryptionKey: CK_OBJECT_HANDLE, _ hAuthenticationKey: CK_OBJECT_HANDLE
) -> CK_RV {
    entry("C_SetOperationState") { library throws(CKError) in
        try library.session(hSession).setState(
            Input(pOperationState, ulOperationStateLen), encryptionKey: hEncryptionKey,
            authenticationKey: hAuthenticationKey)
    }
}

@c @implementation
public func C_LoginUser(
    _ hSession: CK_SESSION_HANDLE, _ userType: CK_USER_TYPE, _ pPin: CK_UTF8CHAR_PTR?, _ ulPinLen: CK_ULONG,
    _ pUsername: CK_UTF8CHAR_PTR?, _ ulUsernameLen: CK_ULONG
) -> CK_RV {
    entry("C_LoginUser") { library throws(CKError) in
        let session = try library.session(hSession)
        try session.login(userType, pin: Input(pPin, ulPinLen), hasUsername: ulUsernameLen != 0)
    }
}
