package import CPKCS11
internal import KMSSupport

/// A session: at most one operation of each kind at a time, and the objects that end with it.
package final class Session: Sendable {
    let handle: CK_SESSION_HANDLE
    let slotID: CK_SLOT_ID
    package let token: Token
    let isReadWrite: Bool

    let search = Locked<FindOperation?>(nil)
    let signing = OperationSlot<PendingOperation<any Signing>>()
    let verifying = OperationSlot<PendingOperation<any Verifying>>()
    let signRecovering = OperationSlot<PendingOperation<any Signing>>()
    let verifyRecovering = OperationSlot<PendingOperation<any Verifying>>()
    let encrypting = OperationSlot<PendingOperation<any Ciphering>>()
    let decrypting = OperationSlot<PendingOperation<any Ciphering>>()
    let digesting = OperationSlot<DigestOperation>()
    let messageSigning = OperationSlot<MessageOperation<any Signing>>()
    let messageVerifying = OperationSlot<MessageOperation<any Verifying>>()
    let messageEncrypting = OperationSlot<MessageCiphering>()
    let messageDecrypting = OperationSlot<MessageCiphering>()

    enum FindOperation {
        /// C_FindObjectsInit: nothing asked yet.
        case pending(Template)
        /// A C_FindObjects is at the KMS.
        case running
        case results(ArraySlice<CK_OBJECT_HANDLE>)
    }

    package init(handle: CK_SESSION_HANDLE = 1, slotID: CK_SLOT_ID, token: Token, isReadWrite: Bool) {
        self.handle = handle
        self.slotID = slotID
        self.token = token
        self.isReadWrite = isReadWrite
    }

    package var owner: ObjectOwner { ObjectOwner(session: handle, isReadWrite: isReadWrite) }

    package var info: CK_SESSION_INFO {
        let sessionState: CK_STATE =
            switch (isReadWrite, token.login.isLoggedIn) {
            case (false, false): CKS_RO_PUBLIC_SESSION
            case (false, true): CKS_RO_USER_FUNCTIONS
            case (true, false): CKS_RW_PUBLIC_SESSION
            case (true, true): CKS_RW_USER_FUNCTIONS
            }
        return CK_SESSION_INFO(
            slotID: slotID, state: sessionState, flags: CKF_SERIAL_SESSION | (isReadWrite ? CKF_RW_SESSION : 0),
            ulDeviceError: 0)
    }

    /// C_SessionCancel: ends the operations that `flags` names; those that are not active are no error.
    package func cancel(_ flags: CK_FLAGS) {
        if flags & CKF_FIND_OBJECTS != 0 { search.withLock { $0 = nil } }
        if flags & CKF_SIGN != 0 { signing.cancel() }
        if flags & CKF_VERIFY != 0 { verifying.cancel() }
        if flags & CKF_SIGN_RECOVER != 0 { signRecovering.cancel() }
        if flags & CKF_VERIFY_RECOVER != 0 { verifyRecovering.cancel() }
        if flags & CKF_ENCRYPT != 0 { encrypting.cancel() }
        if flags & CKF_DECRYPT != 0 { decrypting.cancel() }
        if flags & CKF_DIGEST != 0 { digesting.cancel() }
        if flags & CKF_MESSAGE_SIGN != 0 { messageSigning.cancel() }
        if flags & CKF_MESSAGE_VERIFY != 0 { messageVerifying.cancel() }
        if flags & CKF_MESSAGE_ENCRYPT != 0 { messageEncrypting.cancel() }
        if flags & CKF_MESSAGE_DECRYPT != 0 { messageDecrypting.cancel() }
    }

    func endAll() { cancel(~0) }
}

/// An operation with a key that may ask for the PIN each time (CKA_ALWAYS_AUTHENTICATE).
struct PendingOperation<Operation: Sendable>: Sendable {
    let operation: Operation
    /// Set by C_Login with CKU_CONTEXT_SPECIFIC; nil: not asked for.
    let authentication: Authentication?

    init(_ operation: Operation, _ key: KeyInUse) {
        self.operation = operation
        authentication = key.needsAuthentication ? Authentication() : nil
    }
}

/// Whether the PIN was given again.
final class Authentication: Sendable {
    private let isGiven = Locked(false)

    func give() { isGiven.withLock { $0 = true } }
    /// - Throws: CKR_USER_NOT_LOGGED_IN.
    func require() throws(CKError) {
        guard isGiven.withLock({ $0 }) else { throw CKError(CKR_USER_NOT_LOGGED_IN) }
    }
}
