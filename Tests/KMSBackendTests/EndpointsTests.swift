import KMSSupport
import KMSTransport
import Testing

private let second: UInt64 = 1_000_000_000

/// Endpoints that answer from a function, and what was asked of them.
private final class Nodes: Sendable {
    typealias Script = @Sendable (Int) throws(TransportError) -> HTTPResponse

    let endpoints: Endpoints
    private let script = Locked<Script>({ _ in answer(200) })
    private let log = Locked<[(index: Int, limits: Endpoints.Limits)]>([])

    init(_ count: Int, _ choice: EndpointChoice = .lastGood, failoverMilliseconds: Int = 2_000) {
        endpoints = Endpoints(
            (0..<count).map { "https://kms\($0)" }, choice: choice, failoverMilliseconds: failoverMilliseconds)
    }

    func play(_ script: @escaping Script) { self.script.withLock { $0 = script } }

    /// - Returns: the status, and nil for an error.
    @discardableResult
    func send(isRepeatable: Bool = true, expectsJSON: Bool = true, milliseconds: Int = 10_000) -> Int? {
        var request = HTTPRequest(.post, "/", isRepeatable: isRepeatable)
        request.expectsJSON = expectsJSON
        let deadline = Deadline(milliseconds: milliseconds)
        return try? endpoints.perform(request, deadline: deadline) { (index, limits) throws(TransportError) in
            log.withLock { $0.append((index, limits)) }
            return try script.withLock { $0 }(index)
        }.status
    }

    /// Which endpoints were asked since the last time.
    func asked() -> [Int] { takeLog().map(\.index) }

    func takeLog() -> [(index: Int, limits: Endpoints.Limits)] {
        log.withLock { log in
            defer { log = [] }
            return log
        }
    }
}

private func failure(_ kind: TransportError.Kind, wasNeverSent: Bool = false) -> TransportError {
    TransportError(kind, "failed", wasNeverSent: wasNeverSent)
}

struct EndpointsTests {
    @Test func theLastGoodOneIsPreferred() {
        let nodes = Nodes(3)
        nodes.play { index throws(TransportError) in
            guard index != 0 else { throw failure(.connection, wasNeverSent: true) }
            return answer(200)
        }
        #expect(nodes.send() == 200)
        #expect(nodes.asked() == [0, 1])
        nodes.play { _ in answer(200) }
        for _ in 0..<3 { nodes.send() }
        #expect(nodes.asked() == [1, 1, 1])
    }

    @Test func inRoundRobinEachGetsItsTurnUntilItFails() {
        let nodes = Nodes(3, .roundRobin)
        for _ in 0..<6 { nodes.send() }
        let turns = nodes.asked()
        #expect(Set(turns.prefix(3)) == [0, 1, 2] && turns.prefix(3) == turns.suffix(3))
        nodes.play { index throws(TransportError) in
            guard index != 1 else { throw failure(.connection, wasNeverSent: true) }
            return answer(200)
        }
        for _ in 0..<30 { #expect(nodes.send() == 200) }
        #expect(nodes.asked().filter { $0 == 1 }.count == 1)
    }

    @Test(arguments: [TransportError.Kind.resolution, .connection, .tls, .interrupted, .timedOut, .protocolViolation])
    func everyFailureOfAnEndpointGoesToTheNext(kind: TransportError.Kind) {
        let nodes = Nodes(2)
        nodes.play { index throws(TransportError) in
            guard index != 0 else { throw failure(kind) }
            return answer(200)
        }
        #expect(nodes.send() == 200)
        #expect(nodes.asked() == [0, 1])
    }

    @Test(arguments: [500, 502, 503, 504, 408])
    func soDoAnswersThatSayNoMoreThanThatItIsNotReady(status: Int) {
        let nodes = Nodes(2)
        nodes.play { index in answer(index == 0 ? status : 200) }
        #expect(nodes.send() == 200)
        #expect(nodes.asked() == [0, 1])
    }

    @Test(arguments: [200, 204, 302, 400, 401, 403, 404, 409, 413])
    func anAnswerIsAnAnswer(status: Int) {
        let nodes = Nodes(2)
        nodes.play { _ in answer(status) }
        #expect(nodes.send() == status)
        #expect(nodes.asked() == [0])
    }

    @Test func aPageInsteadOfJSONIsNotTheKMS() {
        let nodes = Nodes(2)
        nodes.play { index in
            answer(
                200, index == 0 ? "<html>" : "{}", type: index == 0 ? "text/html" : "application/json; charset=utf-8")
        }
        #expect(nodes.send() == 200)
        #expect(nodes.asked() == [0, 1])
        nodes.play { _ in answer(200, "OK", type: "text/plain") }
        #expect(nodes.send() == nil)
        #expect(nodes.send(expectsJSON: false) == 200)
        nodes.play { _ in answer(200, "{}", type: "") }
        #expect(nodes.send() == 200)
        nodes.play { _ in answer(403, "no", type: "text/plain") }
        #expect(nodes.send() == 403)
    }

    @Test(arguments: [TransportError.Kind.interrupted, .timedOut, .protocolViolation])
    func whatMayHaveHadConsequencesIsNotSentTwice(kind: TransportError.Kind) {
        let nodes = Nodes(2)
        nodes.play { _ throws(TransportError) in throw failure(kind) }
        #expect(nodes.send(isRepeatable: false) == nil)
        #expect(nodes.asked() == [0])
        for status in [500, 502, 503, 504, 408] {
            let nodes = Nodes(2)
            nodes.play { _ in answer(status) }
            #expect(nodes.send(isRepeatable: false) == status)
            #expect(nodes.asked() == [0])
        }
    }

    @Test(arguments: [TransportError.Kind.connection, .tls, .timedOut, .interrupted])
    func whatWasNeverSentGoesToTheNextWhateverItIs(kind: TransportError.Kind) {
        let nodes = Nodes(2)
        nodes.play { index throws(TransportError) in
            guard index != 0 else { throw failure(kind, wasNeverSent: true) }
            return answer(201)
        }
        #expect(nodes.send(isRepeatable: false) == 201)
        #expect(nodes.asked() == [0, 1])
    }

    @Test func aThrottledRequestWaitsAsLongAsIsAskedFor() {
        let nodes = Nodes(2)
        let count = Locked(0)
        nodes.play { _ in
            let number = count.withLock { count -> Int in
                count += 1
                return count
            }
            var response = answer(number == 1 ? 429 : 200)
            response.retryAfterSeconds = number == 1 ? 1 : nil
            return response
        }
        let began = Deadline.now
        // Refused before it was executed: also what has consequences.
        #expect(nodes.send(isRepeatable: false) == 200)
        #expect(Deadline.now - began >= second)
        #expect(nodes.asked() == [0, 0])
    }

    @Test func aWaitBeyondTheDeadlineIsNotBegun() {
        let nodes = Nodes(2)
        nodes.play { index in
            var response = answer(index == 0 ? 429 : 200)
            response.retryAfterSeconds = 60
            return response
        }
        #expect(nodes.send() == 200)
        #expect(nodes.asked() == [0, 1])
        let single = Nodes(1)
        single.play { _ in
            var response = answer(429)
            response.retryAfterSeconds = 60
            return response
        }
        let began = Deadline.now
        #expect(single.send() == 429)
        #expect(Deadline.now - began < second)
    }

    @Test func throttlingWithoutAWordIsNotTriedForEver() {
        let nodes = Nodes(1)
        nodes.play { _ in answer(429) }
        #expect(nodes.send() == 429)
        #expect(nodes.asked().count == RetrySchedule.maximumThrottled)
    }

    @Test func aSilentEndpointLeavesTimeForTheOthers() {
        let nodes = Nodes(3)
        nodes.play { _ throws(TransportError) in throw failure(.timedOut) }
        nodes.send()
        let limits = nodes.takeLog().map { $0.limits.deadline.remaining }
        #expect(limits.count == 3)
        #expect((1_500...2_001).contains(limits[0]) && (1_500...2_001).contains(limits[1]))
        #expect(limits[2] > 9_000)
        // Of a short deadline each gets its share.
        let hurried = Nodes(3)
        hurried.send(milliseconds: 900)
        #expect((200...301).contains(hurried.takeLog()[0].limits.deadline.remaining))
    }

    @Test func whatCannotBeRepeatedIsLimitedOnlyWhileItConnects() {
        let nodes = Nodes(2)
        nodes.send(isRepeatable: false)
        let limits = nodes.takeLog()[0].limits
        #expect(limits.connectMilliseconds <= 2_000 && limits.deadline.remaining > 9_000)
    }

    @Test func afterASilenceRequestsGetAQuarterOfTheirTime() {
        let nodes = Nodes(1)
        nodes.play { _ throws(TransportError) in throw failure(.timedOut) }
        for _ in 0..<2 { nodes.send(milliseconds: 1_000_000) }
        let remaining = nodes.takeLog().map { $0.limits.deadline.remaining }
        #expect(remaining[0] > 900_000 && (200_000...250_001).contains(remaining[1]))
        nodes.play { _ in answer(200) }
        for _ in 0..<2 { nodes.send(milliseconds: 1_000_000) }
        #expect(nodes.takeLog()[1].limits.deadline.remaining > 900_000)
    }

    @Test func aRefusalIsNotCarriedToAnEndpointThatHasJustFailed() {
        let nodes = Nodes(2)
        nodes.play { index throws(TransportError) in
            guard index != 0 else { throw failure(.timedOut) }
            return answer(200)
        }
        nodes.send()
        nodes.play { _ in answer(500) }
        #expect(nodes.send() == 500)
        #expect(nodes.asked() == [0, 1, 1])
    }

    @Test func whenAllAreAwayOnlyTheFirstSecondWaits() {
        let nodes = Nodes(2)
        nodes.play { _ throws(TransportError) in throw failure(.connection, wasNeverSent: true) }
        var began = Deadline.now
        #expect(nodes.send() == nil)
        #expect((second...3 * second).contains(Deadline.now - began))
        #expect(nodes.asked().count > 4)
        began = Deadline.now
        #expect(nodes.send() == nil)
        #expect(Deadline.now - began < second / 2)
        #expect(nodes.asked().count == 2)
    }

    @Test func aWrongConfigurationIsNotTriedElsewhere() {
        let nodes = Nodes(2)
        nodes.play { _ throws(TransportError) in throw failure(.refused, wasNeverSent: true) }
        #expect(nodes.send() == nil)
        #expect(nodes.asked() == [0])
    }
}

struct EndpointTests {
    @Test func itIsSetAsideForLongerWithEachFailure() {
        let endpoint = Endpoint("https://kms")
        #expect(endpoint.standing() == .good)
        var now = 1_000 * second
        for longest in [1, 2, 4, 8, 16, 30, 30] as [UInt64] {
            endpoint.recordFailure(isSilence: false, now: now)
            guard case .setAside(let until) = endpoint.standing(now: now) else {
                Issue.record("not set aside")
                return
            }
            #expect((longest * second * 3 / 4...longest * second * 5 / 4).contains(until - now))
            #expect(endpoint.standing(now: until) == .due)
            now = until
        }
        #expect(endpoint.recordAnswer())
        #expect(endpoint.standing(now: now) == .good)
    }

    @Test func oneThreadProbes() {
        let endpoint = Endpoint("https://kms")
        let now = 1_000 * second
        #expect(!endpoint.claimProbe(now: now))
        endpoint.recordFailure(isSilence: false, now: now)
        #expect(!endpoint.claimProbe(now: now))
        #expect(endpoint.claimProbe(now: now + 2 * second))
        #expect(!endpoint.claimProbe(now: now + 2 * second))
        #expect(endpoint.claimProbe(now: now + 60 * second))
    }

    @Test func silenceIsForgotten() {
        let endpoint = Endpoint("https://kms")
        endpoint.recordFailure(isSilence: true, now: 100 * second)
        #expect(endpoint.isSilent(now: 105 * second))
        #expect(!endpoint.isSilent(now: 111 * second))
        endpoint.recordFailure(isSilence: true, now: 120 * second)
        endpoint.recordAnswer()
        #expect(!endpoint.isSilent(now: 121 * second))
    }
}

struct OutageTests {
    @Test func theWindowBelongsToTheOutage() {
        let outage = Outage()
        func record(_ time: UInt64) -> Bool { outage.record(attemptBegan: time * second, now: time * second) }
        #expect(record(100))
        #expect(record(101))
        #expect(!record(102))
        // Nobody asked for a while: a new outage.
        #expect(record(120))
        #expect(!record(122))
        outage.end()
        #expect(record(123))
    }

    @Test func aSlowFailureIsNotRepeated() {
        #expect(!Outage().record(attemptBegan: 100 * second, now: 105 * second))
    }
}

struct RetryScheduleTests {
    @Test func waitsGrowAndStayInsideTheDeadline() {
        var schedule = RetrySchedule()
        for step in [50, 100, 200, 250, 250] {
            let wait = schedule.wait(isAllowed: true, before: soon) ?? 0
            #expect((step / 2...step).contains(wait))
        }
        #expect(schedule.wait(isAllowed: false, before: soon) == nil)
        #expect(schedule.wait(isAllowed: true, before: Deadline(milliseconds: 10)) == nil)
        #expect(schedule.wait(isAllowed: true, requested: 2, before: soon) == 2_000)
        #expect(schedule.wait(isAllowed: true, requested: 60, before: soon) == nil)
    }
}
