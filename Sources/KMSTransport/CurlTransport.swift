internal import CForkSupport
package import KMSSupport

/// HTTPS through libcurl, on the calling thread; usable by many threads and in forked children.
///
/// Each request is driven with libcurl's multi interface, so that the thread can step out of the fork gate while it
/// waits for the network (`fork_support.h` says why). No thread is started but libcurl's own for looking up names.
package final class CurlTransport: HTTPTransport {
    private let options: TransportOptions
    private let systemCertificates: [UInt8]?
    private let url: EndpointURL
    private let sockets = SocketRegistry()
    private let pool: CurlPool
    private let endpoint = Endpoint()
    /// Made at the first request: C_Initialize stays quick, and a host that loads us while it starts OpenSSL or libcurl
    /// is not disturbed.
    private let started = Locked<CurlSettings?>(nil)

    /// Reads what the process may not be able to read later: the system's certificates and the proxy variables.
    package init(_ options: TransportOptions) throws(TransportError) {
        var options = options
        do throws(EndpointURL.Failure) {
            guard options.endpoint.lowercased().hasPrefix("https://") else {
                throw EndpointURL.Failure(reason: "it must begin with https://")
            }
            url = try EndpointURL(options.endpoint)
        } catch {
            throw TransportError(.refused, "the endpoint cannot be used: \(error.reason)", wasNeverSent: true)
        }
        options.endpoint = url.text
        options.proxy = options.proxy ?? ProxySettings.fromEnvironment()
        self.options = options
        systemCertificates = options.tls.needsSystemAuthorities ? SystemCertificates.read() : nil
        pool = CurlPool(maximumIdleSeconds: options.maximumIdleSeconds)
    }

    deinit { Gate.inside { CurlScope.cleanUp { pool.removeAll() } } }

    /// Whether this thread is inside a request: a host's OpenSSL may call the module from there.
    package static var isInsideRequest: Bool { request_guard_is_inside() }

    package var counters: Counters { options.counters }

    /// Connections open now, idle or in use; for tests and diagnosis.
    package var openConnections: Int { sockets.count }

    package func perform(_ request: HTTPRequest, deadline: Deadline) throws(TransportError) -> HTTPResponse {
        try Gate.inside { () throws(TransportError) in
            try RequestTrace.follow(request, options) { trace throws(TransportError) in
                try performWithRetries(request, deadline, &trace)
            }
        }
    }

    private func performWithRetries(
        _ request: HTTPRequest, _ deadline: Deadline, _ trace: inout RequestTrace
    ) throws(TransportError) -> HTTPResponse {
        var schedule = RetrySchedule()
        let deadline = endpoint.limit(deadline)
        while true {
            guard !deadline.isOver else {
                throw TransportError(.timedOut, "\(options.endpoint): no time left for a request", wasNeverSent: true)
            }
            let began = Deadline.now
            trace.attempt(at: options.endpoint, options.counters)
            do throws(TransportError) {
                let response = try attempt(request, deadline)
                let mayRepeat: Bool
                if response.isOutage {
                    mayRepeat = endpoint.recordFailure(attemptBegan: began)
                } else {
                    endpoint.recordAnswer()
                    mayRepeat = response.isThrottled && schedule.count + 1 < RetrySchedule.maximumThrottled
                }
                let wait = schedule.wait(
                    isAllowed: mayRepeat && request.isRepeatable, requested: response.retryAfterSeconds,
                    before: deadline)
                guard let wait else { return response }
                Log.warning("\(options.endpoint) answers \(response.status); next try in \(wait) ms")
                pause(milliseconds: wait)
            } catch {
                if error.kind == .timedOut { endpoint.recordTimeout() }
                guard error.isOutage else { throw error }
                let isWindowOpen = endpoint.recordFailure(attemptBegan: began)
                let mayRepeat = request.isRepeatable || error.wasNeverSent
                guard let wait = schedule.wait(isAllowed: isWindowOpen && mayRepeat, before: deadline) else {
                    throw error
                }
                Log.info("\(error.message); next try in \(wait) ms")
                pause(milliseconds: wait)
            }
        }
    }

    /// One try, or two when a kept connection was closed by the server meanwhile.
    private func attempt(_ request: HTTPRequest, _ deadline: Deadline) throws(TransportError) -> HTTPResponse {
        sockets.closeInherited()
        return try CurlScope.run(refusing: TransportError.nested) { () throws(TransportError) in
            let settings = try start()
            do throws(CurlExchange.Failure) {
                return try exchange(request, settings, deadline, isFresh: false)
            } catch {
                guard error.isStaleConnection, request.isRepeatable || error.error.wasNeverSent, !deadline.isOver else {
                    throw error.error
                }
                options.counters.count(.staleConnections)
            }
            do throws(CurlExchange.Failure) {
                return try exchange(request, settings, deadline, isFresh: true)
            } catch {
                throw error.error
            }
        }
    }

    private func exchange(
        _ request: HTTPRequest, _ settings: CurlSettings, _ deadline: Deadline, isFresh: Bool
    ) throws(CurlExchange.Failure) -> HTTPResponse {
        let handle: CurlHandle
        do throws(TransportError) {
            if let idle = pool.take() { handle = idle } else { handle = try CurlHandle(settings) }
        } catch {
            throw CurlExchange.Failure(error: error, isStaleConnection: false)
        }
        // A handle whose request failed is not put back: it ends here, with its connection.
        let response = try CurlExchange(handle: handle, settings: settings, request: request, deadline: deadline)
            .run(isFresh: isFresh)
        pool.put(handle)
        return response
    }

    /// For a connection that nobody trusts: as everywhere else, but without what identifies us.
    func probeSettings() throws(TransportError) -> CurlSettings {
        try CurlLibrary.start()
        var options = options
        options.tls.pins = []
        options.tls.clientCertificate = nil
        options.tls.clientKey = nil
        return try CurlSettings(options: options, url: url, trust: try TrustStore(authorities()), sockets: sockets)
    }

    private func authorities() throws(TransportError) -> [TrustStore.Source] {
        var sources = options.tls.authorities.map { [TrustStore.Source(pem: $0, isStrict: true)] } ?? []
        guard options.tls.needsSystemAuthorities else { return sources }
        guard let systemCertificates else {
            throw TransportError(
                .refused, "this system has no CA certificates; set ca_certs_file or install ca-certificates",
                wasNeverSent: true)
        }
        sources.append(TrustStore.Source(pem: systemCertificates, isStrict: false))
        return sources
    }

    /// Two threads may do this at once; one result stays.
    private func start() throws(TransportError) -> CurlSettings {
        if let settings = started.withLock({ $0 }) { return settings }
        try CurlLibrary.start()
        let settings = try CurlSettings(
            options: options, url: url, trust: try TrustStore(authorities()), sockets: sockets)
        return started.withLock { started in
            if let first = started { return first }
            started = settings
            return settings
        }
    }
}

extension TransportError {
    fileprivate static var nested: TransportError {
        TransportError(
            .refused, "a request inside a request: OpenSSL or libcurl of this process uses this module for its own TLS",
            wasNeverSent: true)
    }

    /// The KMS could not be reached or was lost. Not a timeout: by then TCP has tried several times, and waiting twice
    /// helps nobody.
    fileprivate var isOutage: Bool {
        switch kind {
        case .resolution, .connection, .interrupted: true
        case .tls, .timedOut, .protocolViolation, .refused: false
        }
    }
}
