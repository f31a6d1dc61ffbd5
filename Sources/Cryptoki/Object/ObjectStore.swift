internal import CPKCS11
internal import KMSBackend
internal import KMSSupport
internal import OpenSSLCrypto

/// The directory of a token's objects: what the KMS last said, believed for the slot's `cache_ttl`.
///
/// It survives fork and C_Initialize, so that a worker finds its key again without the network. Threads that want to know
/// the same at the same time ask once.
final class ObjectStore: Sendable {
    private let slotID: CK_SLOT_ID
    private let backend: any Backend
    private let rules: CacheRules
    private let context: LibraryContext
    /// Nanoseconds of a monotonic clock.
    private let now: @Sendable () -> UInt64
    private let directory = Locked(ObjectDirectory())
    private let layouts = Locked(AttributeLayouts())
    private let flights = SingleFlight<Flight, BackendError>()

    /// Answers to questions that were asked before an invalidation are nobody else's.
    private struct Flight: Hashable {
        let scope: SearchScope
        let epoch: UInt64
    }

    init(
        slotID: CK_SLOT_ID, backend: any Backend, cacheSeconds: Int, context: LibraryContext,
        now: @escaping @Sendable () -> UInt64
    ) {
        self.now = now
        self.slotID = slotID
        self.backend = backend
        rules = CacheRules(seconds: cacheSeconds)
        self.context = context
    }

    func object(_ handle: CK_OBJECT_HANDLE) -> Object? { directory.withLock { $0[handle] } }

    /// The next search asks the KMS. Handles that hosts hold stay good until its answer says otherwise.
    func invalidate() { directory.withLock { $0.invalidate() } }

    /// Without asking the KMS.
    func matching(_ template: Template) -> [Object] { directory.withLock { $0.objects }.filter(template.matches) }

    /// The faces of a security object that was made or changed just now.
    func insert(_ objects: [Object], of key: KeyID) {
        let settled = settled(objects)
        directory.withLock { $0.replace(key, by: settled, now: now()) }
    }

    func remove(_ key: KeyID) { insert([], of: key) }

    /// All objects that match, private ones included.
    func find(_ template: Template, login: Login, deadline: Deadline) throws(CKError) -> [Object] {
        let scope = SearchScope(template)
        defer { directory.withLock { $0.noteSearch(scope, now: now()) } }
        guard !directory.withLock({ $0.standsIn(for: scope, rules, now: now()) }) else { return matching(template) }
        do throws(BackendError) {
            try login.renewing(deadline) { () throws(BackendError) in try refresh(scope, deadline: deadline) }
        } catch {
            let isTemporary =
                switch error.kind {
                case .unavailable, .timedOut, .throttled: true
                default: false
                }
            guard isTemporary, directory.withLock({ $0.knows(scope) }) else {
                Log.error("C_FindObjects: \(error.message)")
                throw CKError(error, .search)
            }
            directory.withLock { $0.noteMiss(now: now()) }
            Log.warning("C_FindObjects: answered from an older listing, because: \(error.message)")
        }
        return matching(template)
    }

    // MARK: -

    private func refresh(_ scope: SearchScope, deadline: Deadline) throws(BackendError) {
        try ask(scope, deadline: deadline)
        guard case .id = scope, !directory.withLock({ $0.objects }).contains(where: scope.covers) else { return }
        // Ids that follow from public keys are found in a list of everything only.
        if !directory.withLock({ $0.answers(scope, rules, now: now()) }) { try ask(.everything, deadline: deadline) }
    }

    /// Asks the KMS unless the directory has the answer.
    private func ask(_ scope: SearchScope, deadline: Deadline) throws(BackendError) {
        while true {
            let epoch = directory.withLock { $0.answers(scope, rules, now: now()) ? nil : $0.epoch }
            guard let epoch else { return }
            let (outcome, isOwn) = flights.run(Flight(scope: scope, epoch: epoch), deadline: deadline) {
                () throws(BackendError) in
                try fetch(scope, epoch: epoch, deadline: deadline)
            }
            switch outcome {
            case .done: return
            // The other thread's time was over, and this one's is not.
            case .failed(let error) where !isOwn && error.kind == .timedOut && !deadline.isOver: continue
            case .failed(let error): throw error
            case .waitedInVain: throw BackendError(.timedOut, "another thread's listing took too long")
            }
        }
    }

    private func fetch(_ scope: SearchScope, epoch: UInt64, deadline: Deadline) throws(BackendError) {
        let began = now()
        let known = KnownObjects(scope == .everything ? directory.withLock { $0.objects } : [])
        var objects: [Object] = []
        var page: PageToken?
        repeat {
            let answer = try backend.listKeys(matching: scope.query, page: page, deadline: deadline)
            for description in answer.keys {
                let source = ObjectSource(slotID: slotID, description: description, context: context)
                objects += known.objects(source) ?? settled(ObjectFactory.objects(source))
            }
            page = answer.next
        } while page != nil
        directory.withLock { [objects] in
            $0.merge(objects, for: scope, askedAt: began, epoch: epoch, rules: rules)
        }
    }

    private func settled(_ objects: [Object]) -> [Object] {
        objects.map { object in layouts.withLock { object.settled(&$0) } }
    }
}

/// Objects by their keys, so that a new listing need not make again what has not changed: that takes time, and twice
/// the memory while both are there.
private struct KnownObjects {
    private let objects: [Object]
    private var places: [KeyID: Range<Int>]

    init(_ objects: [Object]) {
        self.objects = objects
        places = Dictionary(minimumCapacity: objects.count / 2)
        for (index, object) in objects.enumerated() {
            // The faces of a key are next to each other.
            let start = places[object.keyID].flatMap { $0.upperBound == index ? $0.lowerBound : nil } ?? index
            places[object.keyID] = start..<index + 1
        }
    }

    /// nil when the KMS says something new of the key.
    func objects(_ source: ObjectSource) -> [Object]? {
        guard let place = places[source.description.id], objects[place.lowerBound].fingerprint == source.fingerprint
        else { return nil }
        return Array(objects[place])
    }
}
