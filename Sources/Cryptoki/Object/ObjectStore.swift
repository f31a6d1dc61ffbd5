internal import CPKCS11
internal import KMSBackend
internal import KMSSupport
internal import OpenSSLCrypto

/// The directory of a token's objects: what the last listings said, believed for the slot's `cache_ttl`.
///
/// It survives fork and C_Initialize, so that a worker finds its key again without the network.
final class ObjectStore: Sendable {
    private let slotID: CK_SLOT_ID
    private let backend: any Backend
    private let cacheSeconds: Int
    private let context: LibraryContext
    /// Nanoseconds of a monotonic clock.
    private let now: @Sendable () -> UInt64
    private let state = Locked(State())

    private struct State {
        var objects: [Object] = []
        var positions: [CK_OBJECT_HANDLE: Int] = [:]
        /// When everything was listed; nil: never, or no longer believed.
        var listedAt: UInt64?
        /// When single names were asked for.
        var namesAskedAt: [String: UInt64] = [:]
        /// When objects were made, changed or removed here: newer than what a listing that began before says.
        var changedAt: [KeyID: UInt64] = [:]
        /// Whether `objects` once was everything: good enough when the KMS is away.
        var isComplete = false

        /// Puts what the KMS answered in the place of what `isReplaced` says, but for objects that this process changed
        /// in the meantime: the answer may be older, and a KMS may take a second to forget what was deleted.
        mutating func merge(_ listed: [Object], askedAt: UInt64, _ isReplaced: (Object) -> Bool) {
            changedAt = changedAt.filter { askedAt < $0.value &+ ObjectStore.settlingNanoseconds }
            objects.removeAll { isReplaced($0) && changedAt[$0.keyID] == nil }
            objects += listed.filter { changedAt[$0.keyID] == nil }
        }

        mutating func index() {
            positions = [:]
            for (position, object) in objects.enumerated() { positions[object.handle] = position }
        }
    }

    /// A name that was not there is asked for again after this many seconds.
    private static var negativeSeconds: Int { 5 }

    /// A search without a label lists everything anew after this many seconds: hosts search so when they start or read
    /// their configuration again (libp11 0.4.12 in NGINX's master), and a key that was made for that must be there.
    /// A worker searches by label and is answered from memory for all of `cache_ttl`.
    private static var listingSeconds: Int { 2 }

    private static var settlingNanoseconds: UInt64 { 2_000_000_000 }

    init(
        slotID: CK_SLOT_ID, backend: any Backend, cacheSeconds: Int, context: LibraryContext,
        now: @escaping @Sendable () -> UInt64
    ) {
        self.now = now
        self.slotID = slotID
        self.backend = backend
        self.cacheSeconds = cacheSeconds
        self.context = context
    }

    func object(_ handle: CK_OBJECT_HANDLE) -> Object? {
        state.withLock { state in state.positions[handle].map { state.objects[$0] } }
    }

    /// The next search asks the KMS. Handles that hosts hold stay good until its answer says otherwise.
    func invalidate() {
        state.withLock {
            $0.listedAt = nil
            $0.namesAskedAt = [:]
        }
    }

    /// Without asking the KMS.
    func matching(_ template: Template) -> [Object] { state.withLock { $0.objects.filter(template.matches) } }

    /// The faces of a security object that was made or changed just now.
    func insert(_ objects: [Object], of key: KeyID) {
        state.withLock {
            $0.objects.removeAll { $0.keyID == key }
            $0.objects.append(contentsOf: objects)
            $0.index()
            $0.changedAt[key] = now()
            for object in objects { $0.namesAskedAt[object.label] = nil }
        }
    }

    func remove(_ key: KeyID) { insert([], of: key) }

    /// All objects that match, private ones included.
    func find(_ template: Template, login: Login, deadline: Deadline) throws(CKError) -> [Object] {
        do throws(BackendError) {
            try login.renewing(deadline) { () throws(BackendError) in try refresh(for: template, deadline: deadline) }
        } catch {
            let isComplete = state.withLock { $0.isComplete }
            let isTemporary =
                switch error.kind {
                case .unavailable, .timedOut, .throttled: true
                default: false
                }
            guard isComplete, isTemporary else {
                Log.error("C_FindObjects: \(error.message)")
                throw CKError(error, .search)
            }
            Log.warning("C_FindObjects: answered from an older listing, because: \(error.message)")
        }
        return state.withLock { $0.objects.filter(template.matches) }
    }

    // MARK: -

    private func refresh(for template: Template, deadline: Deadline) throws(BackendError) {
        let listedAt = state.withLock { $0.listedAt }
        guard let label = template.label else {
            guard isFresh(listedAt, seconds: min(cacheSeconds, ObjectStore.listingSeconds)) else {
                return try refreshAll(deadline: deadline)
            }
            return
        }
        // No KMS has names of this length, and the query would not fit a URL.
        guard label.utf8.count <= 4_096 else { return }
        if isFresh(listedAt, seconds: cacheSeconds) {
            // A label that the directory does not have may be new: ask for that name alone.
            guard !state.withLock({ $0.objects.contains { $0.label == label } }),
                !isFresh(state.withLock { $0.namesAskedAt[label] }, seconds: ObjectStore.negativeSeconds)
            else { return }
            return try refresh(label: label, deadline: deadline)
        }
        if !isFresh(state.withLock { $0.namesAskedAt[label] }, seconds: cacheSeconds) {
            try refresh(label: label, deadline: deadline)
        }
    }

    private func refreshAll(deadline: Deadline) throws(BackendError) {
        let startedAt = now()
        let objects = try list(KeyQuery(), deadline: deadline)
        state.withLock {
            $0.merge(objects, askedAt: startedAt) { _ in true }
            $0.index()
            $0.listedAt = now()
            $0.namesAskedAt = [:]
            $0.isComplete = true
        }
    }

    private func refresh(label: String, deadline: Deadline) throws(BackendError) {
        // A backend may ignore the label, or be less strict about it. What has this label may have another face with
        // another one.
        let startedAt = now()
        let objects = try list(KeyQuery(label: label), deadline: deadline)
        let matching = Set(objects.filter { $0.label == label }.map { $0.keyID })
        state.withLock {
            $0.merge(objects.filter { matching.contains($0.keyID) }, askedAt: startedAt) {
                $0.label == label || matching.contains($0.keyID)
            }
            $0.index()
            // Labels that hosts make up must not fill the memory.
            if $0.namesAskedAt.count >= 10_000 { $0.namesAskedAt = [:] }
            $0.namesAskedAt[label] = now()
        }
    }

    private func list(_ query: KeyQuery, deadline: Deadline) throws(BackendError) -> [Object] {
        var objects: [Object] = []
        var page: PageToken?
        repeat {
            let answer = try backend.listKeys(matching: query, page: page, deadline: deadline)
            for description in answer.keys {
                objects += ObjectFactory.objects(
                    ObjectSource(slotID: slotID, description: description, context: context))
            }
            page = answer.next
        } while page != nil
        return objects
    }

    private func isFresh(_ time: UInt64?, seconds: Int) -> Bool {
        guard let time else { return false }
        return now() &- time < UInt64(clamping: seconds) &* 1_000_000_000
    }
}
