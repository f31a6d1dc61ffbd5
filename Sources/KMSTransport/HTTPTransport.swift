internal import CCurl
package import KMSSupport

/// One HTTP request, relative to the transport's endpoint.
package struct HTTPRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    package var method: Method
    /// Path and query, already percent-encoded, with a leading slash.
    package var path: String
    package var authorization: Authorization?
    package var body: [UInt8]?
    /// Whether the request may be sent again when its fate is unknown (reads, signatures, authentication).
    package var isRepeatable: Bool
    /// Whether the body of a 2xx answer must be JSON, or else comes from something that is not the KMS.
    package var expectsJSON = true
    /// Whether the answer's Date is of interest.
    package var wantsDate = false

    /// - Parameter authorization: the value of the Authorization header.
    package init(
        _ method: Method, _ path: String, authorization: Secret? = nil, body: consuming [UInt8]? = nil,
        isRepeatable: Bool = true
    ) {
        self.method = method
        self.path = path
        self.authorization = authorization.map { Authorization($0) }
        self.body = body
        self.isRepeatable = isRepeatable
    }
}

/// Any answer that is HTTP, whatever its status.
package struct HTTPResponse: Sendable {
    package var status: Int
    package var contentType: String
    package var body: [UInt8]
    /// What the server asks to wait before the next try (Retry-After), in seconds.
    package var retryAfterSeconds: Int?
    /// The answer's x-request-id.
    package var requestID: String?
    /// The answer's Date, as the KMS wrote it, if the request wanted it.
    package var date: String?
    /// Where a redirect (3xx) points to, as an absolute URL. It is never followed.
    package var redirect: String?
    /// nil where nothing was sent.
    package var trace: RequestTrace?

    package init(status: Int, contentType: String, body: [UInt8], retryAfterSeconds: Int? = nil) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.retryAfterSeconds = retryAfterSeconds
    }
}

extension HTTPResponse {
    /// The KMS's clock, in seconds since 1970.
    package var serverTime: Int? {
        guard let date else { return nil }
        let seconds = curl_getdate(date, nil)
        return seconds >= 0 ? seconds : nil
    }
}

/// No answer that is HTTP. The message names endpoint and cause, never a credential.
package struct TransportError: Error, Sendable {
    package enum Kind: Sendable {
        /// The host name has no address.
        case resolution
        /// No TCP connection.
        case connection
        /// The TLS handshake failed or the certificate was refused.
        case tls
        /// The deadline passed.
        case timedOut
        /// The connection ended before the answer was complete.
        case interrupted
        /// The answer is not HTTP, is too large, or comes from elsewhere.
        case protocolViolation
        /// The request was never sent: wrong configuration, or a call from inside another request of this thread.
        case refused
    }

    package var kind: Kind
    package var message: String
    /// Not one byte of the request left, so that even a request with consequences may be tried again.
    package var wasNeverSent: Bool
    /// nil where nothing was sent.
    package var trace: RequestTrace?

    package init(_ kind: Kind, _ message: String, wasNeverSent: Bool = false) {
        self.kind = kind
        self.message = message
        self.wasNeverSent = wasNeverSent
    }
}

package protocol HTTPTransport: AnyObject, Sendable {
    /// Sends `request` and returns the answer by `deadline`, connecting as needed.
    func perform(_ request: HTTPRequest, deadline: Deadline) throws(TransportError) -> HTTPResponse

    /// The slot's, for what only the backend can count.
    var counters: Counters { get }
}

/// Where and how to connect. All files are read beforehand, so that nothing on disk is needed after fork.
package struct TransportOptions: Sendable {
    /// Equivalent nodes, `https://host[:port][/prefix]`.
    package var endpoints: [String]
    package var endpointChoice = EndpointChoice.lastGood
    /// Endpoints on this very machine may be `http://`. Never for a KMS.
    package var allowsLoopbackHTTP = false
    /// How long an endpoint may be silent before another one is asked, in milliseconds.
    package var failoverMilliseconds = 2_000
    package var tls = TLSOptions()
    /// nil: the environment's, read when the transport is made.
    package var proxy: ProxySettings?
    /// How long a kept-alive connection may be idle before it is not used again, in seconds.
    package var maximumIdleSeconds: Int
    /// Largest answer accepted, in bytes.
    package var maximumResponseBytes: Int
    /// The slot's, shared by everything that serves it.
    package var counters = Counters()
    /// A request that takes longer is worth a line in the log, in milliseconds; 0: none is.
    package var slowMilliseconds = 0
    /// How many requests may be under way at once; 0: any number.
    package var maximumRequests = 0

    package init(endpoint: String) { self.init(endpoints: [endpoint]) }

    package init(endpoints: [String]) {
        self.endpoints = endpoints
        maximumIdleSeconds = 50
        maximumResponseBytes = 16 << 20
    }
}
