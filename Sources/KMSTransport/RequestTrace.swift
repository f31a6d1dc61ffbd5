internal import CCurl
internal import KMSSupport

/// What the log says of a request that failed or was slow: where, which, how often, how long. Never a credential, a body
/// or a query.
package struct RequestTrace: Sendable, CustomStringConvertible {
    /// The node that was asked last.
    package var endpoint = ""
    /// How often the request was sent.
    private(set) package var attempts = 0
    /// From the call to its answer or failure, retries and pauses included.
    package var milliseconds = 0
    /// What the KMS calls the request in its own log (x-request-id); nil: it did not say.
    package var requestID: String?
    /// When the request was wanted, on the clock of `Deadline.now`.
    let began = Deadline.now

    package init() {}

    package var description: String {
        let number = attempts == 1 ? "1 attempt" : "\(attempts) attempts"
        return (attempts == 0 ? "not sent" : "\(endpoint), \(number)") + ", \(milliseconds) ms"
            + (requestID.map { ", request \($0)" } ?? "")
    }

    /// Each time the request is sent.
    mutating func attempt(at endpoint: String, _ counters: Counters) {
        if attempts > 0, endpoint != self.endpoint { counters.count(.failovers) }
        self.endpoint = endpoint
        attempts += 1
    }

    /// Counts and times `body`, notes its trace in answer or error, and says so when it was slow.
    ///
    /// - Parameter body: calls `attempt` for each of its attempts.
    static func follow(
        _ request: HTTPRequest, _ options: TransportOptions,
        _ body: (inout RequestTrace) throws(TransportError) -> HTTPResponse
    ) throws(TransportError) -> HTTPResponse {
        var trace = RequestTrace()
        do throws(TransportError) {
            var response = try body(&trace)
            trace.requestID = response.requestID
            trace.end(request, options)
            if response.status >= 500 || response.status == 429 { options.counters.count(.failures) }
            if response.status == 429 { options.counters.count(.throttled) }
            response.trace = trace
            return response
        } catch {
            var error = error
            trace.end(request, options)
            options.counters.count(.failures)
            if error.kind == .timedOut { options.counters.count(.timeouts) }
            error.trace = trace
            throw error
        }
    }

    private mutating func end(_ request: HTTPRequest, _ options: TransportOptions) {
        let now = Deadline.now
        milliseconds = Int(clamping: (now > began ? now - began : 0) / 1_000_000)
        options.counters.record(since: began, now: now, attempts: attempts)
        guard options.slowMilliseconds > 0, milliseconds >= options.slowMilliseconds else { return }
        options.counters.count(.slowCalls)
        let path = request.path.prefix { $0 != "?" }
        Log.warning("slow: \(request.method.rawValue) \(path) took \(milliseconds) ms (\(self))")
    }
}

extension CurlHandle {
    /// A header of the last answer, when it is short and printable.
    func header(_ name: String) -> String? {
        var found: UnsafeMutablePointer<curl_header>?
        guard curl_easy_header(easy, name, 0, UInt32(CURLH_HEADER), -1, &found) == CURLHE_OK,
            let value = found?.pointee.value
        else { return nil }
        let text = String(cString: value)
        guard (1...128).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return nil }
        return text
    }
}
