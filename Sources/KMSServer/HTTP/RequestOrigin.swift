/// Where and when a request came from, for the audit log.
package struct RequestOrigin: Sendable {
    /// nil in tests without a network.
    package let clientAddress: String?
    package let started: ContinuousClock.Instant

    package init(clientAddress: String?, started: ContinuousClock.Instant) {
        self.clientAddress = clientAddress
        self.started = started
    }
}
