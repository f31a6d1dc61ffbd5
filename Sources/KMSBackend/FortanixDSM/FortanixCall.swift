internal import FoundationEssentials
internal import KMSModel
internal import KMSSupport
internal import KMSTransport

/// One call of the API.
struct FortanixCall {
    var method: HTTPRequest.Method = .post
    /// With the query, percent-encoded.
    var path: String
    /// What is asked of the KMS, for messages.
    var doing: String
    /// Whether the call may be made again when its fate is unknown: not when a second one would make a second object.
    var isRepeatable = true
    /// What an error answer might repeat and must not be quoted for: plaintext, key material.
    var secrets: [Secret] = []
}

extension FortanixSession {
    /// JSON there and back. Both bodies are wiped: either may hold plaintext or key material.
    func call<Answer: Decodable>(
        _ call: FortanixCall, _ body: some Encodable, as type: Answer.Type = Answer.self, deadline: Deadline
    ) throws(BackendError) -> Answer {
        try self.call(call, json: try FortanixJSON.encode(body), as: type, plain: { _ in nil }, deadline: deadline)
    }

    /// As above, for the calls that are made thousands of times a second.
    ///
    /// - Parameters:
    ///   - body: the JSON. Consumed: where somebody else had it as well, wiping would be done to a copy.
    ///   - plain: reads an answer of the usual form; nil leaves it to the decoder.
    func call<Answer: Decodable>(
        _ call: FortanixCall, json body: consuming [UInt8], as type: Answer.Type = Answer.self,
        plain: ([UInt8]) -> Answer?, deadline: Deadline
    ) throws(BackendError) -> Answer {
        var request = HTTPRequest(call.method, call.path, body: consume body, isRepeatable: call.isRepeatable)
        defer { request.wipeBody() }
        var response = try perform(&request, doing: call.doing, secrets: call.secrets, deadline: deadline)
        defer { response.wipeBody() }
        if let answer = plain(response.body) { return answer }
        return try FortanixJSON.decode(type, response, doing: call.doing)
    }

    /// A call without body, whose answer has none.
    func call(_ call: FortanixCall, deadline: Deadline) throws(BackendError) {
        var request = HTTPRequest(call.method, call.path, isRepeatable: call.isRepeatable)
        _ = try perform(&request, doing: call.doing, deadline: deadline)
    }
}

extension HTTPRequest {
    fileprivate mutating func wipeBody() { body?.withUnsafeMutableBytes { Secret.wipe($0) } }
}

extension Data {
    /// The bytes of a secret, to be wiped after use.
    init(_ secret: Secret) { self = secret.withBytes { Data($0) } }

    mutating func wipe() { withUnsafeMutableBytes { Secret.wipe($0) } }
}

extension Secret {
    /// Takes the bytes over and zeroes the original.
    convenience init(wiping data: inout Data) {
        self.init(data)
        data.wipe()
    }
}

extension SobjectDescriptor {
    init(_ key: KeyID, doing: String) throws(BackendError) {
        switch key.kind {
        case .stored:
            guard !key.text.isEmpty else { throw BackendError(.invalid, "\(doing): a key without kid") }
            self.init(kid: key.text)
        case .transient:
            guard let data = Data(base64Encoded: key.text), !data.isEmpty else {
                throw BackendError(.invalid, "\(doing): the name of a transient key is not base64")
            }
            self.init(transientKey: data)
        case .local:
            throw BackendError(.invalid, "\(doing): a session key of this process is not known to the KMS")
        }
    }
}

extension KeyID {
    /// An answer that names its key must name the one that was asked for.
    func check(_ kid: String?, doing: String) throws(BackendError) {
        guard kind == .stored, let kid, kid != text, kid.lowercased() != text.lowercased() else { return }
        throw BackendError(.protocolViolation, "\(doing): the KMS used key \(kid.prefix(64)) instead of \(self)")
    }

    /// The path of requests that name a stored key in their path.
    func path(doing: String) throws(BackendError) -> String {
        guard kind == .stored, !text.isEmpty else {
            throw BackendError(.unsupported, "\(doing): the KMS can do that with stored keys only")
        }
        return "/crypto/v1/keys/" + PercentCoding.encode(text.utf8)
    }
}
