/// What a server counts while it works. Labels never hold names or ids of objects.
package final class Metrics: Sendable {
    package let requests = RequestMetrics()
    /// Being answered.
    package let inFlight = Gauge()
    /// Answered 503 because so many others were being answered.
    package let requestsRefused = Counter()
    package let operations = OperationCounts()
    package let connectionsOpened = Counter()
    /// Closed at once, because all others were busy.
    package let connectionsRefused = Counter()
    /// Closed while waiting, in favour of a new one.
    package let connectionsEvicted = Counter()
    /// Closed because the client took too long for the TLS handshake.
    package let handshakesTimedOut = Counter()

    package init() {}
}
