internal import CCurl
internal import KMSSupport

/// One connection to the endpoint: a CURLM, which keeps the connection between requests, and the CURL that uses it.
///
/// Used by one thread at a time, which took it out of the pool.
final class CurlHandle: @unchecked Sendable {
    // @unchecked: the pool gives a handle to one thread at a time.
    let multi: UnsafeMutableRawPointer
    let easy: UnsafeMutableRawPointer
    /// CURLOPT_ERRORBUFFER.
    let errorText: UnsafeMutablePointer<CChar>
    /// CURLOPT_WRITEDATA.
    let receiver: ResponseReceiver
    let headers: HeaderList
    /// The path and method that the handle's options have now.
    var path: String?
    var method: HTTPRequest.Method?
    /// On the monotonic clock, in nanoseconds.
    var lastUsed: UInt64 = 0
    private let generation: UInt64
    private let settings: CurlSettings

    /// Inside `CurlScope`.
    init(_ settings: CurlSettings) throws(TransportError) {
        guard let multi = curl_multi_init() else { throw CurlHandle.outOfMemory }
        guard let easy = curl_easy_init() else {
            curl_multi_cleanup(multi)
            throw CurlHandle.outOfMemory
        }
        self.multi = multi
        self.easy = easy
        self.settings = settings
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        receiver = ResponseReceiver(limit: settings.options.maximumResponseBytes)
        headers = HeaderList(settings.headers)
        generation = Gate.generation
        // One connection per handle: a new one replaces the old one instead of joining it.
        _ = CCurl_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, 1)
        try settings.apply(to: easy, errorText: errorText)
        try OptionSetter(easy: easy).set(
            CURLOPT_WRITEDATA, pointer: Unmanaged.passUnretained(receiver).toOpaque())
    }

    /// Inside `CurlScope`. In a child of the process that made it, the handle is abandoned: ending it properly would end
    /// the connection that the parent still uses. `SocketRegistry` has closed its socket.
    deinit {
        guard generation == Gate.generation else { return }
        curl_multi_remove_handle(multi, easy)
        curl_easy_cleanup(easy)
        curl_multi_cleanup(multi)
        errorText.deallocate()
    }

    private static var outOfMemory: TransportError {
        TransportError(.refused, "libcurl gives no handle: out of memory", wasNeverSent: true)
    }
}
