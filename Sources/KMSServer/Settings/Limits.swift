/// How much of everything one kmsd serves. The values here are the defaults.
package struct Limits: Sendable {
    /// Of a request body.
    package var bodyBytes = 1_048_576
    package var headerFieldBytes = 16_384
    /// Of all header fields of a request.
    package var headerBytes = 32_768
    package var headerCount = 100
    /// Answered at the same time; a further one is refused.
    package var requests = 1_024
    /// Open at the same time; a further one takes the place of the one that has waited longest, if any waits.
    package var connections = 16_384
    /// As many as in all: behind a proxy, all clients have one address.
    package var connectionsPerAddress = 16_384
    /// From the connection to the end of the TLS handshake.
    package var handshakeSeconds = 30
    /// From the connection to the head of the first request.
    package var headSeconds = 30
    /// From the head of a request to its end.
    package var bodySeconds = 60
    /// For a client to take some of an answer that waits.
    package var answerSeconds = 60
    /// From an answer to the head of the next request.
    package var idleSeconds = 300
    /// From SIGTERM to the end, at the latest.
    package var stopSeconds = 10
    package var login = LoginRules()

    package init() {}

    /// - Parameter value: the number of a name in `[limits]`, or else the one given.
    init(_ value: (_ name: String, _ fallback: Int) -> Int) {
        bodyBytes = value("body_bytes", bodyBytes)
        headerFieldBytes = value("header_field_bytes", headerFieldBytes)
        headerBytes = value("header_bytes", headerBytes)
        headerCount = value("header_count", headerCount)
        requests = value("requests", requests)
        connections = value("connections", connections)
        connectionsPerAddress = value("connections_per_address", connectionsPerAddress)
        handshakeSeconds = value("handshake_seconds", handshakeSeconds)
        headSeconds = value("head_seconds", headSeconds)
        bodySeconds = value("body_seconds", bodySeconds)
        answerSeconds = value("answer_seconds", answerSeconds)
        idleSeconds = value("idle_seconds", idleSeconds)
        stopSeconds = value("stop_seconds", stopSeconds)
        login.failures = value("login_failures", login.failures)
        login.longestWait = value("login_wait_seconds", login.longestWait)
        login.entries = value("login_entries", login.entries)
    }
}

/// When the guessing of passwords and API keys is slowed down.
package struct LoginRules: Sendable {
    /// Failures in a row that cost nothing.
    package var failures = 5
    /// Seconds.
    package var longestWait = 60
    /// Users and apps with addresses that are remembered.
    package var entries = 10_000

    package init() {}
}
