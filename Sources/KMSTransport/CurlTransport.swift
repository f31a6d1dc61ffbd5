internal import CForkSupport
package import KMSSupport

/// HTTPS through libcurl, on the calling thread; usable by many threads and in forked children.
///
/// Each request is driven with libcurl's multi interface, so that the thread can step out of the fork gate while it
/// waits for the network (`fork_support.h` says why). No thread is started but libcurl's own for looking up names.
package final class CurlTransport: HTTPTransport {
    private let options: TransportOptions
    private let systemCertificates: [UInt8]?
    private let sockets = SocketRegistry()
    private let nodes: [CurlNode]
    private let endpoints: Endpoints
    private let limit: RequestLimit?
    /// Made at the first request: C_Initialize stays quick, and a host that loads us while it starts OpenSSL or libcurl
    /// is not disturbed.
    private let trust = Locked<TrustStore?>(nil)

    /// Reads what the process may not be able to read later: the system's certificates and the proxy variables.
    package init(_ options: TransportOptions) throws(TransportError) {
        var options = options
        let urls = try CurlTransport.urls(options)
        options.endpoints = urls.map(\.text)
        options.proxy = options.proxy ?? ProxySettings.fromEnvironment()
        self.options = options
        systemCertificates = options.tls.needsSystemAuthorities ? SystemCertificates.read() : nil
        nodes = urls.map { CurlNode($0, maximumIdleSeconds: options.maximumIdleSeconds) }
        endpoints = Endpoints(
            options.endpoints, choice: options.endpointChoice, failoverMilliseconds: options.failoverMilliseconds,
            counters: options.counters)
        limit = RequestLimit(options.maximumRequests)
    }

    private static func urls(_ options: TransportOptions) throws(TransportError) -> [EndpointURL] {
        guard !options.endpoints.isEmpty else {
            throw TransportError(.refused, "there is no endpoint", wasNeverSent: true)
        }
        var urls: [EndpointURL] = []
        for endpoint in options.endpoints {
            do throws(EndpointURL.Failure) {
                let url = try EndpointURL(endpoint, allowsLoopbackHTTP: options.allowsLoopbackHTTP)
                guard url.isPlain || endpoint.lowercased().hasPrefix("https://") else {
                    throw EndpointURL.Failure(reason: "it must begin with https://")
                }
                urls.append(url)
            } catch {
                throw TransportError(.refused, "an endpoint cannot be used: \(error.reason)", wasNeverSent: true)
            }
        }
        return urls
    }

    deinit {
        Gate.inside {
            CurlScope.cleanUp {
                for node in nodes { node.close() }
            }
        }
    }

    /// Whether this thread is inside a request: a host's OpenSSL may call the module from there.
    package static var isInsideRequest: Bool { request_guard_is_inside() }

    package var counters: Counters { options.counters }

    /// Connections open now, idle or in use; for tests and diagnosis.
    package var openConnections: Int { sockets.count }

    package func perform(_ request: HTTPRequest, deadline: Deadline) throws(TransportError) -> HTTPResponse {
        try Gate.inside { () throws(TransportError) in
            try RequestTrace.follow(request, options) { trace throws(TransportError) in
                guard let limit else { return try perform(request, deadline: deadline, now: trace.began, &trace) }
                // This thread may have the only place.
                guard !CurlTransport.isInsideRequest else { throw TransportError.nested }
                return try limit.run(before: deadline) { () throws(TransportError) in
                    try perform(request, deadline: deadline, now: Deadline.now, &trace)
                }
            }
        }
    }

    private func perform(
        _ request: HTTPRequest, deadline: Deadline, now: UInt64, _ trace: inout RequestTrace
    ) throws(TransportError) -> HTTPResponse {
        try endpoints.perform(request, deadline: deadline, now: now) { (index, limits) throws(TransportError) in
            trace.attempt(at: nodes[index].url.text, options.counters)
            return try attempt(request, at: nodes[index], limits)
        }
    }

    private func attempt(
        _ request: HTTPRequest, at node: CurlNode, _ limits: Endpoints.Limits
    ) throws(TransportError) -> HTTPResponse {
        sockets.closeInherited()
        return try CurlScope.run(refusing: TransportError.nested) { () throws(TransportError) in
            let settings = try node.settings.kept { () throws(TransportError) in try makeSettings(node.url) }
            return try node.attempt(request, settings, limits)
        }
    }

    private func makeSettings(_ url: EndpointURL) throws(TransportError) -> CurlSettings {
        try CurlLibrary.start()
        // Without TLS there is nobody to trust.
        let trust = try trust.kept { () throws(TransportError) in
            url.isPlain ? try TrustStore([]) : try makeTrustStore()
        }
        return try CurlSettings(options: options, url: url, trust: trust, sockets: sockets)
    }

    /// For a connection to the first endpoint that nobody trusts: as everywhere else, but without what identifies us.
    func probeSettings() throws(TransportError) -> CurlSettings {
        try CurlLibrary.start()
        var options = options
        options.tls.pins = []
        options.tls.clientCertificate = nil
        options.tls.clientKey = nil
        return try CurlSettings(options: options, url: nodes[0].url, trust: try makeTrustStore(), sockets: sockets)
    }

    private func makeTrustStore() throws(TransportError) -> TrustStore {
        var sources = options.tls.authorities.map { [TrustStore.Source(pem: $0, isStrict: true)] } ?? []
        guard options.tls.needsSystemAuthorities else { return try TrustStore(sources) }
        guard let systemCertificates else {
            throw TransportError(
                .refused, "this system has no CA certificates; set ca_certs_file or install ca-certificates",
                wasNeverSent: true)
        }
        sources.append(TrustStore.Source(pem: systemCertificates, isStrict: false))
        return try TrustStore(sources)
    }
}

extension TransportError {
    fileprivate static var nested: TransportError {
        TransportError(
            .refused, "a request inside a request: OpenSSL or libcurl of this process uses this module for its own TLS",
            wasNeverSent: true)
    }
}
