public import CPKCS11

// PKCS#11 3.0 section 5.5, slot and token management. None of these goes to the network.

@c @implementation
public func C_GetSlotList(
    _ tokenPresent: CK_BBOOL, _ pSlotList: CK_SLOT_ID_PTR?, _ pulCount: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_GetSlotList") { library throws(CKError) in
        let slots = library.slots.filter { tokenPresent == CK_FALSE || $0.isTokenPresent }
        try place(slots.map(\.id), into: pSlotList, count: pulCount)
    }
}

@c @implementation
public func C_GetSlotInfo(_ slotID: CK_SLOT_ID, _ pInfo: CK_SLOT_INFO_PTR?) -> CK_RV {
    entry("C_GetSlotInfo") { library throws(CKError) in
        let slot = try library.slot(slotID)
        guard let pInfo else { throw CKError(CKR_ARGUMENTS_BAD) }
        pInfo.pointee = slot.info
    }
}

@c @implementation
public func C_GetTokenInfo(_ slotID: CK_SLOT_ID, _ pInfo: CK_TOKEN_INFO_PTR?) -> CK_RV {
    entry("C_GetTokenInfo") { library throws(CKError) in
        let token = try library.token(slotID)
        guard let pInfo else { throw CKError(CKR_ARGUMENTS_BAD) }
        pInfo.pointee = token.info(sessions: library.sessionCounts(slotID))
    }
}

@c @implementation
public func C_GetMechanismList(
    _ slotID: CK_SLOT_ID, _ pMechanismList: CK_MECHANISM_TYPE_PTR?, _ pulCount: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_GetMechanismList") { library throws(CKError) in
        try place(library.token(slotID).mechanisms.rows.map(\.type), into: pMechanismList, count: pulCount)
    }
}

@c @implementation
public func C_GetMechanismInfo(
    _ slotID: CK_SLOT_ID, _ type: CK_MECHANISM_TYPE, _ pInfo: CK_MECHANISM_INFO_PTR?
) -> CK_RV {
    entry("C_GetMechanismInfo") { library throws(CKError) in
        let mechanism = try library.token(slotID).mechanisms.row(type).mechanism
        guard let pInfo else { throw CKError(CKR_ARGUMENTS_BAD) }
        pInfo.pointee = mechanism.info
    }
}

@c @implementation
public func C_WaitForSlotEvent(_ flags: CK_FLAGS, _ pSlot: CK_SLOT_ID_PTR?, _ pReserved: CK_VOID_PTR?) -> CK_RV {
    entry("C_WaitForSlotEvent") { library throws(CKError) in
        guard let pSlot, pReserved == nil else { throw CKError(CKR_ARGUMENTS_BAD) }
        pSlot.pointee = try library.waitForSlotEvent(isBlocking: flags & CKF_DONT_BLOCK == 0)
    }
}
