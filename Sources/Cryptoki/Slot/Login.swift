package import CPKCS11
package import KMSBackend
internal import KMSModel
package import KMSSupport
package import OpenSSLCrypto
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Who is logged in to a token: application-wide, as section 5.6.8 says.
///
/// A PIN that the KMS accepted once is remembered as a salted hash. A host that forks, or that initialises again, logs in
/// with it again in every process; that needs no network, no file and no environment variable then, which NGINX's
/// workers do not have. C_Logout forgets it.
package final class Login: Sendable {
    private let backend: any Backend
    private let configured: Secret?
    private let context: LibraryContext
    private let state = Locked(State())
    /// Asked by each call with a key. Changed together with `state` only.
    private let loggedIn = Atomic(false)

    private struct State {
        /// Of the PIN as the host gave it, whose credential the backend still holds.
        var accepted: Fingerprint?
        /// The backend holds the slot's own credential.
        var isConfiguredAccepted = false
        /// Credentials that the KMS refused since it last accepted one.
        var refusals = 0
    }

    private struct Fingerprint: Sendable {
        let salt: [UInt8]
        let hash: Secret
        /// Of the credential itself, which differs from the PIN when that names a file or a variable.
        let credentialHash: Secret
        /// `file:…` or `env:…`; nil when the PIN is the credential.
        let reference: Secret?
    }

    /// API keys have 164 characters, JWTs some thousand.
    static var maximumPINLength: Int { 8_192 }

    package init(backend: any Backend, configured: Secret?, context: LibraryContext) {
        self.backend = backend
        self.configured = configured
        self.context = context
    }

    package var isLoggedIn: Bool { loggedIn.load(ordering: .acquiring) }
    var hasConfiguredCredential: Bool { configured != nil }

    /// C_Finalize, C_Initialize in a child, the last session closed: out, with what was accepted remembered.
    package func reset() { state.withLock { _ in loggedIn.store(false, ordering: .releasing) } }

    /// - Returns: whether the KMS was asked.
    /// - Throws: CKR_USER_ALREADY_LOGGED_IN, CKR_USER_TYPE_INVALID, CKR_PIN_INCORRECT, CKR_PIN_LOCKED,
    ///   CKR_PIN_LEN_RANGE, CKR_ARGUMENTS_BAD, CKR_DEVICE_ERROR.
    package func login(_ userType: CK_USER_TYPE, pin: Input, deadline: Deadline) throws(CKError) -> Bool {
        let bytes = try pin.bytes()
        // There is no security officer on this side of a KMS.
        guard userType == CKU_USER else { throw CKError(CKR_USER_TYPE_INVALID) }
        guard !isLoggedIn else { throw CKError(CKR_USER_ALREADY_LOGGED_IN) }
        let isFresh =
            if bytes.isEmpty { try loginAsConfigured(hasPIN: bytes.baseAddress != nil, deadline: deadline) } else {
                try login(pin: bytes, deadline: deadline)
            }
        let wasLoggedIn = state.withLock { _ in loggedIn.exchange(true, ordering: .acquiringAndReleasing) }
        guard !wasLoggedIn else { throw CKError(CKR_USER_ALREADY_LOGGED_IN) }
        return isFresh
    }

    /// The PIN once more, of the user who is logged in. Needs no network.
    ///
    /// - Throws: CKR_PIN_INCORRECT, CKR_ARGUMENTS_BAD.
    func verify(_ pin: Input) throws(CKError) {
        let bytes = try pin.bytes()
        let (accepted, isConfigured) = state.withLock { ($0.accepted, $0.isConfiguredAccepted) }
        if bytes.isEmpty {
            guard isConfigured else { throw CKError(CKR_PIN_INCORRECT) }
            return
        }
        guard bytes.count <= Login.maximumPINLength else { throw CKError(CKR_PIN_INCORRECT) }
        let given = Secret(bytes)
        if let accepted {
            guard try hash(given, accepted.salt).equals(accepted.hash) else { throw CKError(CKR_PIN_INCORRECT) }
        } else {
            guard let configured, given.equals(configured) else { throw CKError(CKR_PIN_INCORRECT) }
        }
    }

    /// - Throws: CKR_USER_NOT_LOGGED_IN.
    package func logout(deadline: Deadline) throws(CKError) {
        let wasLoggedIn = state.withLock { state in
            state = State()
            return loggedIn.exchange(false, ordering: .acquiringAndReleasing)
        }
        guard wasLoggedIn else { throw CKError(CKR_USER_NOT_LOGGED_IN) }
        backend.signOut(deadline: deadline)
    }

    /// Whether objects may be listed: somebody is logged in, or the slot's own credential is good.
    package func canRead(deadline: Deadline) throws(CKError) -> Bool {
        if isLoggedIn { return true }
        guard configured != nil else { return false }
        if !state.withLock({ $0.isConfiguredAccepted }) {
            _ = try loginAsConfigured(hasPIN: false, deadline: deadline)
        }
        return true
    }

    // MARK: -

    private func loginAsConfigured(hasPIN: Bool, deadline: Deadline) throws(CKError) -> Bool {
        guard let configured else { throw CKError(hasPIN ? CKR_PIN_INCORRECT : CKR_ARGUMENTS_BAD) }
        guard !state.withLock({ $0.isConfiguredAccepted }) else { return false }
        try authenticate(configured, deadline: deadline)
        state.withLock {
            $0.isConfiguredAccepted = true
            $0.accepted = nil
        }
        return true
    }

    private func login(pin bytes: UnsafeRawBufferPointer, deadline: Deadline) throws(CKError) -> Bool {
        guard bytes.count <= Login.maximumPINLength else { throw CKError(CKR_PIN_LEN_RANGE) }
        let pin = Secret(bytes)
        if let accepted = state.withLock({ $0.accepted }), try hash(pin, accepted.salt).equals(accepted.hash) {
            return false
        }
        let credential: Secret
        do throws(CredentialError) {
            credential = try resolve(pin)
        } catch {
            Log.error("C_Login: \(error.description)")
            throw CKError(CKR_PIN_INCORRECT)
        }
        try authenticate(credential, deadline: deadline)
        try remember(pin, credential)
        return true
    }

    private func resolve(_ pin: Secret) throws(CredentialError) -> Secret {
        try CredentialSource.resolve(pin.text) { name in getenv(name).map { String(cString: $0) } }
    }

    private func remember(_ pin: Secret, _ credential: Secret) throws(CKError) {
        let salt = try randomSalt()
        let isReference = !pin.equals(credential) && (pin.text.hasPrefix("file:") || pin.text.hasPrefix("env:"))
        let fingerprint = Fingerprint(
            salt: salt, hash: try hash(pin, salt), credentialHash: try hash(credential, salt),
            reference: isReference ? pin : nil)
        state.withLock {
            $0.accepted = fingerprint
            $0.isConfiguredAccepted = false
        }
    }

    // MARK: A credential that was replaced

    /// Runs `body`, and once more when the KMS no longer takes the credential but the file that the PIN names holds
    /// another one by now. So an API key is replaced by writing the file; NGINX needs a reload then, because only its
    /// master can read the file.
    func renewing<Result>(
        _ deadline: Deadline, _ body: () throws(BackendError) -> Result
    ) throws(BackendError) -> Result {
        do throws(BackendError) {
            return try body()
        } catch {
            guard error.kind == .unauthenticated, try replaceCredential(deadline) else { throw error }
            return try body()
        }
    }

    private func replaceCredential(_ deadline: Deadline) throws(BackendError) -> Bool {
        guard let accepted = state.withLock({ $0.accepted }), let pin = accepted.reference,
            let credential = try? resolve(pin),
            let credentialHash = try? hash(credential, accepted.salt),
            !credentialHash.equals(accepted.credentialHash)
        else { return false }
        try backend.authenticate(credential, deadline: deadline)
        try? remember(pin, credential)
        Log.warning("the KMS refused the API key; the one that is in its file now is accepted")
        return true
    }

    private func authenticate(_ credential: Secret, deadline: Deadline) throws(CKError) {
        do throws(BackendError) {
            try backend.authenticate(credential, deadline: deadline)
            state.withLock { $0.refusals = 0 }
        } catch {
            switch error.kind {
            case .unauthenticated, .forbidden, .invalid:
                Log.error("C_Login: \(error.message)")
                state.withLock { $0.refusals += 1 }
                throw CKError(CKR_PIN_INCORRECT)
            // Whether it is for wrong PINs that the KMS wants us to wait, only those who gave some can tell.
            case .throttled where state.withLock({ $0.refusals > 0 }):
                Log.error(
                    "C_Login: after wrong PINs the KMS makes this app wait before its next login, longer than this call"
                        + " may take: \(error.message)")
                throw CKError(CKR_PIN_LOCKED)
            default:
                Log.error("C_Login: \(error.message)")
                throw CKError(error)
            }
        }
    }

    private func hash(_ pin: Secret, _ salt: [UInt8]) throws(CKError) -> Secret {
        do throws(CryptoError) {
            let digest = try Digest(.sha256, in: context)
            try salt.withBytes { bytes throws(CryptoError) in try digest.update(bytes) }
            try pin.withBytes { bytes throws(CryptoError) in try digest.update(bytes) }
            return Secret(try digest.finish())
        } catch {
            throw CKError(CKR_FUNCTION_FAILED)
        }
    }

    private func randomSalt() throws(CKError) -> [UInt8] {
        do throws(CryptoError) {
            return try Random.bytes(16, in: context)
        } catch {
            throw CKError(CKR_FUNCTION_FAILED)
        }
    }
}
