internal import CCurl
internal import KMSSupport

/// One connection to the endpoint: a CURLM, which keeps the connection between requests, and the CURL that uses it.
///
/// Used by one thread at a time, which took it out of the pool.
final class CurlHandle: @unchecked Sendable {
    // @unchecked: the pool gives a handle to one thread at a time.
    let multi: UnsafeMutableRawPointer
    let easy: UnsafeMutableRawPointer
    /// CURLOPT_CURLU: taken apart once, not for each request.
    let url: OpaquePointer
    /// CURLOPT_ERRORBUFFER.
    let errorText: UnsafeMutablePointer<CChar>
    /// CURLOPT_WRITEDATA.
    let receiver: ResponseReceiver
    let headers: HeaderList
    // What the handle's options are now: a request is mostly like the one before. -1: not set yet.
    @exclusivity(unchecked) var path: String?
    @exclusivity(unchecked) var method: HTTPRequest.Method?
    @exclusivity(unchecked) var headerList: UnsafeMutablePointer<curl_slist>?
    @exclusivity(unchecked) var isFresh = -1
    @exclusivity(unchecked) var timeout = -1
    @exclusivity(unchecked) var connectTimeout = -1
    @exclusivity(unchecked) var bodySize = -1
    private let generation: UInt64
    private let settings: CurlSettings

    /// Inside `CurlScope`.
    init(_ settings: CurlSettings) throws(TransportError) {
        guard let multi = curl_multi_init() else { throw CurlHandle.outOfMemory }
        guard let easy = curl_easy_init(), let url = curl_url() else {
            curl_multi_cleanup(multi)
            throw CurlHandle.outOfMemory
        }
        self.multi = multi
        self.easy = easy
        self.url = url
        self.settings = settings
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        receiver = ResponseReceiver(limit: settings.options.maximumResponseBytes)
        headers = HeaderList(settings.headers)
        generation = Gate.generation
        // One connection per handle: a new one replaces the old one instead of joining it.
        _ = CCurl_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, 1)
        try settings.apply(to: easy, errorText: errorText)
        let option = OptionSetter(easy: easy)
        try option.set(CURLOPT_CURLU, pointer: UnsafeRawPointer(url))
        try option.set(CURLOPT_WRITEDATA, pointer: Unmanaged.passUnretained(receiver).toOpaque())
    }

    /// Inside `CurlScope`. In a child of the process that made it, the handle is abandoned: ending it properly would end
    /// the connection that the parent still uses. `SocketRegistry` has closed its socket.
    deinit {
        guard generation == Gate.generation else { return }
        curl_multi_remove_handle(multi, easy)
        curl_easy_cleanup(easy)
        curl_url_cleanup(url)
        curl_multi_cleanup(multi)
        errorText.deallocate()
    }

    /// Sets an option unless it has this value already.
    func set(_ option: CURLoption, _ value: Int, _ current: inout Int) throws(TransportError) {
        guard value != current else { return }
        current = -1
        try OptionSetter(easy: easy).set(option, value)
        current = value
    }

    func setURL(_ text: String) throws(TransportError) {
        let code = curl_url_set(url, CURLUPART_URL, text, UInt32(CURLU_PATH_AS_IS))
        guard code == CURLUE_OK else {
            throw TransportError(
                .refused, "libcurl takes no such URL: \(String(cString: curl_url_strerror(code)))", wasNeverSent: true)
        }
    }

    private static var outOfMemory: TransportError {
        TransportError(.refused, "libcurl gives no handle: out of memory", wasNeverSent: true)
    }
}
