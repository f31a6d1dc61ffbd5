/// Work that one thread does for all that want it at the same time.
package final class SingleFlight<Key: Hashable & Sendable, Failure: Error>: Sendable {
    package enum Outcome: Sendable {
        case done
        case failed(Failure)
        /// The deadline passed while another thread was at work.
        case waitedInVain
    }

    private final class Flight: Sendable {
        /// In a child of the process whose thread does the work it never ends.
        let generation = Gate.generation
        let outcome = Locked<Outcome?>(nil)
    }

    private let flights = Locked<[Key: Flight]>([:])

    package init() {}

    /// Runs `body`, or waits for the thread that runs the one of the same key.
    ///
    /// - Returns: how that ended, and whether it was this thread's own.
    package func run(
        _ key: Key, deadline: Deadline, _ body: () throws(Failure) -> Void
    ) -> (outcome: Outcome, isOwn: Bool) {
        let generation = Gate.generation
        let own = Flight()
        let other = flights.withLock { flights -> Flight? in
            if let other = flights[key], other.generation == generation { return other }
            flights[key] = own
            return nil
        }
        if let other { return (wait(for: other, deadline), false) }
        var outcome = Outcome.done
        do throws(Failure) {
            try body()
        } catch {
            outcome = .failed(error)
        }
        flights.withLock { if $0[key] === own { $0[key] = nil } }
        own.outcome.withLock { $0 = outcome }
        return (outcome, true)
    }

    private func wait(for flight: Flight, _ deadline: Deadline) -> Outcome {
        while true {
            if let outcome = flight.outcome.withLock({ $0 }) { return outcome }
            guard !deadline.isOver else { return .waitedInVain }
            // Not a condition variable: its lock could be taken in the middle of a fork.
            Gate.pause(milliseconds: 2)
        }
    }
}
