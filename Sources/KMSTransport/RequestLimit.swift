internal import KMSSupport

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// How many requests may be under way at once; who comes later waits.
///
/// A semaphore, and no condition variable: there is no lock that a thread could hold in the middle of a fork. A child
/// begins with all places free, for its parent's requests are not its own.
final class RequestLimit: Sendable {
    /// POSIX's semaphore for one fork generation.
    private final class Places: @unchecked Sendable {
        // @unchecked: a semaphore is made for many threads.
        let generation: UInt64
        let semaphore: UnsafeMutablePointer<sem_t>

        init(_ count: UInt32, generation: UInt64) {
            self.generation = generation
            semaphore = .allocate(capacity: 1)
            semaphore.initialize(to: sem_t())
            sem_init(semaphore, 0, count)
        }

        deinit {
            sem_destroy(semaphore)
            semaphore.deallocate()
        }
    }

    private let count: UInt32
    private let places: Locked<Places>

    /// - Returns: nil for 0, which is no limit.
    init?(_ count: Int) {
        guard let count = UInt32(exactly: count), count > 0 else { return nil }
        self.count = count
        places = Locked(Places(count, generation: Gate.generation))
    }

    /// Runs `body` in a place of its own. Inside the fork gate, which is left while there is none.
    ///
    /// - Throws: `timedOut` when there was none before the deadline.
    func run<Result>(
        before deadline: Deadline, _ body: () throws(TransportError) -> Result
    ) throws(TransportError) -> Result {
        let places = current()
        guard take(places, before: deadline) else {
            throw TransportError(
                .timedOut,
                "\(count) requests are under way already, as many as max_concurrent_requests_per_slot allows, and none "
                    + "ended in time", wasNeverSent: true)
        }
        defer { sem_post(places.semaphore) }
        return try body()
    }

    private func current() -> Places {
        let generation = Gate.generation
        return places.withLock { places in
            if places.generation != generation { places = Places(count, generation: generation) }
            return places
        }
    }

    private func take(_ places: Places, before deadline: Deadline) -> Bool {
        if sem_trywait(places.semaphore) == 0 { return true }
        while !deadline.isOver {
            // Short pieces, because the wait is on a clock that an administrator may set.
            var until = timespec()
            clock_gettime(CLOCK_REALTIME, &until)
            let nanoseconds = until.tv_nsec + min(deadline.remaining, 500) * 1_000_000
            until.tv_sec += nanoseconds / 1_000_000_000
            until.tv_nsec = nanoseconds % 1_000_000_000
            if Gate.outside({ sem_timedwait(places.semaphore, &until) }) == 0 { return true }
        }
        return false
    }
}
