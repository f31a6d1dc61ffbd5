internal import CPKCS11
internal import KMSSupport

extension Library {
    /// Between two looks at the KMSs, in milliseconds.
    private static var interval: Int { 1_000 }

    /// C_WaitForSlotEvent (section 5.5.4): a KMS that goes is a token that is removed. There is no thread in this module
    /// to watch for that, so the caller's own asks each KMS for its health, again and again when it may block.
    ///
    /// - Throws: CKR_NO_EVENT, CKR_CRYPTOKI_NOT_INITIALIZED after another thread's C_Finalize.
    func waitForSlotEvent(isBlocking: Bool) throws(CKError) -> CK_SLOT_ID {
        while true {
            for slot in slots where slot.hasChanged() { return slot.id }
            guard isBlocking else { throw CKError(CKR_NO_EVENT) }
            try pause()
        }
    }

    private func pause() throws(CKError) {
        let slice = 100
        for _ in 0..<Library.interval / slice {
            Gate.pause(milliseconds: slice)
            guard isInitialized else { throw CKError(CKR_CRYPTOKI_NOT_INITIALIZED) }
        }
    }
}

extension Slot {
    /// In milliseconds; a KMS that takes longer counts as gone.
    private static var patience: Int { 2_000 }

    /// Whether the KMS has come or gone since the last call.
    fileprivate func hasChanged() -> Bool {
        guard let token else { return false }
        let isThere = token.isReachable(by: Deadline(milliseconds: Slot.patience))
        return presence.withLock { presence in
            defer { presence = isThere }
            return presence != isThere
        }
    }
}
