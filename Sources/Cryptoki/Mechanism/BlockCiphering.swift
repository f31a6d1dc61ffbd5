internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport

/// Encryption or decryption with a secret key. In one part it is one request; in parts each goes on as it comes, with
/// the KMS's multi-part requests: hosts with buffers of fixed size expect from each part what OpenSSL would give
/// (pkcs11-tool 0.23), so parts cannot be collected.
final class BlockCiphering: Ciphering, @unchecked Sendable {
    // @unchecked: one thread at a time, see Operations.swift.

    /// What one request carries, in bytes. Fortanix's limit for a request is some 350 KB.
    private static var pieceLength: Int { 256 << 10 }

    private let direction: CipherDirection
    private let use: BlockCipherUse
    private let key: KeyInUse
    private let lengths: CipherLengths

    /// Input that has gone nowhere yet.
    private var held: [UInt8] = []
    /// Output that the caller had no room for, or may not see before the tag is verified.
    private var ready: [UInt8] = []
    private var stream: (any CipherStream)?
    /// Bytes that went into the stream and came out of it.
    private var sent = 0
    private var received = 0
    private var result: [UInt8]?

    init(_ direction: CipherDirection, _ use: BlockCipherUse, _ key: KeyInUse) throws(CKError) {
        guard let lengths = CipherLengths(use.cipher) else { throw CKError(CKR_MECHANISM_INVALID) }
        self.direction = direction
        self.use = use
        self.key = key
        self.lengths = lengths
    }

    deinit {
        held.withUnsafeMutableBytes { Secret.wipe($0) }
        ready.withUnsafeMutableBytes { Secret.wipe($0) }
        result?.withUnsafeMutableBytes { Secret.wipe($0) }
    }

    private var mode: CipherMode { lengths.mode }
    /// Nothing of a plaintext is shown before its tag is verified.
    private var isOpening: Bool { mode == .gcm && direction == .decrypt }

    // MARK: Lengths

    func bound(all count: Int) -> Int {
        if let result { return result.count }
        let total = held.count + sent - received + ready.count + count
        return direction == .encrypt ? lengths.ciphertext(of: total) : lengths.longestPlaintext(in: total)
    }

    func bound(adding count: Int) -> Int {
        guard !isOpening, mode != .kw, mode != .kwp else { return 0 }
        var given = sent + sendable(adding: count)
        // The last block may be all padding, so it waits for the end. Hosts count on that (pkcs11-tool 0.23).
        if mode == .cbc, direction == .decrypt { given = max(received, given - lengths.block) }
        return ready.count + given - received
    }

    func required(adding count: Int) -> Int { bound(adding: count) }

    /// How much of what is held and of `count` more bytes can go on now.
    private func sendable(adding count: Int) -> Int {
        let total = held.count + count
        switch mode {
        case .kw, .kwp: return 0
        // The last bytes may be the tag.
        case .gcm: return isOpening ? max(0, total - lengths.tag) : total
        case .ctr: return total
        case .ecb, .cbc, .cbcNoPad: return total / lengths.block * lengths.block
        }
    }

    // MARK: Work

    func update(_ bytes: UnsafeRawBufferPointer, room: Int) throws(CKError) -> [UInt8] {
        guard bytes.count <= use.longestInput - held.count - sent else { throw CKError(lengthError) }
        let count = sendable(adding: bytes.count)
        held.append(contentsOf: bytes)
        if count > 0 { try send(count) }
        guard !isOpening, !ready.isEmpty else { return [] }
        let output = Array(ready.prefix(room))
        ready.removeFirst(output.count)
        return output
    }

    private func send(_ count: Int) throws(CKError) {
        var start = 0
        while start < count {
            let end = min(count, start + BlockCiphering.pieceLength)
            let output = try send(Array(held[start..<end]))
            ready += output
            received += output.count
            start = end
        }
        sent += count
        held.removeFirst(count)
    }

    private func send(_ piece: [UInt8]) throws(CKError) -> [UInt8] {
        // ECB knows nothing of what came before, and KMSs have no multi-part requests for it.
        guard mode != .ecb else {
            return try piece.withBytes { bytes throws(CKError) in try request(bytes) }
        }
        if stream == nil { stream = try begin() }
        guard let stream else { return [] }
        return try perform { deadline throws(BackendError) in try stream.update(piece, deadline: deadline) }
    }

    func finish() throws(CKError) -> [UInt8] {
        if let result { return result }
        try checkLength(held.count + sent)
        let output: [UInt8]
        if mode == .ecb {
            output = ready
        } else if stream != nil {
            output = try finishStream()
        } else {
            output = try held.withBytes { bytes throws(CKError) in try request(bytes) }
        }
        result = output
        return output
    }

    private func finishStream() throws(CKError) -> [UInt8] {
        let tag = isOpening ? Array(held.suffix(lengths.tag)) : []
        let rest = held.count - tag.count
        if rest > 0 { try send(rest) }
        guard let stream else { return [] }
        let end = try perform { deadline throws(BackendError) in try stream.finish(tag: tag, deadline: deadline) }
        guard end.tag.count == (direction == .encrypt ? lengths.tag : 0) else { throw CKError(CKR_DEVICE_ERROR) }
        return ready + end.bytes + end.tag
    }

    func once(_ bytes: UnsafeRawBufferPointer) throws(CKError) -> [UInt8] {
        guard bytes.count <= use.longestInput else { throw CKError(lengthError) }
        try checkLength(bytes.count)
        guard bytes.count > BlockCiphering.pieceLength, mode.isMultiPart || mode == .ecb else {
            return try request(bytes)
        }
        let copy = try BlockCiphering(direction, use, key)
        let begin = try copy.update(bytes, room: .max)
        return begin + (try copy.finish())
    }

    /// Everything in one request.
    private func request(_ bytes: UnsafeRawBufferPointer) throws(CKError) -> [UInt8] {
        switch direction {
        case .encrypt:
            let sealed = try key.encrypt(Secret(bytes), use.cipher)
            guard sealed.tag.count == lengths.tag else { throw CKError(CKR_DEVICE_ERROR) }
            return sealed.bytes + sealed.tag
        case .decrypt:
            let sealed = Ciphertext(Array(bytes.dropLast(lengths.tag)), tag: Array(bytes.suffix(lengths.tag)))
            return try key.decrypt(sealed, use.cipher).withBytes { Array($0) }
        }
    }

    private func begin() throws(CKError) -> any CipherStream {
        try key.token.perform(what, .operation(invalid: invalid), on: key.object.keyID) {
            (backend, deadline) throws(BackendError) in
            try backend.stream(direction, with: use.cipher, key: key.object.keyID, deadline: deadline)
        }
    }

    private func perform<Result>(
        _ body: (Deadline) throws(BackendError) -> Result
    ) throws(CKError) -> Result {
        try key.token.perform(what, .operation(invalid: invalid), on: key.object.keyID) {
            (_, deadline) throws(BackendError) in
            try body(deadline)
        }
    }

    private var what: String {
        "\(direction == .encrypt ? "C_Encrypt" : "C_Decrypt") with key \"\(key.object.label)\""
    }

    private var invalid: CK_RV { direction == .encrypt ? CKR_DATA_INVALID : CKR_ENCRYPTED_DATA_INVALID }
    private var lengthError: CK_RV { direction == .encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE }

    /// - Throws: CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE.
    private func checkLength(_ count: Int) throws(CKError) {
        let isGood = direction == .encrypt ? lengths.accepts(plaintext: count) : lengths.accepts(ciphertext: count)
        guard isGood else { throw CKError(lengthError) }
    }
}
