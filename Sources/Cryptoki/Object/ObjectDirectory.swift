internal import CPKCS11
internal import KMSBackend
internal import KMSSupport

/// The objects that are known of a token, and how old that knowledge is. All times are nanoseconds of a monotonic clock.
struct ObjectDirectory: Sendable {
    private(set) var objects: [Object] = []
    private var positions: [CK_OBJECT_HANDLE: Int] = [:]
    /// What the KMS no longer names by the label or id that it had: gone, or renamed as a key is that was rotated. Hosts
    /// go on with its handle; if it is gone, the KMS says so.
    private var unnamed: [CK_OBJECT_HANDLE: Object] = [:]
    /// When everything was asked for; nil: never, or no longer believed.
    private var listedAt: UInt64?
    /// When the KMS was asked for single labels and ids.
    private var askedAt: [SearchScope: UInt64] = [:]
    /// When a host last searched without label and id.
    private var searchedAt: UInt64?
    /// When the KMS could not be asked.
    private var missedAt: UInt64?
    /// When objects were made, changed or removed here: newer than what a listing that began before says.
    private var changedAt: [KeyID: UInt64] = [:]
    /// Whether `objects` once was everything: good enough when the KMS is away.
    private var isComplete = false
    /// Goes up with each invalidation: what was asked before is old when it arrives.
    private(set) var epoch: UInt64 = 0

    subscript(handle: CK_OBJECT_HANDLE) -> Object? { positions[handle].map { objects[$0] } ?? unnamed[handle] }

    // MARK: What is believed

    /// Whether the KMS need not be asked.
    func answers(_ scope: SearchScope, _ rules: CacheRules, now: UInt64) -> Bool {
        func isFresh(_ time: UInt64?, _ limit: UInt64) -> Bool { time.map { now &- $0 < limit } ?? false }
        let wasListed = isFresh(listedAt, rules.lifetime)
        switch scope {
        case .nothing: return true
        case .everything:
            // A host that has not searched for a while and does so without naming anything starts, or reads its
            // configuration again: what was made for that must be there.
            return wasListed && isFresh(max(listedAt ?? 0, searchedAt ?? 0), rules.pause)
        case .label, .id:
            if objects.contains(where: scope.covers) { return wasListed || isFresh(askedAt[scope], rules.lifetime) }
            let wasMissing = isFresh(askedAt[scope], rules.negative)
            // Only a list of everything tells that no object has an id: most ids follow from public keys.
            if case .id = scope, !wasListed { return false }
            return wasMissing || isFresh(listedAt, rules.negative)
        }
    }

    /// Whether a KMS that is away was found so a moment ago, and there is something to answer with.
    func standsIn(for scope: SearchScope, _ rules: CacheRules, now: UInt64) -> Bool {
        guard let missedAt, now &- missedAt < rules.negative else { return false }
        return knows(scope)
    }

    /// Whether there once was an answer.
    func knows(_ scope: SearchScope) -> Bool {
        isComplete || (scope != .everything && objects.contains(where: scope.covers))
    }

    mutating func noteSearch(_ scope: SearchScope, now: UInt64) { if scope == .everything { searchedAt = now } }

    mutating func noteMiss(now: UInt64) { missedAt = now }

    /// Handles that hosts hold stay good until the KMS's answer says otherwise.
    mutating func invalidate() {
        epoch &+= 1
        listedAt = nil
        askedAt = [:]
    }

    // MARK: What the KMS says

    /// Takes over what the KMS answered.
    mutating func merge(
        _ listed: [Object], for scope: SearchScope, askedAt time: UInt64, epoch: UInt64, rules: CacheRules
    ) {
        missedAt = nil
        // The answer may be older than what this process changed meanwhile, and a KMS may take a moment to forget.
        changedAt = changedAt.filter { time < $0.value &+ rules.settling }
        // A backend may ignore what it was asked for, or be less strict about it; and what has the label may have another
        // face with another one.
        var answered = listed
        if scope == .everything {
            objects.removeAll { changedAt[$0.keyID] == nil }
        } else {
            let keys = Set(listed.lazy.filter(scope.wouldList).map(\.keyID))
            answered.removeAll { !keys.contains($0.keyID) }
            let old = objects.filter { (scope.wouldList($0) || keys.contains($0.keyID)) && changedAt[$0.keyID] == nil }
            keepHandles(of: old.filter { !keys.contains($0.keyID) })
            let doomed = Set(old.lazy.map(\.handle))
            objects.removeAll { doomed.contains($0.handle) }
        }
        objects.reserveCapacity(objects.count + answered.count)
        objects += answered.lazy.filter { changedAt[$0.keyID] == nil }
        index()
        if scope == .everything {
            isComplete = true
            unnamed = [:]
        }
        guard epoch == self.epoch else { return }
        if scope == .everything {
            listedAt = time
            askedAt = [:]
        } else {
            // What hosts make up must not fill the memory.
            if askedAt.count >= 10_000 { askedAt = [:] }
            askedAt[scope] = time
        }
    }

    private mutating func keepHandles(of objects: [Object]) {
        // Somebody who renames all day must not fill the memory.
        if unnamed.count + objects.count > 1_000 { unnamed = [:] }
        for object in objects { unnamed[object.handle] = object }
    }

    /// The faces of a security object that was made or changed just now.
    mutating func replace(_ key: KeyID, by faces: [Object], now: UInt64) {
        objects.removeAll { $0.keyID == key }
        unnamed = unnamed.filter { $0.value.keyID != key }
        objects += faces
        index()
        changedAt[key] = now
        askedAt = askedAt.filter { scope, _ in !faces.contains(where: scope.covers) }
    }

    /// A KMS that ignores where a page begins may name an object twice.
    private mutating func index() {
        positions = Dictionary(minimumCapacity: objects.count)
        var isUnique = true
        for (position, object) in objects.enumerated() {
            if positions.updateValue(position, forKey: object.handle) != nil { isUnique = false }
        }
        guard !isUnique else { return }
        objects = objects.enumerated().filter { positions[$0.element.handle] == $0.offset }.map(\.element)
        index()
    }
}

/// How long what the KMS said is believed, in nanoseconds.
struct CacheRules: Sendable {
    /// `cache_ttl`.
    let lifetime: UInt64
    /// What was not there, and that the KMS is away: at most 5 s.
    let negative: UInt64
    /// Searches without label and id are answered from memory while they come at least this often: 2 s.
    let pause: UInt64
    /// A KMS may take so long to show what it was told: 2 s.
    let settling: UInt64 = 2_000_000_000

    init(seconds: Int) {
        lifetime = UInt64(clamping: seconds) &* 1_000_000_000
        negative = min(5_000_000_000, lifetime / 2)
        pause = min(2_000_000_000, lifetime)
    }
}
