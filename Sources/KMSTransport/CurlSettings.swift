internal import CCurl
internal import KMSSupport

/// What every connection to an endpoint has in common; applied once to each handle.
final class CurlSettings: Sendable {
    let options: TransportOptions
    /// What the path of a request is appended to.
    let address: String
    private let url: EndpointURL
    private let trust: TrustStore
    private let sockets: SocketRegistry
    private let redirection: StringList?
    let headers: CommonHeaders
    /// Not secret, but libcurl needs bytes that do not move.
    private let clientCertificate: Secret?

    init(
        options: TransportOptions, url: EndpointURL, trust: TrustStore, sockets: SocketRegistry
    ) throws(TransportError) {
        self.options = options
        self.url = url
        self.trust = trust
        self.sockets = sockets
        headers = try CommonHeaders()
        clientCertificate = options.tls.clientCertificate.map { Secret($0) }
        // The URL has the name that the certificate must have; the connection goes to the endpoint all the same.
        if let name = options.tls.serverName {
            address = "https://\(name):\(url.port)\(url.path)"
            redirection = try StringList(["\(name):\(url.port):\(url.bracketedHost):\(url.port)"])
        } else {
            address = url.text
            redirection = nil
        }
    }

    /// The handle keeps pointers to `trust`, `sockets` and the client key: it must not outlive these settings.
    func apply(to easy: UnsafeMutableRawPointer, errorText: UnsafeMutablePointer<CChar>) throws(TransportError) {
        let handle = OptionSetter(easy: easy)
        try handle.set(CURLOPT_ERRORBUFFER, pointer: errorText)
        try handle.set(CURLOPT_NOSIGNAL, 1)
        try setHTTP(handle)
        try setConnection(handle)
        try setTLS(handle)
        // Without this a deadline that passes during a name lookup would still wait for the resolver. From 7.87 on.
        _ = CCurl_setopt_long(easy, CURLOPT_QUICK_EXIT, 1)
    }

    private func setHTTP(_ handle: OptionSetter) throws(TransportError) {
        try handle.set(CURLOPT_PROTOCOLS_STR, url.isPlain ? "http" : "https")
        // HTTP/2 with one request at a time costs 1.5 times the processor time, here and at the server.
        try handle.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try handle.set(CURLOPT_FOLLOWLOCATION, 0)
        try handle.set(CURLOPT_NETRC, 0)
        try handle.set(CURLOPT_PATH_AS_IS, 1)
        try handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        try handle.check(CCurl_setopt_write(handle.easy, receiveCallback), CURLOPT_WRITEFUNCTION)
        let limit = curl_off_t(options.maximumResponseBytes)
        try handle.check(CCurl_setopt_offset(handle.easy, CURLOPT_MAXFILESIZE_LARGE, limit), CURLOPT_MAXFILESIZE_LARGE)
    }

    private func setConnection(_ handle: OptionSetter) throws(TransportError) {
        try handle.set(CURLOPT_MAXAGE_CONN, options.maximumIdleSeconds)
        try handle.set(CURLOPT_TCP_NODELAY, 1)
        try handle.set(CURLOPT_TCP_KEEPALIVE, 1)
        try handle.set(CURLOPT_TCP_KEEPIDLE, 30)
        try handle.set(CURLOPT_TCP_KEEPINTVL, 10)
        try handle.set(CURLOPT_CONNECT_TO, pointer: redirection?.pointer)
        try setProxy(handle)
        let registry = Unmanaged.passUnretained(sockets).toOpaque()
        try handle.check(
            CCurl_setopt_sockets(handle.easy, openSocketCallback, closeSocketCallback, registry),
            CURLOPT_OPENSOCKETFUNCTION)
    }

    /// Whether there is one is decided here, not by libcurl, which would look into the environment.
    private func setProxy(_ handle: OptionSetter) throws(TransportError) {
        try handle.set(CURLOPT_NOPROXY, "")
        guard let proxy = options.proxy, let proxyAddress = proxy.address, proxy.applies(to: url.host) else {
            return try handle.set(CURLOPT_PROXY, "")
        }
        try handle.set(CURLOPT_PROXY, proxyAddress.text)
    }

    private func setTLS(_ handle: OptionSetter) throws(TransportError) {
        let minimum = options.tls.minimumVersion == .tls13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2
        try handle.set(CURLOPT_SSLVERSION, Int(minimum))
        try handle.set(CURLOPT_SSL_VERIFYPEER, 1)
        try handle.set(CURLOPT_SSL_VERIFYHOST, 2)
        // The trust store is all there is: neither libcurl's default file nor its default directory.
        try handle.set(CURLOPT_CAINFO, pointer: nil)
        try handle.set(CURLOPT_CAPATH, pointer: nil)
        try handle.set(CURLOPT_PROXY_CAINFO, pointer: nil)
        try handle.set(CURLOPT_PROXY_CAPATH, pointer: nil)
        // Nothing to cache; from 7.87 on.
        _ = CCurl_setopt_long(handle.easy, CURLOPT_CA_CACHE_TIMEOUT, 0)
        try handle.check(
            CCurl_setopt_trust(handle.easy, UnsafeMutableRawPointer(trust.pointer)), CURLOPT_SSL_CTX_FUNCTION)
        if !options.tls.pins.isEmpty {
            try handle.set(CURLOPT_PINNEDPUBLICKEY, options.tls.pins.joined(separator: ";"))
        }
        guard let certificate = clientCertificate, let key = options.tls.clientKey else { return }
        try handle.set(CURLOPT_SSLCERT_BLOB, blob: certificate)
        try handle.set(CURLOPT_SSLKEY_BLOB, blob: key)
    }
}

/// Sets options of a handle; libcurl says no only when it is too old or out of memory.
struct OptionSetter {
    let easy: UnsafeMutableRawPointer

    func set(_ option: CURLoption, _ value: Int) throws(TransportError) {
        try check(CCurl_setopt_long(easy, option, value), option)
    }

    func set(_ option: CURLoption, _ value: String) throws(TransportError) {
        try check(CCurl_setopt_string(easy, option, value), option)
    }

    /// libcurl keeps `pointer` itself.
    func set(_ option: CURLoption, pointer: UnsafeRawPointer?) throws(TransportError) {
        try check(CCurl_setopt_pointer(easy, option, pointer), option)
    }

    /// libcurl keeps the address of the secret's bytes, which do not move while the secret lives.
    func set(_ option: CURLoption, blob: Secret) throws(TransportError) {
        try check(blob.withBytes { CCurl_setopt_blob(easy, option, $0.baseAddress, $0.count) }, option)
    }

    func check(_ code: CURLcode, _ option: CURLoption) throws(TransportError) {
        guard code == CURLE_OK else {
            throw TransportError(
                .refused,
                "libcurl refuses option \(option.rawValue): \(String(cString: curl_easy_strerror(code)))",
                wasNeverSent: true)
        }
    }
}
