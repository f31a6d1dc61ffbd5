package import Hummingbird
internal import NIOCore

/// One request's surroundings.
package struct KMSContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// For the audit log; nil in tests without a network.
    package let clientAddress: String?
    package let started: ContinuousClock.Instant
    /// Groups whose approvers have approved this very request.
    package var approvedGroups: Set<String> = []

    package init(source: Source) {
        coreContext = .init(source: source)
        clientAddress = source.channel.remoteAddress?.ipAddress
        started = .now
    }
}
