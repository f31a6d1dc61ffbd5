internal import CForkSupport
internal import CPKCS11
internal import KMSBackend
internal import KMSSupport
internal import KMSTransport
internal import OpenSSLCrypto
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The module's state in this process: slots and sessions.
///
/// Made at the first C_Initialize and kept for the life of the process image. C_Finalize ends sessions and logins, but
/// what was read from environment and files stays, because a host's forked and unprivileged children can read neither.
final class Library: Sendable {
    let context: LibraryContext
    private let state = Locked(State())
    // What every call asks, of `state` and changed together with it only.
    private let initialized = Atomic(false)
    private let hasDump = Atomic(false)

    private struct State {
        var isInitialized = false
        /// nil: none is configured.
        var dump: CountersDump?
        /// The fork generation that called C_Initialize.
        var generation: UInt64 = 0
        /// nil until the configuration has been read.
        var slots: [Slot]?
        var sessions: [CK_SESSION_HANDLE: Session] = [:]
        var nextHandle: CK_SESSION_HANDLE = 1
    }

    private init() throws(CKError) {
        do throws(CryptoError) {
            context = try LibraryContext()
        } catch {
            throw CKError(CKR_HOST_MEMORY)
        }
    }

    /// nil before the first C_Initialize.
    static var current: Library? {
        process_state_get().map { Unmanaged<Library>.fromOpaque($0).takeUnretainedValue() }
    }

    /// The library, made if need be.
    static func shared() throws(CKError) -> Library {
        if let current { return current }
        let candidate = Unmanaged.passRetained(try Library())
        guard let winner = process_state_set_once(candidate.toOpaque()) else { throw CKError(CKR_GENERAL_ERROR) }
        if winner != candidate.toOpaque() { candidate.release() }
        return Unmanaged<Library>.fromOpaque(winner).takeUnretainedValue()
    }

    /// Where the counters go, if anywhere.
    var dump: CountersDump? { hasDump.load(ordering: .acquiring) ? state.withLock { $0.dump } : nil }

    var isInitialized: Bool { initialized.load(ordering: .acquiring) }

    // MARK: C_Initialize, C_Finalize

    /// In a forked child the first call succeeds, as section 5.4 asks for, and begins without sessions; a child that
    /// does not call goes on with its parent's.
    func initialize() throws(CKError) {
        guard Gate.install() else { throw CKError(CKR_HOST_MEMORY) }
        let generation = Gate.generation
        guard !state.withLock({ $0.isInitialized && $0.generation == generation }) else {
            throw CKError(CKR_CRYPTOKI_ALREADY_INITIALIZED)
        }
        if state.withLock({ $0.slots }) == nil {
            let (slots, dump) = try configure()
            state.withLock { state in
                guard state.slots == nil else { return }
                (state.slots, state.dump) = (slots, dump)
                hasDump.store(dump != nil, ordering: .releasing)
            }
        }
        BackendTable.warmUp()
        let slots = try state.withLock { state throws(CKError) in
            guard !state.isInitialized || state.generation != generation else {
                throw CKError(CKR_CRYPTOKI_ALREADY_INITIALIZED)
            }
            state.isInitialized = true
            initialized.store(true, ordering: .releasing)
            state.generation = generation
            state.sessions = [:]
            return state.slots ?? []
        }
        for slot in slots { slot.token?.endSessions() }
    }

    /// Local: no network, no thread to join, nothing that an exiting host could hang on.
    func finalize() {
        let slots = state.withLock { state in
            state.isInitialized = false
            initialized.store(false, ordering: .releasing)
            state.sessions = [:]
            return state.slots ?? []
        }
        for slot in slots { slot.token?.endSessions() }
        dump?.write()
    }

    private func configure() throws(CKError) -> ([Slot], CountersDump?) {
        let configuration: Configuration
        do throws(ConfigurationError) {
            configuration = try Configuration.load { name in getenv(name).map { String(cString: $0) } }
        } catch {
            Log.error("\(error.description)")
            throw CKError(CKR_GENERAL_ERROR)
        }
        Log.level = configuration.log.level
        LogSink(configuration.log).install()
        for warning in configuration.warnings { Log.warning(warning) }
        var slots: [Slot] = []
        for settings in configuration.slots {
            // Slot IDs begin at 1: some hosts take 0 for «none».
            slots.append(
                try Slot(
                    id: CK_SLOT_ID(slots.count + 1), settings: settings, log: configuration.log, context: context))
        }
        guard let directory = configuration.log.countersDirectory else { return (slots, nil) }
        let dump = CountersDump(
            directory: directory, seconds: configuration.log.countersSeconds,
            slots: slots.map { CountersDump.Slot(number: Int($0.id), label: $0.label, counters: $0.counters) })
        return (slots, dump)
    }

    // MARK: Slots

    var slots: [Slot] { state.withLock { $0.slots } ?? [] }

    /// - Throws: CKR_SLOT_ID_INVALID.
    func slot(_ id: CK_SLOT_ID) throws(CKError) -> Slot {
        guard let slot = slots.first(where: { $0.id == id }) else { throw CKError(CKR_SLOT_ID_INVALID) }
        return slot
    }

    /// - Throws: CKR_SLOT_ID_INVALID, CKR_TOKEN_NOT_PRESENT.
    func token(_ id: CK_SLOT_ID) throws(CKError) -> Token {
        guard let token = try slot(id).token else { throw CKError(CKR_TOKEN_NOT_PRESENT) }
        return token
    }

    // MARK: Sessions

    /// - Throws: CKR_SESSION_PARALLEL_NOT_SUPPORTED and what `token` throws. Never needs the network: libp11 0.4.12
    ///   waits for ever when C_OpenSession fails.
    func openSession(_ slotID: CK_SLOT_ID, flags: CK_FLAGS) throws(CKError) -> CK_SESSION_HANDLE {
        let token = try token(slotID)
        guard flags & CKF_SERIAL_SESSION != 0 else { throw CKError(CKR_SESSION_PARALLEL_NOT_SUPPORTED) }
        return state.withLock { state in
            let handle = state.nextHandle
            state.nextHandle &+= 1
            state.sessions[handle] = Session(
                handle: handle, slotID: slotID, token: token, isReadWrite: flags & CKF_RW_SESSION != 0)
            return handle
        }
    }

    /// - Throws: CKR_SESSION_HANDLE_INVALID.
    func session(_ handle: CK_SESSION_HANDLE) throws(CKError) -> Session {
        guard let session = state.withLock({ $0.sessions[handle] }) else {
            throw CKError(CKR_SESSION_HANDLE_INVALID)
        }
        return session
    }

    /// Closing the last session of a token logs out (section 5.6.2).
    func closeSession(_ handle: CK_SESSION_HANDLE) throws(CKError) {
        let closed = state.withLock { state -> (session: Session, isLast: Bool)? in
            guard let session = state.sessions.removeValue(forKey: handle) else { return nil }
            return (session, !state.sessions.values.contains { $0.slotID == session.slotID })
        }
        guard let closed else { throw CKError(CKR_SESSION_HANDLE_INVALID) }
        closed.session.token.endSession(handle)
        if closed.isLast { closed.session.token.endSessions() }
    }

    func closeAllSessions(_ slotID: CK_SLOT_ID) throws(CKError) {
        let token = try token(slotID)
        state.withLock { $0.sessions = $0.sessions.filter { $0.value.slotID != slotID } }
        token.endSessions()
    }

    /// C_Logout ends what uses private keys, in every session of the token.
    func endOperations(of token: Token) {
        let sessions = state.withLock { Array($0.sessions.values) }
        for session in sessions where session.token === token { session.endAll() }
    }

    /// Open sessions of a slot, and how many of them are read/write.
    func sessionCounts(_ slotID: CK_SLOT_ID) -> (all: Int, readWrite: Int) {
        state.withLock { state in
            let sessions = state.sessions.values.filter { $0.slotID == slotID }
            return (sessions.count, sessions.count { $0.isReadWrite })
        }
    }
}
