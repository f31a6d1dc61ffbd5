internal import FoundationEssentials
internal import KMSModel
internal import KMSSupport
internal import KMSTransport

/// An encryption or decryption in parts. The KMS keeps nothing of it: every answer has the state for the next request,
/// so that a request may be repeated.
final class FortanixCipherStream: CipherStream {
    private struct Progress {
        /// The KMS's own, sealed; nil: finished.
        var state: Data?
        /// Bytes that went in and came out.
        var taken = 0
        var given = 0
    }

    private let session: FortanixSession
    private let direction: CipherDirection
    private let cipher: Cipher
    private let fields: FortanixCipherFields
    private let key: SobjectDescriptor
    /// Only to carry the state from one call to the next; the caller sees to it that they come one by one.
    private let progress: Locked<Progress>

    private var doing: String { direction == .encrypt ? "encrypt in parts" : "decrypt in parts" }
    private var path: String { direction == .encrypt ? "/crypto/v1/encrypt/" : "/crypto/v1/decrypt/" }

    init(
        _ direction: CipherDirection, _ cipher: Cipher, _ key: KeyID, _ session: FortanixSession, deadline: Deadline
    ) throws(BackendError) {
        let doing = direction == .encrypt ? "start to encrypt" : "start to decrypt"
        guard case .symmetric(_, let mode, _, _, _) = cipher, mode.isMultiPart else {
            throw BackendError(.unsupported, "\(doing): the KMS does this mode in one part only")
        }
        self.session = session
        self.direction = direction
        self.cipher = cipher
        fields = try FortanixCipherFields(cipher, direction, doing: doing)
        self.key = try SobjectDescriptor(key, doing: doing)
        let request = CipherInitRequest(
            key: self.key, alg: fields.alg, mode: fields.mode, iv: fields.iv, ad: fields.ad)
        let path = direction == .encrypt ? "/crypto/v1/encrypt/init" : "/crypto/v1/decrypt/init"
        let answer = try session.call(
            FortanixCall(path: path, doing: doing), request, as: CipherInitResponse.self, deadline: deadline)
        try key.check(answer.kid, doing: doing)
        try fields.check(iv: answer.iv, doing: doing)
        progress = Locked(Progress(state: try FortanixCipherStream.state(answer.state, doing: doing)))
    }

    /// More than one request may carry goes in several.
    func update(_ bytes: [UInt8], deadline: Deadline) throws(BackendError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(FortanixDSM.largestPart)
            var piece = try update(part: part, deadline: deadline)
            output += piece
            piece.wipe()
            rest = rest.dropFirst(part.count)
        }
        return output
    }

    private func update(part: ArraySlice<UInt8>, deadline: Deadline) throws(BackendError) -> Data {
        let state = try currentState()
        var request = CipherUpdateRequest(key: key, state: state)
        var call = FortanixCall(path: path + "update", doing: doing)
        switch direction {
        case .encrypt:
            request.plain = Data(part)
            call.secrets = [Secret(part)]
        case .decrypt: request.cipher = Data(part)
        }
        defer { request.plain?.wipe() }
        var answer = try session.call(call, request, as: CipherUpdateResponse.self, deadline: deadline)
        let output = try takeOutput(of: &answer)
        guard let next = answer.state else {
            throw BackendError(.protocolViolation, "\(doing): the KMS's answer has no state")
        }
        let checked = try FortanixCipherStream.state(next, doing: doing)
        progress.withLock { progress in
            progress.state = checked
            progress.taken += part.count
            progress.given += output.count
        }
        return output
    }

    func finish(tag: [UInt8], deadline: Deadline) throws(BackendError) -> Ciphertext {
        var request = CipherFinalRequest(key: key, state: try currentState())
        switch direction {
        case .encrypt: request.tagLen = fields.tagLen
        case .decrypt:
            try fields.check(tag: tag, doing: doing)
            request.tag = tag.isEmpty ? nil : Data(tag)
        }
        var answer = try session.call(
            FortanixCall(path: path + "final", doing: doing), request, as: CipherUpdateResponse.self,
            deadline: deadline)
        var output = try takeOutput(of: &answer)
        defer { output.wipe() }
        let total = progress.withLock { progress in
            progress.state = nil
            progress.given += output.count
            return (taken: progress.taken, given: progress.given)
        }
        try cipher.check(total.given, from: total.taken, direction, doing: doing)
        return Ciphertext(
            Array(output), tag: direction == .encrypt ? try fields.tag(answer.tag, doing: doing) : [])
    }

    private func currentState() throws(BackendError) -> Data {
        guard let state = progress.withLock({ $0.state }) else {
            throw BackendError(.invalid, "\(doing): it is finished already")
        }
        return state
    }

    /// Leaves nothing behind in the answer, so that the result can be wiped.
    private func takeOutput(of answer: inout CipherUpdateResponse) throws(BackendError) -> Data {
        let output = direction == .encrypt ? answer.cipher : answer.plain
        answer.cipher = nil
        answer.plain = nil
        guard let output else { throw BackendError(.protocolViolation, "\(doing): the KMS's answer has no result") }
        return output
    }

    private static func state(_ state: Data, doing: String) throws(BackendError) -> Data {
        guard !state.isEmpty else {
            throw BackendError(.protocolViolation, "\(doing): the KMS's answer has an empty state")
        }
        return state
    }
}
