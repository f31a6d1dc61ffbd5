package import CPKCS11
internal import KMSSupport

/// A session: at most one search and one signature at a time.
///
/// No lock is held while the KMS works. The call that goes to the network takes the operation out of the session first,
/// so C_CloseSession, C_Logout or a fork in the meantime meet a session that is whole.
package final class Session: Sendable {
    let slotID: CK_SLOT_ID
    let token: Token
    let isReadWrite: Bool
    let state = Locked(State())

    struct State {
        var find: FindOperation?
        var sign: SignOperation?
    }

    enum FindOperation {
        /// C_FindObjectsInit: nothing asked yet.
        case pending(Template)
        /// A C_FindObjects is at the KMS.
        case running
        case results(ArraySlice<CK_OBJECT_HANDLE>)
    }

    package init(slotID: CK_SLOT_ID, token: Token, isReadWrite: Bool) {
        self.slotID = slotID
        self.token = token
        self.isReadWrite = isReadWrite
    }

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
        state.withLock {
            if flags & CKF_FIND_OBJECTS != 0 { $0.find = nil }
            if flags & CKF_SIGN != 0 { $0.sign = nil }
        }
    }

    func endAll() { state.withLock { $0 = State() } }
}
