internal import CPKCS11
internal import KMSSupport

/// The place of a session for one kind of operation: a signature, a decryption, a digest …
///
/// No lock is held while an operation works. The call that works takes it out of its place first, so C_CloseSession,
/// C_Logout, C_SessionCancel or a fork in the meantime meet a session that is whole; and what was cancelled in the
/// meantime does not come back.
final class OperationSlot<Operation: Sendable>: Sendable {
    private let state = Locked(State())

    private struct State {
        var operation: Operation?
        /// C_…Update has been called; the one-part call may not follow then.
        var isMultiPart = false
        /// Counts what began and was cancelled.
        var epoch: UInt64 = 0
    }

    enum Call { case onePart, update, final }

    var isActive: Bool { current != nil }
    /// nil also while a call works with it.
    var current: Operation? { state.withLock { $0.operation } }

    /// - Throws: CKR_OPERATION_ACTIVE.
    func requireIdle() throws(CKError) {
        guard !isActive else { throw CKError(CKR_OPERATION_ACTIVE) }
    }

    /// - Throws: CKR_OPERATION_ACTIVE.
    func begin(_ operation: Operation) throws(CKError) {
        try state.withLock { state throws(CKError) in
            guard state.operation == nil else { throw CKError(CKR_OPERATION_ACTIVE) }
            state = State(operation: operation, epoch: state.epoch &+ 1)
        }
    }

    func cancel() {
        state.withLock { $0 = State(operation: nil, epoch: $0.epoch &+ 1) }
    }

    /// Works with the active operation. An error ends it, except for a buffer that is too small (section 5.2).
    ///
    /// - Parameter body: answers whether the operation is over; false after a size query.
    /// - Throws: CKR_OPERATION_NOT_INITIALIZED, CKR_OPERATION_ACTIVE for a one-part call between parts.
    func use(_ call: Call, _ body: (Operation) throws(CKError) -> Bool) throws(CKError) {
        let (operation, epoch, wasMultiPart) = try state.withLock {
            state throws(CKError) -> (Operation, UInt64, Bool) in
            guard let operation = state.operation else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
            guard call != .onePart || !state.isMultiPart else { throw CKError(CKR_OPERATION_ACTIVE) }
            state.operation = nil
            return (operation, state.epoch, state.isMultiPart)
        }
        let isMultiPart = wasMultiPart || call == .update
        do throws(CKError) {
            if try !body(operation) { putBack(operation, epoch, isMultiPart) }
        } catch {
            // The call had no effect, so neither do the parts begin with it.
            if error.rv == CKR_BUFFER_TOO_SMALL { putBack(operation, epoch, wasMultiPart) }
            throw error
        }
    }

    private func putBack(_ operation: Operation, _ epoch: UInt64, _ isMultiPart: Bool) {
        state.withLock { state in
            guard state.epoch == epoch, state.operation == nil else { return }
            state.operation = operation
            state.isMultiPart = isMultiPart
        }
    }
}
