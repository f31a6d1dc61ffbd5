package import Hummingbird
internal import NIOCore
internal import NIOSSL

/// One request's surroundings.
package struct KMSContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// For the audit log; nil in tests without a network.
    package let clientAddress: String?
    package let started: ContinuousClock.Instant
    /// With which this very request is made.
    var approval: ApprovalRecord?
    private let channel: any Channel

    package init(source: Source) {
        coreContext = .init(source: source)
        clientAddress = source.channel.remoteAddress?.ipAddress
        started = .now
        channel = source.channel
    }

    /// The certificate that the client has shown in the TLS handshake, DER. That it has the private key is proven, and
    /// nothing else.
    package func clientCertificate() async -> [UInt8]? {
        guard let certificate = try? await channel.nioSSL_peerCertificate().get() else { return nil }
        return try? certificate.toDERBytes()
    }
}
