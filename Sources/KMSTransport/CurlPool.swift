internal import CForkSupport
internal import KMSSupport

/// The handles that no thread uses now, most recently used last: few threads keep few connections busy, and the others
/// age and go.
///
/// A thread that was here a moment ago gets its own handle back. Busy threads that took each other's would wait for each
/// other in the C library's allocator, which frees memory under the lock of the thread that allocated it, and fetch
/// buffers and socket from each other's processors: two threads would sign hardly more than one.
///
/// Knows nothing of a handle but that it may be freed outside the lock alone.
package final class CurlPool<Handle: Sendable>: Sendable {
    private struct Idle {
        let handle: Handle
        let thread: UInt
        /// When the thread put it back, on the monotonic clock in nanoseconds.
        let since: UInt64

        /// In nanoseconds; 0 if it came back after `now`, while the thread that asks was on its way to the lock.
        func age(_ now: UInt64) -> UInt64 { now > since ? now - since : 0 }
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

    package init(maximumIdleSeconds: Int, maximumCount: Int = 64) {
        maximumIdle = UInt64(clamping: maximumIdleSeconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
        self.maximumCount = maximumCount
    }

    /// Tells the calling thread from all others that live now.
    package static var currentThread: UInt { thread_number() }

    package var count: Int { state.withLock { $0.idle.count } }

    /// Inside `CurlScope`. nil: make a new one. The handle's connection may be too old; libcurl then replaces it.
    package func take(for thread: UInt = CurlPool.currentThread, now: UInt64 = Deadline.now) -> Handle? {
        // Handles are freed outside the lock: that writes to the network.
        var freed: [Idle] = []
        let taken = state.withLock { state -> Handle? in
            forgetParent(&state, into: &freed)
            let own = state.idle.lastIndex { $0.thread == thread && $0.age(now) < Self.ownNanoseconds }
            let taken = (own ?? state.idle.indices.last).map { state.idle.remove(at: $0).handle }
            // The oldest are first, so those too old are a prefix.
            let old = state.idle.prefix { $0.age(now) > maximumIdle }.count
            freed += state.idle[..<old]
            state.idle.removeFirst(old)
            return taken
        }
        return taken
    }

    /// Inside `CurlScope`.
    package func put(_ handle: Handle, by thread: UInt = CurlPool.currentThread, now: UInt64 = Deadline.now) {
        let idle = Idle(handle: handle, thread: thread, since: now)
        var freed: [Idle] = []
        state.withLock { state in
            forgetParent(&state, into: &freed)
            if state.idle.count < maximumCount { state.idle.append(idle) } else { freed.append(idle) }
        }
    }

    /// Inside `CurlScope`: ends all idle connections.
    package func removeAll() {
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
