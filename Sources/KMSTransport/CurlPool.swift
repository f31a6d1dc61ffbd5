internal import KMSSupport

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The handles that no thread uses now, most recently used last: few threads keep few connections busy, and the others
/// age and go.
///
/// A thread that was here a moment ago gets its own handle back. Busy threads that took each other's would wait for each
/// other in the C library's allocator, which frees memory under the lock of the thread that allocated it, and fetch
/// buffers and socket from each other's processors: two threads would sign hardly more than one.
final class CurlPool: Sendable {
    private struct Idle {
        let handle: CurlHandle
        let thread: pthread_t
        /// When the thread put it back, on the monotonic clock in nanoseconds.
        let since: UInt64
    }

    private struct State {
        var generation: UInt64
        var idle: [Idle] = []
    }

    private let state = Locked(State(generation: Gate.generation))
    private let maximumIdle: UInt64
    private let maximumCount: Int

    /// How long a thread's handle is its own, in nanoseconds. A thread that signs less often gains nothing by it, and the
    /// connection that was used last is the least likely to be closed by the server.
    private static var ownNanoseconds: UInt64 { 100_000_000 }

    init(maximumIdleSeconds: Int, maximumCount: Int = 64) {
        maximumIdle = UInt64(clamping: maximumIdleSeconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
        self.maximumCount = maximumCount
    }

    var count: Int { state.withLock { $0.idle.count } }

    /// Inside `CurlScope`. nil: make a new one. The handle's connection may be too old; libcurl then replaces it.
    func take() -> CurlHandle? {
        let now = Deadline.now
        let thread = pthread_self()
        // Handles are freed outside the lock: that writes to the network.
        var freed: [Idle] = []
        let taken = state.withLock { state -> CurlHandle? in
            forgetParent(&state, into: &freed)
            let own = state.idle.lastIndex { $0.thread == thread && now &- $0.since < CurlPool.ownNanoseconds }
            let taken = (own ?? state.idle.indices.last).map { state.idle.remove(at: $0).handle }
            // The oldest are first, so those too old are a prefix.
            let old = state.idle.prefix { now &- $0.since > maximumIdle }.count
            freed += state.idle[..<old]
            state.idle.removeFirst(old)
            return taken
        }
        return taken
    }

    /// Inside `CurlScope`.
    func put(_ handle: CurlHandle) {
        let idle = Idle(handle: handle, thread: pthread_self(), since: Deadline.now)
        var freed: [Idle] = []
        state.withLock { state in
            forgetParent(&state, into: &freed)
            if state.idle.count < maximumCount { state.idle.append(idle) } else { freed.append(idle) }
        }
    }

    /// Inside `CurlScope`: ends all idle connections.
    func removeAll() {
        // Freed by the end of the statement, outside the lock.
        _ = state.withLock { state -> [Idle] in
            defer { state.idle = [] }
            return state.idle
        }
    }

    private func forgetParent(_ state: inout State, into freed: inout [Idle]) {
        let generation = Gate.generation
        guard state.generation != generation else { return }
        state.generation = generation
        freed += state.idle
        state.idle = []
    }
}
