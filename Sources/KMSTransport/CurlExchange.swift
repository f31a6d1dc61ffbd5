internal import CCurl
internal import KMSSupport

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// One request and its answer on one handle. The request is handed down, not kept: a copy costs more than a parameter.
struct CurlExchange {
    let handle: CurlHandle
    let settings: CurlSettings
    let limits: Endpoints.Limits

    /// Why there is no answer.
    struct Failure: Error {
        var error: TransportError
        /// The connection had been kept from an earlier request and ended before one byte of the answer: most likely
        /// the server had closed it while it was idle.
        var isStaleConnection: Bool
    }

    /// Inside `CurlScope`. Steps out of the fork gate while it waits.
    ///
    /// - Parameters:
    ///   - isFresh: use no connection of an earlier request.
    ///   - began: when, on the clock of `Deadline.now`.
    func run(_ request: HTTPRequest, isFresh: Bool, since began: UInt64) throws(Failure) -> HTTPResponse {
        do throws(TransportError) {
            try prepare(request, isFresh: isFresh, now: began)
        } catch {
            throw Failure(error: error, isStaleConnection: false)
        }
        let code = withBody(of: request) { transfer() }
        handle.headers.forget()
        let connects = number(CURLINFO_NUM_CONNECTS)
        if connects > 0 { settings.options.counters.count(.connects, UInt64(connects)) }
        guard code == CURLE_OK else { throw failure(code) }
        return answer(to: request, since: began)
    }

    private func prepare(_ request: HTTPRequest, isFresh: Bool, now: UInt64) throws(TransportError) {
        let option = OptionSetter(easy: handle.easy)
        handle.errorText.pointee = 0
        handle.receiver.begin()
        try setPath(request.path)
        try setMethod(request.method, option)
        let headers = try handle.headers.list(for: request)
        if handle.headerList != headers {
            try option.set(CURLOPT_HTTPHEADER, pointer: headers)
            handle.headerList = headers
        }
        // libcurl sends any request again when a kept connection turns out to be closed. One with consequences goes over
        // a connection of its own, where that cannot happen.
        try handle.set(CURLOPT_FRESH_CONNECT, isFresh || !request.isRepeatable ? 1 : 0, &handle.isFresh)
        let remaining = max(1, limits.deadline.remaining(at: now))
        try handle.set(CURLOPT_TIMEOUT_MS, remaining, &handle.timeout)
        try handle.set(CURLOPT_CONNECTTIMEOUT_MS, min(remaining, limits.connectMilliseconds), &handle.connectTimeout)
    }

    private func setPath(_ path: String) throws(TransportError) {
        guard handle.path != path else { return }
        handle.path = nil
        let isPath = path.utf8.first == UInt8(ascii: "/")
        guard isPath, path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw TransportError(.refused, "a path that is not percent-encoded", wasNeverSent: true)
        }
        try handle.setURL(settings.address + path)
        handle.path = path
    }

    private func setMethod(_ method: HTTPRequest.Method, _ option: OptionSetter) throws(TransportError) {
        guard handle.method != method else { return }
        handle.method = nil
        if method == .get {
            try option.set(CURLOPT_HTTPGET, 1)
            try option.set(CURLOPT_CUSTOMREQUEST, pointer: nil)
        } else {
            try option.set(CURLOPT_POST, 1)
            try option.set(CURLOPT_CUSTOMREQUEST, method.rawValue)
        }
        handle.method = method
    }

    /// libcurl does not copy the body: it stays where it is while `body` runs.
    private func withBody(of request: HTTPRequest, _ body: () -> CURLcode) -> CURLcode {
        guard request.method != .get else { return body() }
        // An array without elements may have no address, which libcurl would take for "read it from standard input".
        let bytes = request.body ?? []
        let count = bytes.count
        return (bytes.isEmpty ? [0] : bytes).withUnsafeBytes { buffer in
            defer { _ = CCurl_setopt_pointer(handle.easy, CURLOPT_POSTFIELDS, nil) }
            if handle.bodySize != count {
                let size = CCurl_setopt_offset(handle.easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(count))
                guard size == CURLE_OK else { return size }
                handle.bodySize = count
            }
            let fields = CCurl_setopt_pointer(handle.easy, CURLOPT_POSTFIELDS, buffer.baseAddress)
            guard fields == CURLE_OK else { return fields }
            return body()
        }
    }

    private func transfer() -> CURLcode {
        guard curl_multi_add_handle(handle.multi, handle.easy) == CURLM_OK else { return CURLE_OUT_OF_MEMORY }
        defer { curl_multi_remove_handle(handle.multi, handle.easy) }
        var running: Int32 = 0
        while true {
            guard curl_multi_perform(handle.multi, &running) == CURLM_OK else { return CURLE_OUT_OF_MEMORY }
            guard running > 0 else { return result }
            let remaining = limits.deadline.remaining
            guard remaining > 0 else { return CURLE_OPERATION_TIMEDOUT }
            // libcurl shortens the wait to its own next timeout. It runs only code that reads this handle's own state, so
            // a fork by another thread finds nothing of it half-done.
            Gate.outside { _ = curl_multi_poll(handle.multi, nil, 0, Int32(clamping: remaining), nil) }
        }
    }

    private var result: CURLcode {
        var left: Int32 = 0
        while let message = curl_multi_info_read(handle.multi, &left) {
            if message.pointee.msg == CURLMSG_DONE, message.pointee.easy_handle == handle.easy {
                return message.pointee.data.result
            }
        }
        return CURLE_RECV_ERROR
    }

    private func answer(to request: HTTPRequest, since began: UInt64) -> HTTPResponse {
        var type: UnsafeMutablePointer<CChar>?
        _ = CCurl_getinfo_string(handle.easy, CURLINFO_CONTENT_TYPE, &type)
        let status = number(CURLINFO_RESPONSE_CODE)
        var response = HTTPResponse(
            status: status, contentType: type.map { CurlExchange.text($0) } ?? "", body: handle.receiver.takeBody())
        if request.wantsDate { response.date = handle.header("date") }
        guard status >= 300 || isSlow(since: began) else { return response }
        response.requestID = handle.header("x-request-id")
        var address: UnsafeMutablePointer<CChar>?
        _ = CCurl_getinfo_string(handle.easy, CURLINFO_REDIRECT_URL, &address)
        response.redirect = address.map { CurlExchange.text($0) }
        var wait: curl_off_t = 0
        _ = CCurl_getinfo_offset(handle.easy, CURLINFO_RETRY_AFTER, &wait)
        if wait > 0 { response.retryAfterSeconds = Int(clamping: wait) }
        return response
    }

    /// Whether there will be a line about it in the log.
    private func isSlow(since began: UInt64) -> Bool {
        let limit = settings.options.slowMilliseconds
        return limit > 0 && (Deadline.now &- began) / 1_000_000 >= UInt64(limit)
    }

    /// The usual type needs no memory of its own.
    private static func text(_ type: UnsafePointer<CChar>) -> String {
        strcmp(type, "application/json") == 0 ? "application/json" : String(cString: type)
    }

    private func failure(_ code: CURLcode) -> Failure {
        let wasNeverSent = number(CURLINFO_REQUEST_SIZE) == 0
        let isAnswered = number(CURLINFO_HEADER_SIZE) > 0 || handle.receiver.count > 0
        var error = TransportError(
            code: code, detail: String(cString: handle.errorText), endpoint: settings.address,
            isTooLarge: handle.receiver.isOverLimit)
        error.wasNeverSent = wasNeverSent
        let isKept = number(CURLINFO_NUM_CONNECTS) == 0
        let isBroken = error.kind == .interrupted || error.kind == .connection
        return Failure(error: error, isStaleConnection: isKept && isBroken && !isAnswered)
    }

    private func number(_ info: CURLINFO) -> Int {
        var value = 0
        _ = CCurl_getinfo_long(handle.easy, info, &value)
        return value
    }
}

/// Collects the body of an answer, up to a limit.
///
/// In pieces: one array that grows would leave the host's heap with holes of many megabytes, which the C library keeps,
/// after an answer that was too large. Used by the thread that has the handle.
final class ResponseReceiver {
    @exclusivity(unchecked) private var first: [UInt8] = []
    @exclusivity(unchecked) private var more: [[UInt8]] = []
    private let limit: Int
    @exclusivity(unchecked) private(set) var count = 0
    @exclusivity(unchecked) private(set) var isOverLimit = false

    /// In bytes; most answers have less.
    private static var pieceSize: Int { 64 << 10 }

    init(limit: Int) { self.limit = limit }

    /// Before each request.
    func begin() {
        _ = takeBody()
        isOverLimit = false
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= limit - count else {
            isOverLimit = true
            return false
        }
        if count == 0 {
            first = Array(bytes)
        } else if more.isEmpty, first.count + bytes.count <= ResponseReceiver.pieceSize {
            first.append(contentsOf: bytes)
        } else if let last = more.indices.last, more[last].count + bytes.count <= ResponseReceiver.pieceSize {
            more[last].append(contentsOf: bytes)
        } else {
            more.append(Array(bytes))
        }
        count += bytes.count
        return true
    }

    func takeBody() -> [UInt8] {
        defer { (first, more, count) = ([], [], 0) }
        if more.isEmpty { return first }
        var body: [UInt8] = []
        body.reserveCapacity(count)
        body.append(contentsOf: first)
        for piece in more { body.append(contentsOf: piece) }
        return body
    }
}

/// CURLOPT_WRITEFUNCTION; the context is the `ResponseReceiver`. Any count but the given one ends the transfer.
func receiveCallback(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    let (total, overflow) = size.multipliedReportingOverflow(by: count)
    guard let context, let bytes, !overflow else { return 0 }
    let receiver = Unmanaged<ResponseReceiver>.fromOpaque(context).takeUnretainedValue()
    return receiver.receive(UnsafeRawBufferPointer(start: bytes, count: total)) ? total : 0
}
