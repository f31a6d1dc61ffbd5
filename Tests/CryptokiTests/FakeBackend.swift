import Cryptoki
import KMSBackend
import KMSModel
import KMSSupport

/// A KMS in memory. It really works with its keys, which a `LocalKeys` holds, keeps to names, permissions and lifetimes
/// as a KMS does, counts what it is asked, and fails when told to.
final class FakeBackend: Backend {
    enum Call: Hashable, Sendable {
        case authenticate, list, health
        /// The answer of a listing is made and not yet on its way.
        case listed
        case describe, generate, importKey, update, copy, delete, deletePrivateHalf, export
        case sign, encrypt, decrypt, stream, streamUpdate, streamFinish, mac, verifyMAC
        case wrap, unwrap, agree, derive
    }

    struct State {
        var authentications = 0
        var listings = 0
        var namesListed: [String] = []
        var idsListed: [[UInt8]] = []
        var signatures: [(input: [UInt8], algorithm: SigningAlgorithm)] = []
        var signOuts = 0
        /// What the token asked for with keys and their operations, in order.
        var calls: [Call] = []
        /// Bytes in each part of a stream.
        var pieces: [Int] = []
        var acceptedCredential = "right"
        /// Of every call that needs the credential.
        var failure: BackendError?
        /// Of single calls.
        var failures: [Call: BackendError] = [:]
        /// The session is over and the kept credential is no longer good.
        var isExpired = false
        var keys: [KeyDescription] = []
        var transientKeys: [KeyID: KeyDescription] = [:]
        /// nil: the keys really sign.
        var signature: [UInt8]?
        var pageSize = 1_000
        /// Runs within a call: what another thread does in the meantime.
        var meanwhile: (@Sendable (Call) -> Void)?
    }

    let state = Locked(State())
    let capabilities: Capabilities
    let material: LocalKeys

    init(_ capabilities: Capabilities = Capabilities(rawValue: .max), material: LocalKeys) {
        self.capabilities = capabilities
        self.material = material
    }

    var keys: [KeyDescription] { state.withLock { $0.keys } }
    var calls: [Call] { state.withLock { $0.calls } }

    func forgetCalls() {
        state.withLock {
            $0.calls = []
            $0.pieces = []
        }
    }

    func fail(_ call: Call, _ kind: BackendError.Kind?) {
        state.withLock { $0.failures[call] = kind.map { BackendError($0, "as the test wants") } }
    }

    func meanwhile(_ body: (@Sendable (Call) -> Void)?) { state.withLock { $0.meanwhile = body } }

    /// What every call begins with.
    func enter(_ call: Call) throws(BackendError) {
        let meanwhile = state.withLock {
            $0.calls.append(call)
            return $0.meanwhile
        }
        meanwhile?(call)
        try state.withLock { state throws(BackendError) in
            if let failure = state.failures[call] ?? state.failure { throw failure }
        }
    }

    // MARK: Connection

    func authenticate(_ credential: Secret, deadline: Deadline) throws(BackendError) {
        try state.withLock { state throws(BackendError) in
            state.authentications += 1
            if let failure = state.failure { throw failure }
            guard credential.text == state.acceptedCredential else {
                throw BackendError(.unauthenticated, "wrong credential")
            }
            state.isExpired = false
        }
    }

    func signOut(deadline: Deadline) { state.withLock { $0.signOuts += 1 } }

    func health(deadline: Deadline) throws(BackendError) { try enter(.health) }

    func listKeys(
        matching query: KeyQuery, page: PageToken?, deadline: Deadline
    ) throws(BackendError) -> KeyPage {
        let (answer, meanwhile) = try state.withLock { state throws(BackendError) in
            state.listings += 1
            if let label = query.label { state.namesListed.append(label) }
            if let id = query.storedID { state.idsListed.append(id) }
            if let failure = state.failures[.list] ?? state.failure { throw failure }
            if state.isExpired { throw BackendError(.unauthenticated, "session over") }
            let matching = state.keys.filter {
                (query.label == nil || $0.label == query.label.map { Array($0.utf8) })
                    && (query.storedID == nil || $0.attributes["id"] == query.storedID)
            }
            let start = page.flatMap { Int($0.text) } ?? 0
            let keys = Array(matching.dropFirst(start).prefix(state.pageSize))
            let next = start + keys.count
            return (
                KeyPage(keys: keys, next: next < matching.count ? PageToken(String(next)) : nil), state.meanwhile
            )
        }
        meanwhile?(.listed)
        return answer
    }

    // MARK: The life of keys

    func describe(_ key: KeyID, deadline: Deadline) throws(BackendError) -> KeyDescription {
        try enter(.describe)
        return try description(key)
    }

    func generate(_ specification: KeySpecification, deadline: Deadline) throws(BackendError) -> KeyDescription {
        try enter(.generate)
        try requireFreeName(specification)
        return try keep(try material.generate(specification, deadline: deadline), specification, isLocal: true)
    }

    func importKey(
        _ specification: KeySpecification, value: Secret, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        try enter(.importKey)
        try requireFreeName(specification)
        return try keep(
            try material.importKey(specification, value: value, deadline: deadline), specification, isLocal: false)
    }

    func update(_ key: KeyID, _ changes: KeyChanges, deadline: Deadline) throws(BackendError) -> KeyDescription {
        try enter(.update)
        return try state.withLock { state throws(BackendError) in
            guard let index = state.keys.firstIndex(where: { $0.id == key }) else {
                throw BackendError(.notFound, "no such key")
            }
            if let name = changes.name {
                guard !state.keys.contains(where: { $0.name == name && $0.id != key }) else {
                    throw BackendError(.conflict, "the name is taken")
                }
                state.keys[index].name = name
            }
            if let operations = changes.operations { state.keys[index].operations = operations }
            if let attributes = changes.attributes { state.keys[index].attributes = attributes }
            return state.keys[index]
        }
    }

    func copy(
        _ key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        try enter(.copy)
        try requireFreeName(specification)
        let original = try description(key)
        let value = try material.export(key, deadline: deadline)
        let copy = try material.importKey(specification, value: value, deadline: deadline)
        return try keep(copy, specification, isLocal: original.isLocal)
    }

    func delete(_ key: KeyID, deadline: Deadline) throws(BackendError) {
        try enter(.delete)
        _ = try description(key)
        state.withLock { state in state.keys.removeAll { $0.id == key } }
    }

    func deletePrivateHalf(_ key: KeyID, deadline: Deadline) throws(BackendError) {
        try enter(.deletePrivateHalf)
        state.withLock { state in
            for index in state.keys.indices where state.keys[index].id == key {
                state.keys[index].isPublicOnly = true
                state.keys[index].operations.values.subtract([.sign, .decrypt, .unwrapKey, .agreeKey, .export])
            }
        }
    }

    func export(_ key: KeyID, deadline: Deadline) throws(BackendError) -> Secret {
        try enter(.export)
        try require(.export, of: key)
        return try material.export(key, deadline: deadline)
    }
}

extension FakeBackend {
    func description(_ key: KeyID) throws(BackendError) -> KeyDescription {
        let found = state.withLock { state in state.keys.first { $0.id == key } ?? state.transientKeys[key] }
        guard let found else { throw BackendError(.notFound, "no such key") }
        return found
    }

    func require(_ operation: KeyOperation, of key: KeyID) throws(BackendError) {
        guard try description(key).operations.contains(operation) else {
            throw BackendError(.forbidden, "\(operation.rawValue) is not among the key's operations")
        }
    }

    func requireFreeName(_ specification: KeySpecification) throws(BackendError) {
        guard !specification.isTransient else { return }
        guard let name = specification.name else { throw BackendError(.invalid, "a key needs a name") }
        guard !keys.contains(where: { $0.name == name }) else { throw BackendError(.conflict, "the name is taken") }
    }

    /// Takes over what `material` made. Of transient keys a KMS keeps nothing but what it needs to use them.
    func keep(
        _ made: KeyDescription, _ specification: KeySpecification, isLocal: Bool
    ) throws(BackendError) -> KeyDescription {
        if specification.type == .aes, let bits = made.bits, ![128, 192, 256].contains(bits) {
            throw BackendError(.invalid, "AES keys do not have \(bits) bits")
        }
        var kept = made
        kept.id = KeyID(made.id.text, specification.isTransient ? .transient : .stored)
        kept.isLocal = isLocal
        kept.isNeverExportable = isLocal && !specification.operations.contains(.export)
        if specification.isTransient {
            kept.name = ""
            kept.attributes = [:]
        }
        state.withLock { [kept] in
            if specification.isTransient { $0.transientKeys[kept.id] = kept } else { $0.keys.append(kept) }
        }
        return kept
    }
}
