package import KMSSupport

/// What may still come of a request after one attempt.
enum RetryVerdict {
    /// Nothing else: this is the result.
    case final
    /// Another endpoint may do what this one will not.
    case elsewhere
    /// Another endpoint, or the same one a little later.
    case again
    /// The KMS has too much to do and says when to come back.
    case later

    /// - Parameter request: what has consequences is sent a second time only if the first one surely had none.
    init(_ response: HTTPResponse, to request: HTTPRequest) {
        switch response.status {
        // Refused before it was executed.
        case 429: self = .later
        // 408: of a connection that the server had given up meanwhile. 502 to 504: of it, or of a load balancer before
        // it, that is not ready.
        case 408, 502...504: self = request.isRepeatable ? .again : .final
        case 500: self = request.isRepeatable ? .elsewhere : .final
        default: self = .final
        }
    }

    init(_ error: TransportError, of request: HTTPRequest) {
        guard request.isRepeatable || error.wasNeverSent else {
            self = .final
            return
        }
        switch error.kind {
        case .resolution, .connection, .interrupted: self = .again
        // Not again at the same endpoint. Of a timeout, because TCP has tried several times by then, and waiting twice
        // helps nobody.
        case .tls, .timedOut, .protocolViolation: self = .elsewhere
        case .refused: self = .final
        }
    }
}

/// When a request is sent again to endpoints that have failed it, and after how long.
package struct RetrySchedule {
    private var attempts = 0

    package init() {}

    /// Tries of one request while the KMS answers that there are too many (429) and does not say when to come back.
    package static var maximumThrottled: Int { 4 }

    /// Milliseconds to wait before the next try, or nil to give up.
    ///
    /// - Parameters:
    ///   - isAllowed: what the recent history says.
    ///   - requested: what the server asks for (Retry-After), in seconds.
    package mutating func wait(isAllowed: Bool, requested: Int? = nil, before deadline: Deadline) -> Int? {
        guard isAllowed else { return nil }
        // 50, 100, 200, 250, 250 … ms, each shortened by up to a half, so that many clients do not come back in step.
        let step = min(50 << min(attempts, 3), 250)
        attempts += 1
        let wait = max(Int.random(in: step / 2...step), min(requested ?? 0, 3_600) * 1_000)
        return wait < deadline.remaining ? wait : nil
    }

    /// Tries so far that ended in a wait.
    package var count: Int { attempts }
}

extension HTTPResponse {
    /// The server, or the load balancer in front of it, is not ready.
    var isOutage: Bool { (502...504).contains(status) }
}

extension HTTPResponse {
    /// Whether it is a page of a portal, of a proxy or of another server. One that does not name its type is believed.
    func isForeign(to request: HTTPRequest) -> Bool {
        guard contentType != "application/json", request.expectsJSON else { return false }
        return (200..<300).contains(status) && !body.isEmpty && !contentType.isEmpty
            && !contentType.lowercased().contains("json")
    }
}

extension TransportError {
    static func foreign(_ response: HTTPResponse, _ address: String) -> TransportError {
        TransportError(
            .protocolViolation,
            "\(address): the answer is \(response.contentType.prefix(64)) instead of JSON; is something else than the KMS "
                + "at this address, or in between?")
    }

    /// The endpoint could not be reached, was lost, hangs, or is not what it should be.
    var isEndpointFailure: Bool { kind != .refused }
}
