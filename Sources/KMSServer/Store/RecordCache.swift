internal import KMSSupport

/// Values that cost something to load, by id. A write to the store calls `forget`, and a value that was being loaded
/// at that moment is not kept, so that the cache never shows what the store no longer says.
package final class RecordCache<Value: Sendable>: Sendable {
    private struct State: Sendable {
        var values: [String: Value] = [:]
        var generation = 0
    }

    private let state = Locked(State())
    private let limit: Int

    /// - Parameter limit: number of values; when it is reached the cache starts afresh.
    package init(limit: Int) { self.limit = limit }

    package var count: Int { state.withLock { $0.values.count } }

    package func value(_ id: String, load: () async throws -> Value?) async throws -> Value? {
        let (known, generation) = state.withLock { ($0.values[id], $0.generation) }
        if let known { return known }
        guard let value = try await load() else { return nil }
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.values.count >= limit { state.values.removeAll() }
            state.values[id] = value
        }
        return value
    }

    /// The value if it is known already.
    package func cached(_ id: String) -> Value? { state.withLock { $0.values[id] } }

    package func forget(_ id: String) {
        state.withLock { state in
            state.values[id] = nil
            state.generation &+= 1
        }
    }
}
