internal import KMSSupport
internal import Synchronization

/// Which of several equivalent endpoints a request goes to first.
package enum EndpointChoice: String, Sendable, CaseIterable {
    /// The one that answered last, until it fails: connections and the session at the KMS stay warm.
    case lastGood = "last_good"
    /// Each request to the next one: the load is shared. The endpoints must know each other's sessions.
    case roundRobin = "round_robin"
}

/// The order in which a request tries the endpoints.
final class EndpointOrder: Sendable {
    struct Candidate {
        var index: Int
        var isSetAside = false
        /// The request finds out whether an endpoint is back that others could stand in for.
        var isProbe = false
    }

    private let endpoints: [Endpoint]
    private let choice: EndpointChoice
    /// lastGood: the preferred endpoint. roundRobin: the next one, beginning anywhere.
    private let position: Atomic<UInt>

    init(_ endpoints: [Endpoint], _ choice: EndpointChoice) {
        self.endpoints = endpoints
        self.choice = choice
        position = Atomic(choice == .roundRobin ? UInt.random(in: 0..<UInt(max(1, endpoints.count))) : 0)
    }

    /// All endpoints, each once: good ones, then those that are due, then those set aside, the first to come back first.
    ///
    /// - Parameter mayProbe: whether the request may be sent again if a probe does not answer.
    func candidates(mayProbe: Bool, now: UInt64 = Deadline.now) -> [Candidate] {
        guard endpoints.count > 1 else { return [Candidate(index: 0)] }
        let next =
            choice == .roundRobin
            ? position.wrappingAdd(1, ordering: .relaxed).oldValue : position.load(ordering: .relaxed)
        let first = Int(next % UInt(endpoints.count))
        var good: [Candidate] = []
        var due: [Candidate] = []
        var later: [(candidate: Candidate, until: UInt64)] = []
        for offset in endpoints.indices {
            let candidate = Candidate(index: (first + offset) % endpoints.count)
            switch endpoints[candidate.index].standing(now: now) {
            case .good: good.append(candidate)
            case .due: due.append(candidate)
            case .setAside(let until): later.append((Candidate(index: candidate.index, isSetAside: true), until))
            }
        }
        later.sort { $0.until < $1.until }
        let rest = later.map(\.candidate)
        // Nobody needs the others back while the preferred one is good.
        guard choice == .roundRobin, mayProbe, !good.isEmpty, let probe = due.first,
            endpoints[probe.index].claimProbe(now: now)
        else { return good + due + rest }
        return [Candidate(index: probe.index, isProbe: true)] + good + due.dropFirst() + rest
    }

    func prefer(_ index: Int) {
        guard choice == .lastGood else { return }
        let index = UInt(index)
        if position.load(ordering: .relaxed) != index { position.store(index, ordering: .relaxed) }
    }
}
