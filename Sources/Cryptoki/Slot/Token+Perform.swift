internal import CPKCS11
internal import KMSBackend
internal import KMSSupport

extension Token {
    /// Asks the KMS that holds `key`, or this process where it is a session's own, and turns a refusal into a return
    /// value, with a line in the log that says why.
    ///
    /// - Parameter what: the C_ function and what it works on.
    func perform<Result>(
        _ what: @autoclosure () -> String, _ purpose: Purpose, on key: KeyID?,
        _ body: (any Backend, Deadline) throws(BackendError) -> Result
    ) throws(CKError) -> Result {
        let deadline = deadline()
        do throws(BackendError) {
            if key?.kind == .local { return try body(localKeys, deadline) }
            return try login.renewing(deadline) { () throws(BackendError) in try body(backend, deadline) }
        } catch {
            report(error, what())
            throw CKError(error, purpose)
        }
    }

    private func report(_ error: BackendError, _ what: String) {
        let line = "\(what): \(error.message)"
        switch error.kind {
        // A C_Logout of another thread is the host's own doing.
        case .unauthenticated where !login.isLoggedIn: Log.info(line)
        // So is a signature or ciphertext that somebody made up.
        case .invalid: Log.info(line)
        default: Log.error(line)
        }
        // The key may be gone or changed: let the next search ask.
        if error.kind == .notFound { invalidateObjects() }
    }
}
