package import KMSSupport

/// The equivalent endpoints of a slot: which one gets a request, and who gets it when that one fails.
///
/// Knows no HTTP client: an attempt is a function that it is given. Nothing is sent twice at the same time.
package final class Endpoints: Sendable {
    /// How long one attempt may take.
    package struct Limits: Sendable {
        /// By when the answer must be there.
        package var deadline: Deadline
        /// For the name lookup, TCP and TLS together, in milliseconds.
        package var connectMilliseconds: Int
    }

    /// Sends a request to the endpoint of this index, once.
    package typealias Attempt = (Int, Limits) throws(TransportError) -> HTTPResponse

    private let endpoints: [Endpoint]
    private let order: EndpointOrder
    private let outage = Outage()
    private let failoverMilliseconds: Int
    private let counters: Counters

    /// - Parameters:
    ///   - addresses: for messages; an attempt gets an index of them.
    ///   - failoverMilliseconds: how long an endpoint may be silent before another one is asked.
    package init(
        _ addresses: [String], choice: EndpointChoice, failoverMilliseconds: Int, counters: Counters = Counters()
    ) {
        endpoints = addresses.map { Endpoint($0) }
        order = EndpointOrder(endpoints, choice)
        self.failoverMilliseconds = failoverMilliseconds
        self.counters = counters
    }

    package func perform(
        _ request: HTTPRequest, deadline: Deadline, now: UInt64 = Deadline.now, _ attempt: Attempt
    ) throws(TransportError) -> HTTPResponse {
        var run = EndpointRun(deadline: deadline)
        var began = now
        while true {
            if let response = try tryEach(request, &run, now: began, attempt) { return response }
            let isOpen = run.verdict != .later && outage.record(attemptBegan: began, now: Deadline.now)
            guard let wait = run.wait(isOpen: isOpen) else { return try run.result() }
            Log.info("\(run.lastWords); next try in \(wait) ms")
            Gate.pause(milliseconds: wait)
            began = Deadline.now
        }
    }

    // MARK: One round

    /// - Returns: nil when each endpoint was tried and a further round may help.
    private func tryEach(
        _ request: HTTPRequest, _ run: inout EndpointRun, now began: UInt64, _ attempt: Attempt
    ) throws(TransportError) -> HTTPResponse? {
        let candidates = order.candidates(mayProbe: request.isRepeatable, now: began)
        for (position, candidate) in candidates.enumerated() {
            let others = candidates.count - position - 1
            let address = endpoints[candidate.index].address
            let now = position == 0 ? began : Deadline.now
            guard run.deadline.remaining(at: now) > 0 else { return try run.result(orTimedOutAt: address) }
            // The KMS is there and has said no: not worth the time that an endpoint may cost which has just failed.
            guard !run.isRefused || !candidate.isSetAside else { return try run.result() }
            if position > 0 { Log.info("\(run.lastWords); trying \(address)") }
            let limits = limits(for: request, run.deadline, candidate, others: others, now: now)
            do throws(TransportError) {
                let response = try attempt(candidate.index, limits)
                guard !response.isForeign(to: request) else { throw .foreign(response, address) }
                record(response, from: candidate.index)
                let verdict = RetryVerdict(response, to: request)
                guard verdict != .final else { return response }
                run.note(response, verdict, from: address)
            } catch {
                record(error, at: candidate.index)
                run.note(error, of: request)
            }
            switch run.verdict {
            case .final: return try run.result()
            case .elsewhere, .again: continue
            case .later:
                // What the KMS as a whole is too busy for, another endpoint would refuse as well; unless there is no time
                // to wait.
                guard run.canWait || others == 0 else { continue }
                return nil
            }
        }
        return nil
    }

    /// While there are others to ask, an endpoint gets its share of the time and no more than the fail-over time. A
    /// request with consequences that has been sent can only be waited for, so there just connecting is limited.
    ///
    /// An endpoint that hung a moment ago gets a quarter: a TLS server may sign several times for one handshake (libp11
    /// tries ECDSA twice), and waits on its event loop.
    private func limits(
        for request: HTTPRequest, _ end: Deadline, _ candidate: EndpointOrder.Candidate, others: Int, now: UInt64
    ) -> Limits {
        let isSilent = endpoints[candidate.index].isSilent(now: now)
        let remaining = max(1, isSilent ? end.remaining(at: now) / 4 : end.remaining(at: now))
        let deadline = isSilent ? end.limited(toMilliseconds: remaining, since: now) : end
        guard others > 0 else {
            return Limits(deadline: deadline, connectMilliseconds: min(remaining, Endpoints.connectMilliseconds))
        }
        var share = min(failoverMilliseconds, max(1, remaining / (others + 1)))
        if candidate.isProbe { share = min(share, Endpoints.probeMilliseconds) }
        let connect = min(share, Endpoints.connectMilliseconds)
        guard request.isRepeatable else { return Limits(deadline: deadline, connectMilliseconds: connect) }
        return Limits(deadline: deadline.limited(toMilliseconds: share, since: now), connectMilliseconds: connect)
    }

    private static var connectMilliseconds: Int { 5_000 }
    private static var probeMilliseconds: Int { 1_000 }

    // MARK: What is learnt

    private func record(_ response: HTTPResponse, from index: Int) {
        guard !response.isOutage else {
            return setAside(index, isSilence: false) { "\(endpoints[index].address) answers \(response.status)" }
        }
        outage.end()
        // A node with an error of its own is no better choice than before.
        if response.status != 500 { order.prefer(index) }
        if endpoints[index].recordAnswer() { Log.info("\(endpoints[index].address) answers again") }
    }

    private func record(_ error: TransportError, at index: Int) {
        guard error.isEndpointFailure else { return }
        setAside(index, isSilence: error.kind == .timedOut) { error.message }
    }

    private func setAside(_ index: Int, isSilence: Bool, _ reason: () -> String) {
        let wasGood = endpoints[index].recordFailure(isSilence: isSilence)
        guard wasGood, endpoints.count > 1 else { return }
        counters.count(.openedBreakers)
        Log.warning("endpoint set aside: \(reason())")
    }
}

/// One request on its way through the endpoints.
private struct EndpointRun {
    let deadline: Deadline
    private(set) var verdict = RetryVerdict.again
    private var address = ""
    private var response: HTTPResponse?
    private var error: TransportError?
    /// Some endpoint failed in a way that may pass.
    private var mayPass = false
    private var schedule = RetrySchedule()

    init(deadline: Deadline) { self.deadline = deadline }

    /// - Parameter verdict: that of the response.
    mutating func note(_ response: HTTPResponse, _ verdict: RetryVerdict, from address: String) {
        (self.response, self.address, error) = (response, address, nil)
        self.verdict = verdict
        if verdict == .again || verdict == .later { mayPass = true }
    }

    mutating func note(_ error: TransportError, of request: HTTPRequest) {
        (response, self.error) = (nil, error)
        verdict = RetryVerdict(error, of: request)
        if verdict == .again { mayPass = true }
    }

    /// What the last attempt ended with, in words.
    var lastWords: String {
        if let error { return error.message }
        return response.map { "\(address) answers \($0.status)" } ?? ""
    }

    /// The KMS has answered, and not that it is away.
    var isRefused: Bool { response.map { !$0.isOutage } ?? false }

    /// Whether the time that the KMS asks for (Retry-After) fits before the deadline.
    var canWait: Bool { (response?.retryAfterSeconds ?? 0) < deadline.remaining / 1_000 }

    /// Milliseconds until the next round, or nil when there shall be none.
    ///
    /// - Parameter isOpen: whether a lost KMS is still waited for.
    mutating func wait(isOpen: Bool) -> Int? {
        defer { mayPass = false }
        let isAllowed: Bool
        if verdict == .later {
            isAllowed = response?.retryAfterSeconds != nil || schedule.count + 1 < RetrySchedule.maximumThrottled
        } else {
            isAllowed = isOpen && mayPass
        }
        return schedule.wait(isAllowed: isAllowed, requested: response?.retryAfterSeconds, before: deadline)
    }

    func result() throws(TransportError) -> HTTPResponse {
        if let response { return response }
        throw error ?? TransportError(.timedOut, "no endpoint was asked", wasNeverSent: true)
    }

    /// When the time is over before the next attempt.
    func result(orTimedOutAt address: String) throws(TransportError) -> HTTPResponse {
        guard response == nil, error == nil else { return try result() }
        throw TransportError(.timedOut, "\(address): no time left for a request", wasNeverSent: true)
    }
}
