package import CPKCS11
package import KMSBackend
package import KMSSupport
package import OpenSSLCrypto

/// The KMS behind a slot: its backend, what it can do, its objects and the login.
package final class Token: Sendable {
    let slotID: CK_SLOT_ID
    let label: String
    let endpoint: String
    let backend: any Backend
    package let mechanisms: MechanismTable
    let context: LibraryContext
    package let login: Login
    private let serialNumber: String
    let store: ObjectStore
    let sessionObjects = SessionObjects()
    let localKeys: LocalKeys
    private let deadlineMilliseconds: Int
    let signatureCheck: SignatureCheck
    /// Where the keys live that a session generates.
    let sessionKeyResidence: Residence

    package init(
        slotID: CK_SLOT_ID, settings: Configuration.Slot, endpoint: String, backend: any Backend,
        context: LibraryContext, now: @escaping @Sendable () -> UInt64 = { Deadline.now }
    ) {
        self.slotID = slotID
        label = settings.label
        self.endpoint = endpoint
        self.backend = backend
        self.context = context
        localKeys = LocalKeys(in: context)
        mechanisms = MechanismTable(backend.capabilities)
        deadlineMilliseconds = settings.deadlineMilliseconds
        signatureCheck = SignatureCheck(settings.verifiedSignatures, in: context)
        sessionKeyResidence = settings.hasLocalSessionKeys ? .local : .transient
        login = Login(backend: backend, configured: settings.credential, context: context)
        store = ObjectStore(
            slotID: slotID, backend: backend, cacheSeconds: settings.cacheSeconds, context: context, now: now)
        serialNumber = Token.serialNumber(endpoint, label: settings.label, context)
    }

    /// Sixteen characters that stay the same for the same KMS. Several tokens of one KMS differ by their labels.
    private static func serialNumber(_ endpoint: String, label: String, _ context: LibraryContext) -> String {
        let text = label == Configuration.Slot().label ? endpoint : "\(endpoint) \(label)"
        return Hex.text(((try? Digest.hash(text.utf8, .sha256, in: context)) ?? []).prefix(8))
    }

    /// By when the C_ call that has just begun must have answered.
    func deadline() -> Deadline { Deadline(milliseconds: deadlineMilliseconds, since: CallClock.began) }

    /// For key generation: the primes of a long RSA key take a busy KMS many seconds, and a second try would make a
    /// second key.
    func longDeadline() -> Deadline {
        Deadline(milliseconds: max(deadlineMilliseconds, 120_000), since: CallClock.began)
    }

    package func login(_ userType: CK_USER_TYPE, pin: Input) throws(CKError) {
        let isFresh = try login.login(userType, pin: pin, deadline: deadline())
        // Another credential sees other objects.
        if isFresh { store.invalidate() }
    }

    package func logout() throws(CKError) {
        try login.logout(deadline: deadline())
        endPrivateSessionObjects()
        store.invalidate()
    }

    // MARK: Objects

    /// Handles of the visible objects that match. Goes to the network only when the directory does not know.
    ///
    /// - Throws: CKR_DEVICE_ERROR when the KMS cannot be asked and was never asked before.
    package func find(_ template: Template) throws(CKError) -> [CK_OBJECT_HANDLE] {
        var found: [Object] = []
        if template.token != false {
            let deadline = deadline()
            if try login.canRead(deadline: deadline) {
                found = try store.find(template, login: login, deadline: deadline)
                if let value = template.value(CKA_VALUE) { found += try data(value, template) }
            }
        }
        if template.token != true { found += sessionObjects.matching(template) }
        let isLoggedIn = login.isLoggedIn
        return found.filter { isLoggedIn || !$0.isPrivate }.map(\.handle)
    }

    /// Data objects by their value, which only an export tells: as rare as it is slow.
    private func data(_ value: [UInt8], _ template: Template) throws(CKError) -> [Object] {
        var found: [Object] = []
        for object in store.matching(template.without(CKA_VALUE)) where object.objectClass == CKO_DATA {
            guard case .exported = object.attributes[CKA_VALUE], login.isLoggedIn || !object.isPrivate else { continue }
            if try readableAttributes(object).matches(CKA_VALUE, value) { found.append(object) }
        }
        return found
    }

    /// - Throws: `rv` when there is no such object, or it is private and nobody is logged in.
    package func object(_ handle: CK_OBJECT_HANDLE, or rv: CK_RV = CKR_OBJECT_HANDLE_INVALID) throws(CKError) -> Object
    {
        if let object = store.object(handle) {
            guard login.isLoggedIn || (!object.isPrivate && login.hasConfiguredCredential) else { throw CKError(rv) }
            return object
        }
        guard let object = sessionObjects.object(handle) else { throw CKError(rv) }
        guard login.isLoggedIn || !object.isPrivate else { throw CKError(rv) }
        return object
    }

    /// Whether there is an object of this handle that may be used without a login.
    func isVisible(_ handle: CK_OBJECT_HANDLE) -> Bool { (try? object(handle)) != nil }

    /// Something at the KMS is not as the directory says.
    func invalidateObjects() { store.invalidate() }

    /// Whether the KMS answers. A KMS that cannot be asked counts as there.
    package func isReachable(by deadline: Deadline) -> Bool {
        do throws(BackendError) {
            try backend.health(deadline: deadline)
            return true
        } catch {
            switch error.kind {
            case .unavailable, .timedOut, .protocolViolation: return false
            default: return true
            }
        }
    }

    // MARK: C_GetTokenInfo

    func info(sessions: (all: Int, readWrite: Int)) -> CK_TOKEN_INFO {
        var info = CK_TOKEN_INFO()
        fill(&info.label, with: label)
        fill(&info.manufacturerID, with: Product.manufacturer)
        fill(&info.model, with: "remote KMS")
        fill(&info.serialNumber, with: serialNumber)
        info.flags =
            CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_RNG
            | CKF_DUAL_CRYPTO_OPERATIONS
        if login.hasConfiguredCredential { info.flags |= CKF_PROTECTED_AUTHENTICATION_PATH }
        info.ulMaxSessionCount = CK_EFFECTIVELY_INFINITE
        info.ulSessionCount = CK_ULONG(sessions.all)
        info.ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE
        info.ulRwSessionCount = CK_ULONG(sessions.readWrite)
        info.ulMaxPinLen = CK_ULONG(Login.maximumPINLength)
        info.ulMinPinLen = 1
        info.ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION
        info.ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION
        info.ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION
        info.ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION
        info.hardwareVersion = CK_VERSION(major: 0, minor: 0)
        info.firmwareVersion = Product.version
        fill(&info.utcTime, with: "")
        return info
    }
}
