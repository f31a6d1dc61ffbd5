internal import FoundationEssentials
internal import KMSSupport
internal import KMSTransport

extension BackendError {
    init(_ error: TransportError) {
        let kind: Kind =
            switch error.kind {
            case .resolution, .connection, .tls, .interrupted, .refused: .unavailable
            case .timedOut: .timedOut
            case .protocolViolation: .protocolViolation
            }
        self.init(kind, error.message + BackendError.note(error.trace))
    }

    /// Where, how often and how long was asked, for the log.
    private static func note(_ trace: RequestTrace?) -> String { trace.map { " [\($0)]" } ?? "" }

    /// An answer that is not 2xx.
    ///
    /// - Parameters:
    ///   - doing: what was asked of the KMS, for the message.
    ///   - headers: Authorization headers of the request; a server that repeats one in its answer is not quoted.
    ///   - secrets: other secrets of the request; an answer that repeats a piece of one is not quoted.
    init(_ response: HTTPResponse, doing: String, hiding headers: [Secret] = [], secrets: [Secret] = []) {
        var text = response.errorText(hiding: headers)
        if secrets.contains(where: { $0.isQuoted(in: text) }) {
            text = "(not shown: the answer repeats data of the request)"
        }
        var answer = text.isEmpty ? "\(response.status)" : "\(response.status) \(text)"
        if let seconds = response.retryAfterSeconds { answer += " (to be tried again in \(seconds) s)" }
        self.init(
            BackendError.kind(ofStatus: response.status), "\(doing): \(answer)" + BackendError.note(response.trace))
    }

    private static func kind(ofStatus status: Int) -> Kind {
        switch status {
        case 401: .unauthenticated
        case 403, 423: .forbidden
        case 404: .notFound
        case 408: .timedOut
        case 409: .conflict
        // kmsd, of an encryption in parts that a restart has ended.
        case 410: .unavailable
        case 413: .tooLong
        case 400..<500 where status != 429: .invalid
        case 429: .throttled
        case 501: .unsupported
        case 500..<600: .unavailable
        // Redirects are not followed: they would carry the credential elsewhere.
        default: .protocolViolation
        }
    }
}

extension HTTPResponse {
    var isSuccess: Bool { (200..<300).contains(status) }

    /// The token is unknown or has expired. Old servers said so with 403.
    var isSessionLost: Bool {
        status == 401 || (status == 403 && body.count < 1_024 && errorText().contains("Session does not exist"))
    }

    mutating func wipeBody() { body.withUnsafeMutableBytes { Secret.wipe($0) } }

    /// The server's sentence: the body itself, or `message` of a JSON object. Shortened, in one line.
    func errorText(hiding secrets: [Secret] = []) -> String {
        for secret in secrets where contains(secret) { return "(not shown: the answer repeats the credential)" }
        var text = String(decoding: body.prefix(4_096), as: UTF8.self)
        if body.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") {
            text = (try? JSONDecoder().decode(FortanixErrorBody.self, from: Data(body)))?.message ?? text
        }
        let characters = text.unicodeScalars.map { $0.properties.isControlOrFormat ? " " : Character($0) }
        let words = String(characters).split(separator: " ").joined(separator: " ")
        return words.count > 300 ? String(words.prefix(300)) + "…" : words
    }

    /// Whether the body has the credential, without the scheme in front of it.
    private func contains(_ header: Secret) -> Bool {
        header.withBytes { bytes in
            let credential = bytes.drop { $0 != 0x20 }.dropFirst()
            guard let first = credential.first, body.count >= credential.count else { return false }
            return body.indices.dropLast(credential.count - 1).contains { start in
                body[start] == first && body[start...].starts(with: credential)
            }
        }
    }
}

struct FortanixErrorBody: Codable { var message: String? }

extension Unicode.Scalar.Properties {
    fileprivate var isControlOrFormat: Bool {
        switch generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }
}
