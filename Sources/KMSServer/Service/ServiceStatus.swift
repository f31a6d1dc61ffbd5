internal import Synchronization

/// Whether the server starts, serves or stops.
package final class ServiceStatus: Sendable {
    package enum Phase: UInt8, AtomicRepresentable, Sendable {
        case starting, serving, stopping
    }

    private let state = Atomic(Phase.starting)

    package init() {}

    package var phase: Phase { state.load(ordering: .acquiring) }

    package func become(_ phase: Phase) { state.store(phase, ordering: .releasing) }

    /// Why no requests should be sent here; nil when they should.
    package var notReady: String? {
        switch phase {
        case .starting: "The server is starting"
        case .serving: nil
        case .stopping: "The server is stopping"
        }
    }
}

extension Vault {
    /// The reason, for readiness and metrics.
    package var notReady: String? { status.notReady ?? storage.lastFailure?.message }
}
