import KMSSupport
import Testing

struct SingleFlightTests {
    private struct Failure: Error, Equatable {}

    @Test func oneOfManyThreadsWorksForAll() {
        let flights = SingleFlight<String, Failure>()
        let (arrived, runs, owners) = (Locked(0), Locked(0), Locked(0))
        Thread.run(8) {
            arrived.withLock { $0 += 1 }
            let (outcome, isOwn) = flights.run("a", deadline: Deadline(milliseconds: 60_000)) {
                runs.withLock { $0 += 1 }
                // Until the others are there, and a little longer, so that they wait.
                while arrived.withLock({ $0 }) < 8 { Gate.pause(milliseconds: 1) }
                Gate.pause(milliseconds: 50)
            }
            if case .done = outcome {} else { Issue.record("\(outcome)") }
            if isOwn { owners.withLock { $0 += 1 } }
        }
        // A thread that came late may have worked by itself, and nobody waited for a flight that was over.
        #expect(runs.withLock { $0 } == owners.withLock { $0 })
        #expect(runs.withLock { $0 } < 8)
    }

    @Test func othersAreNotWaitedFor() {
        let flights = SingleFlight<String, Failure>()
        let outer = flights.run("a", deadline: Deadline(milliseconds: 60_000)) {
            let inner = flights.run("b", deadline: Deadline(milliseconds: 60_000)) {}
            #expect(inner.isOwn)
            // The flight of «a» is this thread's own and cannot end now.
            let vain = flights.run("a", deadline: Deadline(milliseconds: 20)) {}
            if case .waitedInVain = vain.outcome {} else { Issue.record("\(vain)") }
        }
        #expect(outer.isOwn)
    }

    @Test func aFailureIsEverybodysAndTheNextBeginsAnew() {
        let flights = SingleFlight<String, Failure>()
        let failed = flights.run("a", deadline: Deadline(milliseconds: 60_000)) { () throws(Failure) in throw Failure()
        }
        if case .failed = failed.outcome {} else { Issue.record("\(failed)") }
        let next = flights.run("a", deadline: Deadline(milliseconds: 60_000)) {}
        #expect(next.isOwn)
        if case .done = next.outcome {} else { Issue.record("\(next)") }
    }
}
