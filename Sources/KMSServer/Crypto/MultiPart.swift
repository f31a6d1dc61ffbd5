package import KMSModel
package import KMSSupport
internal import OpenSSLCrypto

/// Encryptions and decryptions in parts: init, any number of updates, final.
///
/// What OpenSSL knows between two parts cannot be written down, not for GCM at any rate, and cryptography is not made
/// by hand here. So the operations stay in memory, and the `state` that a client carries is only a sealed reference:
/// it opens for the same app or user and direction, and it counts the parts, so that a lost answer can be asked for
/// again. A restart of the server ends the operations, as it ends sessions; clients begin again.
///
/// Memory is bounded by the limits below. Whoever begins more operations than allowed loses the one that has been idle
/// longest, for many programs give up an operation without a word.
package final class MultiPart: Sendable {
    /// Operations of one app or user at a time.
    package static var ownerLimit: Int { 2048 }
    package static var limit: Int { 8192 }
    /// An operation in use is not given up for a new one.
    package static var busyTime: Duration { .seconds(2) }
    package static var idleLimit: Duration { .seconds(600) }
    /// Bytes of one GCM operation: a decryption is held back until its tag has been checked, and nothing shall be
    /// encrypted that cannot be decrypted in the same way.
    package static var gcmLimit: Int { 8 << 20 }
    /// Bytes of all GCM decryptions.
    package static var heldLimit: Int { 64 << 20 }
    /// Of those, one app's or user's.
    package static var ownerHeldLimit: Int { 16 << 20 }
    /// Bytes of answers that are kept to be given again, in all.
    package static var answerLimit: Int { 16 << 20 }

    private struct Entry: Sendable {
        var owner: String
        var operation: CipherOperation
    }

    private struct Kept {
        weak var operation: CipherOperation?
        var sequence: UInt64
        /// In bytes.
        var count: Int
    }

    private struct State {
        var entries: [[UInt8]: Entry] = [:]
        /// Kept answers, oldest first.
        var answers: [Kept] = []
        var answerBytes = 0
    }

    private let state = Locked(State())
    private let budget = ByteBudget(MultiPart.heldLimit, ofOne: MultiPart.ownerHeldLimit)
    private let engine: CryptoEngine
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameter now: for tests that cannot wait.
    package init(engine: CryptoEngine, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.engine = engine
        self.now = now
    }

    /// - Parameters:
    ///   - owner: id of the app or user.
    ///   - kid: nil for a transient key.
    /// - Returns: the first state.
    package func begin(
        _ direction: CipherRules.Direction, _ type: ObjectType, _ mode: CipherMode, kid: String?, key: Secret,
        _ parameters: CipherParameters, owner: String
    ) throws -> [UInt8] {
        let operation = try CipherOperation(
            .init(direction: direction, kid: kid, type: type, mode: mode, key: key, parameters: parameters),
            budget: .init(budget: budget, owner: owner), at: now(), in: engine.context)
        let id = try engine.randomBytes(MultiPart.idLength)
        try makeRoom(owner)
        state.withLock { $0.entries[id] = Entry(owner: owner, operation: operation) }
        return try seal(id, 0, owner, direction)
    }

    /// - Returns: the output and the next state.
    package func update(
        _ box: [UInt8], _ direction: CipherRules.Direction, kid: String?, key: Secret, _ input: [UInt8], owner: String
    ) throws -> (output: Secret, state: [UInt8]) {
        let (id, sequence, operation) = try find(box, direction, kid: kid, key: key, owner)
        let answer = try run(id, direction) { try operation.update(input, sequence, at: now()) }
        keep(answer, of: operation)
        return (answer.output, try seal(id, answer.sequence, owner, direction))
    }

    /// - Parameters:
    ///   - tagLen: in bits.
    ///   - tag: of a decryption.
    /// - Returns: the rest of the output; `tag` is nil in modes without one.
    package func finish(
        _ box: [UInt8], _ direction: CipherRules.Direction, kid: String?, key: Secret, _ fields: CipherFields,
        owner: String
    ) throws -> (output: Secret, tag: [UInt8]?, mode: CipherMode) {
        let (id, sequence, operation) = try find(box, direction, kid: kid, key: key, owner)
        let mode = operation.identity.mode
        var tagLength = 0
        var tag: [UInt8] = []
        switch (mode, direction) {
        case (.gcm, .encrypt):
            try fields.refuse([.tag], for: "an encryption")
            tagLength = try CipherParameters.tagLength(bits: fields.tagLen)
        case (.gcm, .decrypt):
            try fields.refuse([.tagLen], for: "a decryption")
            tag = try CipherParameters.tag(fields)
        default:
            try fields.refuse([.tag, .tagLen], for: mode.rawValue)
        }
        let answer = try run(id, direction) {
            try operation.finish(tagLength: tagLength, tag: tag, sequence, at: now())
        }
        keep(answer, of: operation)
        return (answer.output, mode == .gcm && direction == .encrypt ? answer.tag : nil, mode)
    }

    /// OpenSSL's refusal ends the operation.
    private func run<Value>(
        _ id: [UInt8], _ direction: CipherRules.Direction, _ body: () throws -> Value
    ) throws -> Value {
        do {
            return try KeyCipher.attempt(direction, body)
        } catch let error as KMSError where !error.leavesOperation {
            drop([id])
            throw error
        }
    }

    /// The operations themselves end outside the lock, for they take locks of their own.
    private func drop(_ ids: [[UInt8]]) {
        _ = state.withLock { state in ids.map { state.entries.removeValue(forKey: $0) } }
    }

    /// Drops what is over or idle too long, and if that is not enough what has been idle longest.
    private func makeRoom(_ owner: String) throws(KMSError) {
        let time = now()
        let entries = state.withLock { $0.entries }
        var left: [(id: [UInt8], owner: String, isOver: Bool, idle: Duration)] = []
        var gone: [[UInt8]] = []
        for (id, entry) in entries {
            let (isOver, lastUse) = entry.operation.age
            let idle = time - lastUse
            // One that is over stays for a while, for a client that has not had the answer.
            if idle > (isOver ? .seconds(60) : MultiPart.idleLimit) {
                gone.append(id)
            } else {
                left.append((id, entry.owner, isOver, idle))
            }
        }
        drop(gone)
        let own = left.filter { $0.owner == owner }
        // Whoever has most makes room for the others, at work or not.
        let most = Dictionary(grouping: left, by: \.owner).values.max { $0.count < $1.count } ?? []
        let isModest = own.count < most.count / 2
        for (group, count, limit) in [
            (own, own.count, MultiPart.ownerLimit), (most, left.count, MultiPart.limit),
        ] where count >= limit {
            let victim = group.max { ($0.isOver ? 1 : 0, $0.idle) < ($1.isOver ? 1 : 0, $1.idle) }
            guard let victim, victim.isOver || victim.idle >= MultiPart.busyTime || isModest else {
                throw KMSError(
                    .tooManyRequests,
                    "There are \(limit) encryptions and decryptions in parts at work; finish some and try again")
            }
            drop([victim.id])
        }
    }

    /// Remembers what is kept to be answered again, and drops the oldest of it when it gets too much.
    private func keep(_ answer: CipherOperation.Answer, of operation: CipherOperation) {
        let dropped = state.withLock { state in
            state.answers.append(
                Kept(operation: operation, sequence: answer.sequence, count: answer.output.count))
            state.answerBytes += answer.output.count
            var dropped = 0
            while state.answerBytes > MultiPart.answerLimit || state.answers.count - dropped > MultiPart.limit,
                dropped < state.answers.count
            {
                state.answerBytes -= state.answers[dropped].count
                dropped += 1
            }
            let gone = Array(state.answers.prefix(dropped))
            state.answers.removeFirst(dropped)
            return gone
        }
        for entry in dropped { entry.operation?.dropAnswer(entry.sequence) }
    }

    // MARK: State

    /// In bytes.
    private static var idLength: Int { 16 }

    private func seal(
        _ id: [UInt8], _ sequence: UInt64, _ owner: String, _ direction: CipherRules.Direction
    ) throws -> [UInt8] {
        let number = (0..<8).map { UInt8(truncatingIfNeeded: sequence >> (8 * UInt64($0))) }
        return try engine.seal(Secret(id + number), as: .cipherState(owner: owner, direction: direction))
    }

    private func find(
        _ box: [UInt8], _ direction: CipherRules.Direction, kid: String?, key: Secret, _ owner: String
    ) throws(KMSError) -> (id: [UInt8], sequence: UInt64, operation: CipherOperation) {
        guard
            let plain = try? engine.open(box, as: .cipherState(owner: owner, direction: direction))
                .withBytes({ Array($0) }), plain.count == MultiPart.idLength + 8
        else {
            throw .badRequest("Field \"state\" is not one that the server gave you for this direction")
        }
        let id = Array(plain.prefix(MultiPart.idLength))
        let sequence = plain.suffix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let operation = state.withLock({ $0.entries[id]?.operation }) else { throw MultiPart.ended }
        guard operation.identity.kid == kid, operation.identity.key.equals(key) else {
            throw .badRequest("Field \"state\" belongs to an operation with another key")
        }
        return (id, sequence, operation)
    }

    // MARK: Refusals

    static var ended: KMSError {
        KMSError(
            .gone,
            "Field \"state\": the operation has ended, failed, was idle for too long, or the server was restarted; "
                + "begin again with init")
    }

    static var outOfTurn: KMSError {
        .conflict("Field \"state\" has been used; send the one of the last answer")
    }

    static var tooLong: KMSError {
        KMSError(.contentTooLarge, "A GCM operation in parts takes at most \(gcmLimit) bytes; encrypt in pieces")
    }

    static var tooMuchHeld: KMSError {
        KMSError(
            .serviceUnavailable,
            "Unfinished GCM decryptions may have \(ownerHeldLimit) bytes of one app or user, \(heldLimit) of all together, "
                + "and there is no room for this; finish some and try again")
    }
}

extension KMSError {
    /// Whether the operation can go on after this refusal.
    fileprivate var leavesOperation: Bool { self == MultiPart.outOfTurn || status == .serviceUnavailable }
}
