internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// One encryption or decryption in parts, between its init and some time after its final.
///
/// Every state that a client was given carries the number of parts before it. A request with the newest state goes on;
/// a request that is sent again, because its answer was lost, is answered again and changes nothing.
final class CipherOperation: Sendable {
    /// What the operation is bound to besides its owner and direction.
    struct Identity: Sendable {
        var direction: CipherRules.Direction
        /// nil for transient keys.
        var kid: String?
        var type: ObjectType
        var mode: CipherMode
        var key: Secret
        var parameters: CipherParameters
    }

    struct Answer: Sendable {
        var output: Secret
        var tag: [UInt8] = []
        /// Parts done, this one included.
        var sequence: UInt64
    }

    /// A request, told apart from others by its digest.
    private struct Done: Sendable {
        var request: [UInt8]
        var answer: Answer
    }

    private struct State {
        /// nil where the input is held back: a GCM decryption.
        var cipher: SymmetricCipher?
        /// Ciphertext of a GCM decryption.
        var held: [UInt8] = []
        var total = 0
        var sequence: UInt64 = 0
        var last: Done?
        var isOver = false
        var lastUse: ContinuousClock.Instant
    }

    let identity: Identity
    private let context: LibraryContext
    private let budget: ByteShare
    private let state: Locked<State>

    init(
        _ identity: Identity, budget: ByteShare, at time: ContinuousClock.Instant, in context: LibraryContext
    ) throws(CryptoError) {
        self.identity = identity
        self.context = context
        self.budget = budget
        var cipher: SymmetricCipher?
        if !identity.holdsBack {
            cipher = try SymmetricCipher(
                identity.direction, identity.type, identity.mode, key: identity.key, iv: identity.parameters.iv,
                associatedData: identity.parameters.associatedData, in: context)
        }
        state = Locked(State(cipher: cipher, lastUse: time))
    }

    deinit { budget.give(state.withLock { $0.held.count }) }

    /// - Returns: whether it has ended, and when it was used last.
    var age: (isOver: Bool, lastUse: ContinuousClock.Instant) { state.withLock { ($0.isOver, $0.lastUse) } }

    /// Forgets what is kept to answer again, unless a newer answer has replaced it.
    func dropAnswer(_ sequence: UInt64) {
        state.withLock { state in
            if state.last?.answer.sequence == sequence { state.last = nil }
        }
    }

    /// The next part.
    ///
    /// - Parameter sequence: the number that the request's state carries.
    func update(_ input: [UInt8], _ sequence: UInt64, at time: ContinuousClock.Instant) throws -> Answer {
        let request = try Digest.hash([0] + input, .sha256, in: context)
        var reserved = identity.holdsBack ? input.count : 0
        guard budget.take(reserved) else { throw MultiPart.tooMuchHeld }
        defer { budget.give(reserved) }
        return try step(request, sequence, time) { state in
            if identity.mode == .gcm {
                guard input.count <= MultiPart.gcmLimit - state.total else { throw MultiPart.tooLong }
            }
            state.total &+= input.count
            guard let cipher = state.cipher else {
                state.held += input
                reserved = 0
                return ([], [])
            }
            return (try input.withBytes { bytes throws(CryptoError) in try cipher.update(bytes) }, [])
        }
    }

    /// The end.
    ///
    /// - Parameters:
    ///   - tagLength: of a GCM encryption, in bytes.
    ///   - tag: of a GCM decryption.
    func finish(
        tagLength: Int, tag: [UInt8], _ sequence: UInt64, at time: ContinuousClock.Instant
    ) throws -> Answer {
        let request = try Digest.hash([1, UInt8(clamping: tagLength)] + tag, .sha256, in: context)
        var freed = 0
        defer { budget.give(freed) }
        return try step(request, sequence, time) { state in
            state.isOver = true
            defer {
                freed = state.held.count
                state.held = []
                state.cipher = nil
            }
            guard let cipher = state.cipher else {
                let plaintext = try SymmetricCipher.decrypt(
                    state.held, identity.type, identity.mode, key: identity.key, iv: identity.parameters.iv,
                    associatedData: identity.parameters.associatedData, tag: tag, in: context)
                return (plaintext.withBytes { Array($0) }, [])
            }
            let output = try cipher.finish()
            guard identity.mode == .gcm else { return (output, []) }
            // A shorter tag is the beginning of the whole one (NIST SP 800-38D, 7.1).
            return (output, Array(try cipher.tag().prefix(tagLength)))
        }
    }

    /// Runs `body` if it is its turn. The lock is held meanwhile, at most some milliseconds: only requests with the same
    /// state wait for it, and those must not run at the same time.
    private func step(
        _ request: [UInt8], _ sequence: UInt64, _ time: ContinuousClock.Instant,
        _ body: (inout State) throws -> (output: [UInt8], tag: [UInt8])
    ) throws -> Answer {
        try state.withLock { state in
            state.lastUse = time
            if let last = state.last, last.answer.sequence &- 1 == sequence, last.request == request {
                return last.answer
            }
            guard !state.isOver else { throw MultiPart.ended }
            guard sequence == state.sequence else { throw MultiPart.outOfTurn }
            var (output, tag) = try body(&state)
            state.sequence &+= 1
            let answer = Answer(output: Secret(copying: &output), tag: tag, sequence: state.sequence)
            state.last = Done(request: request, answer: answer)
            return answer
        }
    }
}

extension CipherOperation.Identity {
    /// NIST SP 800-38D gives out no plaintext before the tag has been checked. A GCM decryption therefore collects its
    /// ciphertext, and its final answers the whole plaintext.
    fileprivate var holdsBack: Bool { mode == .gcm && direction == .decrypt }
}

/// Bytes that may be held in all, and for one owner.
final class ByteBudget: Sendable {
    private struct State: Sendable {
        var total = 0
        var byOwner: [String: Int] = [:]
    }

    private let state = Locked(State())
    private let limit: Int
    private let ownerLimit: Int

    init(_ limit: Int, ofOne ownerLimit: Int) {
        self.limit = limit
        self.ownerLimit = ownerLimit
    }

    fileprivate func take(_ count: Int, for owner: String) -> Bool {
        state.withLock { state in
            let own = state.byOwner[owner] ?? 0
            guard count <= limit - state.total, count <= ownerLimit - own else { return false }
            state.total += count
            if count > 0 { state.byOwner[owner] = own + count }
            return true
        }
    }

    fileprivate func give(_ count: Int, of owner: String) {
        guard count > 0 else { return }
        state.withLock { state in
            state.total -= count
            let left = (state.byOwner[owner] ?? 0) - count
            state.byOwner[owner] = left > 0 ? left : nil
        }
    }
}

/// An owner's part of a budget.
struct ByteShare: Sendable {
    let budget: ByteBudget
    let owner: String

    /// false, and nothing taken, when there are not enough.
    func take(_ count: Int) -> Bool { budget.take(count, for: owner) }

    func give(_ count: Int) { budget.give(count, of: owner) }
}
