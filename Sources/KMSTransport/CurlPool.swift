internal import KMSSupport

/// The handles that no thread uses now, most recently used last: few threads keep few connections busy, and the others
/// age and go.
final class CurlPool: Sendable {
    private struct State {
        var generation: UInt64
        var idle: [CurlHandle] = []
    }

    private let state = Locked(State(generation: Gate.generation))
    private let maximumIdle: UInt64
    private let maximumCount: Int

    init(maximumIdleSeconds: Int, maximumCount: Int = 64) {
        maximumIdle = UInt64(clamping: maximumIdleSeconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
        self.maximumCount = maximumCount
    }

    var count: Int { state.withLock { $0.idle.count } }

    /// Inside `CurlScope`. nil: make a new one. The handle's connection may be too old; libcurl then replaces it.
    func take() -> CurlHandle? {
        let now = Deadline.now
        // Handles are freed outside the lock: that writes to the network.
        var freed: [CurlHandle] = []
        let taken = state.withLock { state -> CurlHandle? in
            forgetParent(&state, into: &freed)
            let taken = state.idle.popLast()
            // The oldest are first, so those too old are a prefix.
            let old = state.idle.prefix { now &- $0.lastUsed > maximumIdle }.count
            freed += state.idle[..<old]
            state.idle.removeFirst(old)
            return taken
        }
        return taken
    }

    /// Inside `CurlScope`.
    func put(_ handle: CurlHandle) {
        handle.lastUsed = Deadline.now
        var freed: [CurlHandle] = []
        state.withLock { state in
            forgetParent(&state, into: &freed)
            if state.idle.count < maximumCount { state.idle.append(handle) } else { freed.append(handle) }
        }
    }

    /// Inside `CurlScope`: ends all idle connections.
    func removeAll() {
        // Freed by the end of the statement, outside the lock.
        _ = state.withLock { state -> [CurlHandle] in
            defer { state.idle = [] }
            return state.idle
        }
    }

    private func forgetParent(_ state: inout State, into freed: inout [CurlHandle]) {
        let generation = Gate.generation
        guard state.generation != generation else { return }
        state.generation = generation
        freed += state.idle
        state.idle = []
    }
}
