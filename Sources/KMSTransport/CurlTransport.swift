internal import CForkSupport
package import KMSSupport

/// HTTPS through libcurl, on the calling thread; usable by many threads and in forked children.
///
/// Each request is driven with libcurl's multi interface, so that the thread can step out of the fork gate while it
/// waits for the network (`fork_support.h` says why). No thread is started but libcurl's own for looking up names.
package final class CurlTransport: HTTPTransport {
    private let options: TransportOptions
    private let systemCertificates: [UInt8]?
    private let proxy: ProxySettings
    private let sockets = SocketRegistry()
    private let nodes: [CurlNode]
    private let endpoints: Endpoints
    /// Made at the first request: C_Initialize stays quick, and a host that loads us while it starts OpenSSL or libcurl
    /// is not disturbed.
    private let trust = Locked<TrustStore?>(nil)

    /// Reads what the process may not be able to read later: the system's certificates and the proxy variables.
    package init(_ options: TransportOptions) throws(TransportError) {
        var addresses: [String] = []
        for var address in options.endpoints {
            guard address.utf8.count > 8, address.lowercased().hasPrefix("https://") else {
                throw TransportError(.refused, "an endpoint must begin with https://", wasNeverSent: true)
            }
            while address.utf8.last == UInt8(ascii: "/") { address.removeLast() }
            addresses.append(address)
        }
        guard !addresses.isEmpty else {
            throw TransportError(.refused, "there is no endpoint", wasNeverSent: true)
        }
        self.options = options
        systemCertificates = options.caCertificates == nil ? SystemCertificates.read() : nil
        proxy = ProxySettings.fromEnvironment()
        nodes = addresses.map { CurlNode($0, maximumIdleSeconds: options.maximumIdleSeconds) }
        endpoints = Endpoints(
            addresses, choice: options.endpointChoice, failoverMilliseconds: options.failoverMilliseconds)
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

    /// Connections open now, idle or in use; for tests and diagnosis.
    package var openConnections: Int { sockets.count }

    package func perform(_ request: HTTPRequest, deadline: Deadline) throws(TransportError) -> HTTPResponse {
        try Gate.inside { () throws(TransportError) in
            try endpoints.perform(request, deadline: deadline) { (index, limits) throws(TransportError) in
                try attempt(request, at: nodes[index], limits)
            }
        }
    }

    private func attempt(
        _ request: HTTPRequest, at node: CurlNode, _ limits: Endpoints.Limits
    ) throws(TransportError) -> HTTPResponse {
        sockets.closeInherited()
        return try CurlScope.run(refusing: TransportError.nested) { () throws(TransportError) in
            let settings = try node.settings.kept { () throws(TransportError) in try makeSettings(node.address) }
            return try node.attempt(request, settings, limits)
        }
    }

    private func makeSettings(_ address: String) throws(TransportError) -> CurlSettings {
        try CurlLibrary.start()
        let trust = try trust.kept { () throws(TransportError) in try makeTrustStore() }
        return CurlSettings(address: address, options: options, trust: trust, proxy: proxy, sockets: sockets)
    }

    private func makeTrustStore() throws(TransportError) -> TrustStore {
        guard let certificates = options.caCertificates ?? systemCertificates else {
            throw TransportError(
                .refused, "this system has no CA certificates; set ca_certs_file or install ca-certificates",
                wasNeverSent: true)
        }
        return try TrustStore(pem: certificates, isStrict: options.caCertificates != nil)
    }
}

extension TransportError {
    fileprivate static var nested: TransportError {
        TransportError(
            .refused, "a request inside a request: OpenSSL or libcurl of this process uses this module for its own TLS",
            wasNeverSent: true)
    }
}
