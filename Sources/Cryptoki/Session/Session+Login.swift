package import CPKCS11
internal import KMSSupport

// C_Login and C_LoginUser (sections 5.6.7 and 5.6.8).
extension Session {
    /// - Parameter hasUsername: an API key names its app already, so nobody has a name beside it.
    package func login(_ userType: CK_USER_TYPE, pin: Input, hasUsername: Bool = false) throws(CKError) {
        guard !hasUsername else {
            Log.error("C_LoginUser: leave the user name empty: the API key in the PIN says which app it belongs to")
            throw CKError(CKR_ARGUMENTS_BAD)
        }
        guard userType == CKU_CONTEXT_SPECIFIC else { return try token.login(userType, pin: pin) }
        guard token.login.isLoggedIn else { throw CKError(CKR_USER_NOT_LOGGED_IN) }
        // The operation that has just begun with a key whose CKA_ALWAYS_AUTHENTICATE is true.
        let waiting = [
            signing.current?.authentication, decrypting.current?.authentication, encrypting.current?.authentication,
            signRecovering.current?.authentication, verifying.current?.authentication,
        ].compactMap { $0 }
        guard !waiting.isEmpty else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
        try token.login.verify(pin)
        for authentication in waiting { authentication.give() }
    }
}
